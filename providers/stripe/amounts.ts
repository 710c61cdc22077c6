import { currencyExponent } from '../../domain/currencies.js';

/**
 * Amounts at Stripe are integers in the smallest unit, whose size is Stripe's and not always ISO 4217's
 * (https://docs.stripe.com/currencies#minor-units, read 2026-11): the ariary counts without its fifths, the
 * Icelandic króna and the Ugandan shilling with two decimals that must be zero, and three-decimal currencies with a
 * last digit that must be zero.
 */
const zeroDecimal = new Set('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' '));
const threeDecimal = new Set('BHD JOD KWD OMR TND'.split(' '));

/** Those in which a card can be charged; which of them an account may use is Stripe's to say. */
export const stripeCurrencies: readonly string[] = (
  'AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP ' +
  'CNY COP CRC CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS ' +
  'INR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR ' +
  'MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK ' +
  'SGD SHP SLE SOS SRD SZL THB TJS TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VND VUV WST XAF XCD XOF XPF YER ' +
  'ZAR ZMW'
).split(' ');
const known = new Set(stripeCurrencies);

/** Eight digits, as Stripe's API reference says of a PaymentIntent's amount. */
export const MAX_STRIPE_AMOUNT = 99_999_999;

/** Undefined for what Stripe cannot be asked for: it is never rounded. */
export function toStripeAmount(amountMinor: number, currency: string): number | undefined {
  if (!known.has(currency) || !Number.isSafeInteger(amountMinor) || amountMinor <= 0) return undefined;
  if (threeDecimal.has(currency) && amountMinor % 10 !== 0) return undefined;
  const amount = scale(amountMinor, stripeExponent(currency) - currencyExponent(currency));
  return amount !== undefined && amount <= MAX_STRIPE_AMOUNT ? amount : undefined;
}

/** Undefined for what cannot be said exactly in the currency's own minor units. */
export function fromStripeAmount(amount: unknown, currency: string): number | undefined {
  if (typeof amount !== 'number' || !Number.isSafeInteger(amount) || amount < 0) return undefined;
  if (!known.has(currency)) return undefined;
  return scale(amount, currencyExponent(currency) - stripeExponent(currency));
}

function stripeExponent(currency: string): number {
  if (zeroDecimal.has(currency)) return 0;
  return threeDecimal.has(currency) ? 3 : 2;
}

function scale(amount: number, digits: number): number | undefined {
  const scaled = digits >= 0 ? amount * 10 ** digits : amount / 10 ** -digits;
  return Number.isSafeInteger(scaled) ? scaled : undefined;
}
