import { currencyExponent } from '../../domain/currencies.js';

/** An exact decimal number: `units` × 10^-`scale`. BTCPay's rates and coin amounts have up to 28 digits. */
export interface Decimal {
  readonly units: bigint;
  readonly scale: number;
}

export const ZERO: Decimal = { units: 0n, scale: 0 };

/** Undefined for what is not plainly written ("1e-8", "1,000", ".5"): an amount is never guessed. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?\d{1,30})(?:\.(\d{1,30}))?$/.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = ''] = match;
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

export function plus(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  return { units: unitsAt(left, scale) + unitsAt(right, scale), scale };
}

export function minus(left: Decimal, right: Decimal): Decimal {
  return plus(left, { units: -right.units, scale: right.scale });
}

export function times(left: Decimal, right: Decimal): Decimal {
  return { units: left.units * right.units, scale: left.scale + right.scale };
}

/** Negative, zero or positive, as `left` is less than, equal to or more than `right`. */
export function compare(left: Decimal, right: Decimal): number {
  const { units } = minus(left, right);
  return units < 0n ? -1 : units > 0n ? 1 : 0;
}

export function isPositive({ units }: Decimal): boolean {
  return units > 0n;
}

/** Without trailing zeros: "0.0001553". */
export function formatDecimal({ units, scale }: Decimal): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/**
 * Major units as integer minor units of `currency`, rounded half-even, as BTCPay rounds its own `paidAmount`
 * (.NET's Math.Round). Undefined for what is negative or beyond a safe integer.
 */
export function toMinorUnits(major: Decimal, currency: string): number | undefined {
  const exponent = currencyExponent(currency);
  const scale = Math.max(major.scale, exponent);
  const one = 10n ** BigInt(scale - exponent);
  const units = unitsAt(major, scale);
  if (units < 0n) return undefined;
  const whole = units / one;
  const doubledRest = (units % one) * 2n;
  const isUp = doubledRest > one || (doubledRest === one && whole % 2n === 1n);
  const minor = Number(isUp ? whole + 1n : whole);
  return Number.isSafeInteger(minor) ? minor : undefined;
}

function unitsAt({ units, scale }: Decimal, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}
