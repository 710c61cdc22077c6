import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { currencyExponent, isCurrency } from '../../domain/currencies.js';
import { paymentMethodOf, paymentMethods } from '../../domain/methods.js';
import { fromMajorUnits, isAmountMinor, MAX_AMOUNT_MINOR, toMajorUnits } from '../../domain/money.js';

/** ISO 4217 list one, written from the standard's exceptions: all other active currencies have two digits. */
const isoExceptions = {
  0: [
    'BIF',
    'CLP',
    'DJF',
    'GNF',
    'ISK',
    'JPY',
    'KMF',
    'KRW',
    'PYG',
    'RWF',
    'UGX',
    'VND',
    'VUV',
    'XAF',
    'XOF',
    'XPF',
  ],
  3: ['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'],
};
const twoDigits = [
  'CNY',
  'USD',
  'EUR',
  'GBP',
  'HKD',
  'TWD',
  'HUF',
  'IDR',
  'MGA',
  'MRU',
  'CVE',
  'SLE',
  'VED',
  'ZWG',
];
const active = Array.from({ length: 26 ** 3 }, (_, index) =>
  [676, 26, 1].map((unit) => String.fromCharCode(65 + (Math.floor(index / unit) % 26))).join(''),
).filter(isCurrency);

const anyCurrency = fc.constantFrom(...active);
const anyAmount = fc.oneof(
  fc.integer({ min: 0, max: 100_000 }),
  fc.integer({ min: 0, max: MAX_AMOUNT_MINOR }),
);

describe('currencies', () => {
  it('have the minor units of ISO 4217', () => {
    expect(active).toHaveLength(156);
    for (const code of isoExceptions[0]) expect([code, currencyExponent(code)]).toEqual([code, 0]);
    for (const code of isoExceptions[3]) expect([code, currencyExponent(code)]).toEqual([code, 3]);
    for (const code of twoDigits) expect([code, currencyExponent(code)]).toEqual([code, 2]);
    const exceptions = [...isoExceptions[0], ...isoExceptions[3]];
    const others = active.filter((code) => !exceptions.includes(code));
    expect(others.filter((code) => currencyExponent(code) !== 2)).toEqual([]);
  });

  it('do not follow Intl where it shows fewer digits than ISO 4217 has', () => {
    // Intl's digits are CLDR's, made for display: it drops minor units that shops no longer use (nobody prices
    // in filler, sen or pul). A provider still counts in them, so following Intl would be wrong a hundredfold.
    const differing = active.filter((code) => intlDigits(code) !== currencyExponent(code));
    expect(differing).toContain('IQD');
    for (const code of differing) expect([code, intlDigits(code)]).toEqual([code, 0]);
    const wellKnown = ['CNY', 'USD', 'EUR', 'GBP', 'JPY', 'KRW', 'KWD', 'HKD', 'CLP', 'TND'];
    expect(differing.filter((code) => wellKnown.includes(code))).toEqual([]);
  });

  it('are refused where the code is no active currency', () => {
    const noCurrencies = [
      '',
      'cny',
      'XXX',
      'XAU',
      'XTS',
      'CLF',
      'HRK',
      'DEM',
      'CNYX',
      '__proto__',
      'constructor',
    ];
    for (const code of noCurrencies) {
      expect([code, isCurrency(code)]).toEqual([code, false]);
      expect(() => currencyExponent(code)).toThrow(RangeError);
    }
  });
});

function intlDigits(currency: string): number | undefined {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;
}

