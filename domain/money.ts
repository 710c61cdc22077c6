import { currencyExponent } from './currencies.js';

/** An amount in integer minor units of an ISO 4217 currency: {amountMinor: 100000, currency: 'CNY'} is 1,000.00 CNY. */
export interface Money {
  readonly amountMinor: number;
  readonly currency: string;
}

/** The largest amount one payment may have: far below 2^53, so that sums of millions of them stay exact. */
export const MAX_AMOUNT_MINOR = 999_999_999_999;

export function isAmountMinor(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && value <= MAX_AMOUNT_MINOR;
}

/** Minor units as the decimal string that providers with major-unit protocols take: 100000 CNY → "1000.00". */
export function toMajorUnits({ amountMinor, currency }: Money): string {
  if (!Number.isSafeInteger(amountMinor)) throw new RangeError(`${amountMinor} is not a safe integer`);
  const exponent = currencyExponent(currency);
  const sign = amountMinor < 0 ? '-' : '';
  const digits = String(Math.abs(amountMinor)).padStart(exponent + 1, '0');
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/**
 * A provider's decimal string as minor units, or undefined where it is not exactly representable
 * ("1000.001" CNY, "1e3", ""): an amount that cannot be read is never guessed.
 */
export function fromMajorUnits(text: string, currency: string): number | undefined {
  const exponent = currencyExponent(currency);
  const match = /^(\d{1,15})(?:\.(\d{1,6}))?$/.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = ''] = match;
  const excess = fraction.slice(exponent);
  if (/[1-9]/.test(excess)) return undefined;
  const amountMinor = Number(whole + fraction.slice(0, exponent).padEnd(exponent, '0'));
  return Number.isSafeInteger(amountMinor) ? amountMinor : undefined;
}
