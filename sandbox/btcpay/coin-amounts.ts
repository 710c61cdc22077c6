/**
 * Integers all the way: an amount is in minor units of its currency, coins are in satoshis, and a rate is in
 * hundred-millionths of a currency's unit for one coin.
 */
const rateScale = 100_000_000n;
export const satoshisPerCoin = 100_000_000n;

const withoutMinorUnits = new Set(['JPY', 'KRW']);

export function minorDigits(currency: string): number {
  return withoutMinorUnits.has(currency) ? 0 : 2;
}

/** A decimal of at most `digits` places as an integer of that many places; undefined for anything else. */
export function parseFixed(text: unknown, digits: number): bigint | undefined {
  if (typeof text !== 'string' || !/^\d{1,18}(\.\d{1,18})?$/.test(text)) return undefined;
  const [whole = '', fraction = ''] = text.split('.');
  if (/[1-9]/.test(fraction.slice(digits))) return undefined;
  return BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'));
}

export function formatFixed(value: bigint, digits: number): string {
  const sign = value < 0n ? '-' : '';
  const text = String(value < 0n ? -value : value).padStart(digits + 1, '0');
  if (digits === 0) return sign + text;
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

export function parseRate(text: unknown): bigint | undefined {
  const rate = parseFixed(text, 8);
  return rate === 0n ? undefined : rate;
}

export function formatRate(rate: bigint): string {
  return formatFixed(rate, 8).replace(/0+$/, '').replace(/\.$/, '');
}

/** The server rounds what it asks for up to a whole satoshi, so that an exact payer never pays too little. */
export function coinsFor(amountMinor: bigint, currency: string, rate: bigint): bigint {
  const numerator = amountMinor * satoshisPerCoin * rateScale;
  const denominator = rate * 10n ** BigInt(minorDigits(currency));
  return (numerator + denominator - 1n) / denominator;
}

/** What coins are worth, in minor units × `worthScale`: exact. */
export const worthScale = satoshisPerCoin * rateScale;

export function worthOf(satoshis: bigint, currency: string, rate: bigint): bigint {
  return satoshis * rate * 10n ** BigInt(minorDigits(currency));
}

/** In whole minor units, half-even, as .NET's Math.Round. */
export function roundWorth(worth: bigint): bigint {
  const whole = worth / worthScale;
  const doubled = (worth % worthScale) * 2n;
  if (doubled > worthScale || (doubled === worthScale && whole % 2n === 1n)) return whole + 1n;
  return whole;
}
