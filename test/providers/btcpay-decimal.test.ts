import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coins } from '../../providers/btcpay/coins.js';
import {
  compare,
  formatDecimal,
  minus,
  parseDecimal,
  plus,
  times,
  toMinorUnits,
  type Decimal,
} from '../../providers/btcpay/decimal.js';
import type { InvoiceState } from '../../providers/btcpay/invoice-calls.js';
import { readOffer } from '../../providers/btcpay/offer.js';
import { sumPaid } from '../../providers/btcpay/paid-sum.js';
import { invoicesSchema, paymentMethodsSchema } from '../../providers/btcpay/replies.js';
import { parseCredential } from '../../providers/btcpay/credentials.js';
import { address, credential, dueCoins, invoice, method, operation, payment } from './btcpay-test-server.js';

const decimal = (text: string): Decimal => {
  const value = parseDecimal(text);
  if (!value) throw new Error(`${text} is not a decimal`);
  return value;
};

describe('an exact decimal', () => {
  it.each(['', '.5', '5.', '1e-8', '1,000', ' 1', '+1', '0x1', '1.2.3', 'NaN', '1'.repeat(31)])(
    'is not read from %j',
    (text) => expect(parseDecimal(text)).toBeUndefined(),
  );

  it('adds, subtracts and multiplies as integers do', () => {
    const part = fc.tuple(
      fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      fc.integer({ min: 0, max: 12 }),
    );
    fc.assert(
      fc.property(part, part, ([left, leftScale], [right, rightScale]) => {
        const a = { units: left, scale: leftScale };
        const b = { units: right, scale: rightScale };
        expect(compare(minus(plus(a, b), b), a)).toBe(0);
        expect(times(a, b)).toEqual({ units: left * right, scale: leftScale + rightScale });
        expect(compare(decimal(formatDecimal(a)), a)).toBe(0);
      }),
    );
  });

  it('is written without an exponent and without trailing zeros', () => {
    expect(formatDecimal(decimal('0.00155300'))).toBe('0.001553');
    expect(formatDecimal(decimal('0.00000001'))).toBe('0.00000001');
    expect(formatDecimal(decimal('-12.0'))).toBe('-12');
  });

  it.each([
    ['0.005', 'USD', 0],
    ['0.015', 'USD', 2],
    ['0.0150000000000000000001', 'USD', 2],
    ['0.0149999999999999999999', 'USD', 1],
    ['0.025', 'USD', 2],
    ['99.995', 'USD', 10_000],
    ['1.5', 'JPY', 2],
    ['2.5', 'JPY', 2],
    ['12', 'USD', 1200],
    ['-0.01', 'USD', undefined],
    ['90071992547409.92', 'USD', undefined],
  ])('%s %s is %s minor units, rounded half-even once', (text, currency, minor) => {
    expect(toMinorUnits(decimal(text), currency)).toBe(minor);
  });
});

const stateOf = (amount: string, currency: string, rate: string, ...coinsPaid: string[]): InvoiceState => {
  const payments = coinsPaid.map((value) => payment(value));
  const [read] = invoicesSchema.parse([invoice({ amount, currency })]);
  if (!read) throw new Error('no invoice');
  return { invoice: read, methods: paymentMethodsSchema.parse([method({ rate, payments })]) };
};

describe('the rounding of a coin', () => {
  const worth = (state: InvoiceState, currency: string) =>
    toMinorUnits(sumPaid([state], coins['BTC-CHAIN']).settled, currency);

  it('is no surplus where one satoshi is worth more than the currency’s smallest unit', () => {
    // At 1,500,000,000 a satoshi is 15 units: 100 are 6.67 of them, and 7 are asked for.
    expect(worth(stateOf('100', 'KRW', '1500000000', '0.00000007'), 'KRW')).toBe(100);
    expect(worth(stateOf('100', 'KRW', '1500000000', '0.00000004', '0.00000003'), 'KRW')).toBe(100);
    expect(worth(stateOf('100', 'KRW', '1500000000', '0.00000008'), 'KRW')).toBe(120);
    expect(worth(stateOf('100', 'KRW', '1500000000', '0.00000006'), 'KRW')).toBe(90);
  });

  it('of any amount at any rate, rounded up to the satoshi, is that amount exactly', () => {
    const amounts = fc.integer({ min: 100, max: 10 ** 9 });
    const rates = fc.integer({ min: 1, max: 10 ** 13 });
    fc.assert(
      fc.property(amounts, rates, (amountMinor, rateCents) => {
        const numerator = BigInt(amountMinor) * 10n ** 8n;
        const satoshis = (numerator + BigInt(rateCents) - 1n) / BigInt(rateCents);
        const value = formatDecimal({ units: satoshis, scale: 8 });
        const amount = formatDecimal({ units: BigInt(amountMinor), scale: 2 });
        const rate = formatDecimal({ units: BigInt(rateCents), scale: 2 });
        expect(worth(stateOf(amount, 'USD', rate, value), 'USD')).toBe(amountMinor);
      }),
    );
  });
});

describe('an offer', () => {
  const settings = parseCredential('shop', credential('https://btcpay.example.com', { mode: 'live' }));
  const real = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
  const offerAt = (destination: string) => {
    const paymentLink = `bitcoin:${destination}?amount=${dueCoins}`;
    const methods = paymentMethodsSchema.parse([method({ destination, paymentLink })]);
    return readOffer({ ...stateOf('100.00', 'USD', '1'), methods }, settings, operation);
  };

  it('of a live account is of the real chain', () => {
    expect(offerAt(real)).toMatchObject({ kind: 'offer', offer: { crypto: { address: real } } });
    expect(offerAt(address)).toMatchObject({ kind: 'other_chain' });
  });

  it('hands out a page of the merchant’s own server alone', () => {
    const state = stateOf('100.00', 'USD', '1');
    const test = parseCredential('shop', credential('https://btcpay.example.com/pay'));
    const pageOf = (checkoutLink: string) => {
      const read = readOffer({ ...state, invoice: { ...state.invoice, checkoutLink } }, test, operation);
      return read.kind === 'offer' ? read.offer.crypto?.pageUrl : read.kind;
    };
    expect(pageOf('https://btcpay.example.com/pay/i/1')).toBe('https://btcpay.example.com/pay/i/1');
    expect(pageOf('https://elsewhere.example.com/i/1')).toBeNull();
    expect(pageOf('javascript:alert(1)')).toBeNull();
  });
});
