import { invalid } from './refusal.js';

/** https://docs.stripe.com/currencies#minor-units, read 2026-11. */
const zeroDecimal = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const multiples: Readonly<Record<string, number>> = {
  isk: 100,
  ugx: 100,
  bhd: 10,
  jod: 10,
  kwd: 10,
  omr: 10,
  tnd: 10,
};
const LEAST_AMOUNT = 50;
const MOST_AMOUNT = 99_999_999;

export function checkAmount(amount: number, currency: string): void {
  if (!/^[a-z]{3}$/.test(currency)) throw invalid(`Invalid currency: ${currency}`, { param: 'currency' });
  const refuse = (code: string) => invalid('The amount cannot be charged', { code, param: 'amount' });
  if (amount < 1) throw refuse('parameter_invalid_integer');
  if (amount > MOST_AMOUNT) throw refuse('amount_too_large');
  if (amount < (zeroDecimal.has(currency) ? 1 : LEAST_AMOUNT)) throw refuse('amount_too_small');
  if (amount % (multiples[currency] ?? 1) !== 0) throw refuse('parameter_invalid_integer');
}

/** As the journal counts: in ISO 4217's minor units, which are not always Stripe's. */
export function moneyOf(amount: number, currency: string): { amount_minor: number; currency: string } {
  const factor = currency === 'mga' ? 100 : currency === 'isk' || currency === 'ugx' ? 0.01 : 1;
  return { amount_minor: Math.round(amount * factor), currency: currency.toUpperCase() };
}
