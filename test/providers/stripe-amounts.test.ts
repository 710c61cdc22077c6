import { expect, it } from 'vitest';
import { currencyExponent } from '../../domain/currencies.js';
import { fromStripeAmount, stripeCurrencies, toStripeAmount } from '../../providers/stripe/amounts.js';

it.each([
  ['USD', 4900, 4900],
  ['JPY', 4900, 4900],
  ['UGX', 4900, 490_000],
  ['ISK', 4900, 490_000],
  ['MGA', 4900, 49],
  ['MGA', 4950, undefined],
  ['KWD', 4900, 4900],
  ['KWD', 4905, undefined],
  ['BGN', 4900, undefined],
  ['XAU', 4900, undefined],
  ['USD', 99_999_999, 99_999_999],
  ['USD', 100_000_000, undefined],
  ['UGX', 1_000_000, undefined],
  ['USD', 0, undefined],
  ['USD', -1, undefined],
  ['USD', 1.5, undefined],
])('%s: our %d is Stripe’s %s', (currency, amountMinor, amount) => {
  expect(toStripeAmount(amountMinor, currency)).toBe(amount);
  if (amount !== undefined) expect(fromStripeAmount(amount, currency)).toBe(amountMinor);
});

it.each([
  [4_901, 'ISK'],
  ['4900', 'USD'],
  [1.5, 'USD'],
  [-1, 'USD'],
  [1, 'BGN'],
])('what cannot be said exactly is not read: %s %s', (amount, currency) => {
  expect(fromStripeAmount(amount, currency)).toBeUndefined();
});

it('takes only currencies of ISO 4217', () => {
  for (const currency of stripeCurrencies) expect(() => currencyExponent(currency)).not.toThrow();
});
