import { currencyExponent } from '../../domain/currencies.js';

/**
 * Amounts at Adyen are integers in minor units with the decimals of ISO 4217, but for four currencies
 * (https://docs.adyen.com/development-resources/currency-codes, read 2026-11): the Chilean peso and the Icelandic króna
 * count with two, the Cape Verdean escudo and the Indonesian rupiah with none.
 */
const differing: Readonly<Record<string, number>> = { CLP: 2, ISK: 2, CVE: 0, IDR: 0 };

/** Those that Adyen processes and ISO 4217 lists; which of them an account may use is Adyen's to say. */
export const adyenCurrencies: readonly string[] = (
  'AED ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BMD BND BOB BRL BSD BWP BYN BZD CAD CHF CLP CNY COP CRC CUP CVE ' +
  'CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD ISK JMD ' +
  'JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LYD MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD ' +
  'NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SEK SGD SHP SLE SOS SRD STN ' +
  'SVC SZL THB TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW'
).split(' ');
const known = new Set(adyenCurrencies);

/** In ISO 4217's minor units: far above what any card pays, and far below where a number loses digits. */
export const MAX_AMOUNT_MINOR = 9_999_999_999;

/** Undefined for what Adyen cannot be asked for: it is never rounded. */
export function toAdyenAmount(
  amountMinor: number,
  currency: string,
): { currency: string; value: number } | undefined {
  if (!known.has(currency) || !Number.isSafeInteger(amountMinor)) return undefined;
  if (amountMinor <= 0 || amountMinor > MAX_AMOUNT_MINOR) return undefined;
  const value = scale(amountMinor, adyenExponent(currency) - currencyExponent(currency));
  return value === undefined ? undefined : { currency, value };
}

/** Undefined for what cannot be said exactly in the currency's own minor units. */
export function fromAdyenAmount(value: unknown, currency: string): number | undefined {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
  return known.has(currency) ? scale(value, currencyExponent(currency) - adyenExponent(currency)) : undefined;
}

function adyenExponent(currency: string): number {
  return differing[currency] ?? currencyExponent(currency);
}

function scale(amount: number, digits: number): number | undefined {
  const scaled = digits >= 0 ? amount * 10 ** digits : amount / 10 ** -digits;
  return Number.isSafeInteger(scaled) ? scaled : undefined;
}
