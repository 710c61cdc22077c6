import { invalid, unprocessable } from './refusal.js';

export interface Money {
  readonly currency_code: string;
  readonly value: string;
}

/** https://developer.paypal.com/api/rest/reference/currency-codes/, read 2026-11; digits of ISO 4217's minor unit. */
const currencies: Readonly<Record<string, { readonly isoDigits: number; readonly hasDecimals: boolean }>> =
  Object.fromEntries(
    'AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD'
      .split(' ')
      .map((code) => [
        code,
        { isoDigits: code === 'JPY' ? 0 : 2, hasDecimals: !['HUF', 'JPY', 'TWD'].includes(code) },
      ]),
  );

/** In ISO's minor units, as the journal counts. */
export function minorOf({ currency_code: code, value }: Money): number {
  const { isoDigits = 2 } = currencies[code] ?? {};
  const [whole = '', fraction = ''] = value.split('.');
  return Number(whole + fraction.padEnd(isoDigits, '0').slice(0, isoDigits));
}

export function moneyOf(minor: number, code: string): Money {
  const { isoDigits = 2, hasDecimals = true } = currencies[code] ?? {};
  const digits = String(minor).padStart(isoDigits + 1, '0');
  const whole = isoDigits === 0 ? digits : digits.slice(0, -isoDigits);
  return { currency_code: code, value: hasDecimals ? `${whole}.${digits.slice(-isoDigits)}` : whole };
}

/** Strictly: what PayPal would refuse is refused here too. */
export function readMoney(given: unknown): Money {
  const { currency_code: code, value } = (given ?? {}) as { currency_code?: unknown; value?: unknown };
  if (typeof code !== 'string' || typeof value !== 'string') {
    throw invalid('A required field is missing: amount.', 'MISSING_REQUIRED_PARAMETER');
  }
  const currency = currencies[code];
  if (!currency)
    throw unprocessable('INVALID_CURRENCY_CODE', 'Currency code is invalid or is not supported.');
  if (!/^\d{1,10}(\.\d+)?$/.test(value)) throw invalid('The value of a field is invalid: amount.value.');
  const decimals = value.split('.')[1] ?? '';
  if (decimals.length > 0 && !currency.hasDecimals) {
    throw unprocessable('DECIMALS_NOT_SUPPORTED', `Currency ${code} does not support decimals.`);
  }
  if (decimals.length > 2) {
    throw unprocessable(
      'DECIMAL_PRECISION',
      'The value of the field should not be more than two decimal places.',
    );
  }
  if (minorOf({ currency_code: code, value }) <= 0) {
    throw unprocessable('CANNOT_BE_ZERO_OR_NEGATIVE', 'Must be greater than zero.');
  }
  return { currency_code: code, value };
}
