import { fromMajorUnits, isAmountMinor, toMajorUnits } from '../../domain/money.js';

/**
 * Amounts at PayPal are decimal strings. Three currencies take no decimals there, whatever ISO 4217 says of them
 * (https://developer.paypal.com/api/rest/reference/currency-codes/, read 2026-11); CNY and MYR only between accounts
 * of that country.
 */
export const paypalCurrencies: readonly string[] =
  'AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD'.split(
    ' ',
  );
const known = new Set(paypalCurrencies);
const withoutDecimals = new Set(['HUF', 'JPY', 'TWD']);

/** Ten million of a currency with two decimals; PayPal's own limits are by account and country, and come as refusals. */
export const MAX_PAYPAL_AMOUNT = 1_000_000_000;

/** Undefined for what PayPal cannot be asked for: it is never rounded. */
export function toPaypalAmount(amountMinor: number, currency: string): string | undefined {
  if (!known.has(currency) || !isAmountMinor(amountMinor) || amountMinor > MAX_PAYPAL_AMOUNT)
    return undefined;
  const text = toMajorUnits({ amountMinor, currency });
  if (!withoutDecimals.has(currency)) return text;
  const [whole, fraction = ''] = text.split('.');
  return /[1-9]/.test(fraction) ? undefined : whole;
}

/** Undefined for what cannot be said exactly in the currency's minor units. */
export function fromPaypalAmount(value: unknown, currency: string): number | undefined {
  return typeof value === 'string' && known.has(currency) ? fromMajorUnits(value, currency) : undefined;
}