describe('an amount', () => {
  it('is the same after a round trip through major units, in every currency', () => {
    fc.assert(
      fc.property(anyAmount, anyCurrency, (amountMinor, currency) => {
        const text = toMajorUnits({ amountMinor, currency });
        const [, fraction = ''] = text.split('.');
        expect(fraction).toHaveLength(currencyExponent(currency));
        expect(fromMajorUnits(text, currency)).toBe(amountMinor);
      }),
      { numRuns: 2000 },
    );
  });

  it('is written as providers expect it', () => {
    expect(toMajorUnits({ amountMinor: 100_000, currency: 'CNY' })).toBe('1000.00');
    expect(toMajorUnits({ amountMinor: 5, currency: 'CNY' })).toBe('0.05');
    expect(toMajorUnits({ amountMinor: 5, currency: 'KWD' })).toBe('0.005');
    expect(toMajorUnits({ amountMinor: 5, currency: 'JPY' })).toBe('5');
    expect(toMajorUnits({ amountMinor: -5, currency: 'CNY' })).toBe('-0.05');
    expect(() => toMajorUnits({ amountMinor: 0.5, currency: 'CNY' })).toThrow(RangeError);
    expect(() => toMajorUnits({ amountMinor: 2 ** 53, currency: 'CNY' })).toThrow(RangeError);
  });

  it('that cannot be read exactly is undefined, never a guess', () => {
    const unreadable = [
      '',
      ' ',
      '1.',
      '.5',
      '-1',
      '+1',
      '1e3',
      '1,000.00',
      '1000.001',
      '0x10',
      'NaN',
      'Infinity',
    ];
    const more = ['1 ', ' 1', '1\n', '１', '1.00.0', '1.0000001', '1'.repeat(16), '٣', '999999999999999.99'];
    for (const text of [...unreadable, ...more]) {
      expect([text, fromMajorUnits(text, 'CNY')]).toEqual([text, undefined]);
    }
    expect(fromMajorUnits('1.5', 'JPY')).toBeUndefined();
    expect(fromMajorUnits('1.0', 'JPY')).toBe(1);
    expect(fromMajorUnits('88.8', 'CNY')).toBe(8880);
    expect(fromMajorUnits('0001.100000', 'CNY')).toBe(110);
  });

  it('is a safe integer or undefined, whatever the string', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[-+]?[0-9.,eE]{0,20}$/), fc.double().map(String));
    fc.assert(
      fc.property(text, anyCurrency, (given, currency) => {
        const read = fromMajorUnits(given, currency);
        if (read === undefined) return;
        expect(Number.isSafeInteger(read)).toBe(true);
        const exponent = currencyExponent(currency);
        expect(given).toMatch(/^\d+(\.\d+)?$/);
        const scaled = (part: string) => BigInt(part.padEnd(7 + exponent, '0'));
        const [whole = '', fraction = ''] = given.split('.');
        expect(BigInt(read) * 10n ** 7n).toBe(BigInt(whole) * 10n ** BigInt(7 + exponent) + scaled(fraction));
      }),
      { numRuns: 2000 },
    );
  });

  it('of a payment is a positive integer up to the maximum', () => {
    for (const amount of [1, PRICE_OF_A_COURSE, MAX_AMOUNT_MINOR]) expect(isAmountMinor(amount)).toBe(true);
    for (const amount of [0, -1, 0.5, NaN, Infinity, MAX_AMOUNT_MINOR + 1, 2 ** 53]) {
      expect([amount, isAmountMinor(amount)]).toEqual([amount, false]);
    }
  });
});

const PRICE_OF_A_COURSE = 100_000;

describe('a payment method', () => {
  it('is known in any case, and only by its whole name', () => {
    const anyCase = fc.constantFrom(...paymentMethods).chain((method) =>
      fc.array(fc.boolean(), { minLength: method.length, maxLength: method.length }).map((upper) => ({
        method,
        text: [...method].map((c, i) => (upper[i] ? c.toUpperCase() : c)).join(''),
      })),
    );
    fc.assert(fc.property(anyCase, ({ method, text }) => paymentMethodOf(text) === method));
    for (const text of ['', 'ali', 'alipay ', 'ALI_PAY', 'toString', '__proto__', 'paypal,card']) {
      expect([text, paymentMethodOf(text)]).toEqual([text, undefined]);
    }
  });
});
