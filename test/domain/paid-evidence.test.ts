import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PaidEvidence } from '../../domain/outcome.js';
import { judgePaid, type Expected } from '../../domain/paid-evidence.js';
import { paidPosting, refundedByProviderPosting, type MoneyIn } from '../../domain/ledger.js';

const expectedOf = (amountMinor: number): Expected => ({
  reference: 'ours',
  amountMinor,
  currency: 'CNY',
});
const anyAmount = fc.integer({ min: 1, max: 999_999_999_999 });
const evidence = (change: Partial<PaidEvidence>): PaidEvidence => ({
  reference: 'ours',
  merchant: 'seller',
  amountMinor: 1,
  currency: 'CNY',
  refundedMinor: 0,
  providerReference: 'theirs',
  paidAtMs: null,
  ...change,
});

describe('V = actual - expected', () => {
  it('below zero never pays', () => {
    fc.assert(
      fc.property(anyAmount, anyAmount, (a, b) => {
        fc.pre(a !== b);
        const [actual, wanted] = [Math.min(a, b), Math.max(a, b)];
        const verdict = judgePaid(expectedOf(wanted), evidence({ amountMinor: actual }));
        expect(verdict).toEqual({
          kind: 'differs',
          differences: [{ field: 'amount', expected: String(wanted), actual: String(actual) }],
        });
      }),
    );
  });

  it('of zero pays, and of more than zero pays with that surplus', () => {
    fc.assert(
      fc.property(anyAmount, fc.integer({ min: 0, max: 1_000_000 }), (wanted, surplusMinor) => {
        const verdict = judgePaid(expectedOf(wanted), evidence({ amountMinor: wanted + surplusMinor }));
        expect(verdict).toMatchObject({ kind: 'paid', surplusMinor });
        expect('differences' in verdict && verdict.differences.length).toBe(surplusMinor === 0 ? 0 : 1);
      }),
    );
  });

  it('is not even taken of another currency: it never pays, whatever the amount', () => {
    fc.assert(
      fc.property(anyAmount, anyAmount, (wanted, amountMinor) => {
        const verdict = judgePaid(expectedOf(wanted), evidence({ amountMinor, currency: 'JPY' }));
        expect(verdict.kind).toBe('differs');
      }),
    );
  });
});

describe('evidence', () => {
  it('of another reference is foreign, whatever else it says', () => {
    const foreign = fc.constantFrom(
      { reference: 'theirs' },
      { reference: 'theirs', merchant: 'other' },
      { reference: '', merchant: '' },
    );
    fc.assert(
      fc.property(
        foreign,
        anyAmount,
        fc.nat(),
        fc.constantFrom('CNY', 'USD'),
        (change, amountMinor, refundedMinor, currency) => {
          const verdict = judgePaid(
            expectedOf(5),
            evidence({ amountMinor, refundedMinor, currency, ...change }),
          );
          expect(verdict.kind).toBe('foreign');
        },
      ),
    );
    expect(judgePaid(expectedOf(1), evidence({ reference: 'OURS' })).kind).toBe('foreign');
  });

  it('with any refund in it never pays', () => {
    fc.assert(
      fc.property(
        anyAmount,
        anyAmount,
        fc.integer({ min: 1, max: 2_000_000_000_000 }),
        (wanted, amountMinor, refundedMinor) => {
          const verdict = judgePaid(expectedOf(wanted), evidence({ amountMinor, refundedMinor }));
          expect(verdict.kind).toBe(refundedMinor >= amountMinor ? 'refunded' : 'differs');
          if (verdict.kind === 'differs') expect(verdict.differences.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('a posting', () => {
  const money = (actualMinor: number, deliveredMinor: number): MoneyIn => ({
    provider: 'alipay',
    accountId: 'acct_1',
    merchantId: 'm',
    currency: 'CNY',
    actualMinor,
    deliveredMinor,
  });
  const sum = (entries: readonly { amountMinor: number }[]) =>
    entries.reduce((total, e) => total + e.amountMinor, 0);

  it('of money that came sums to zero, delivers what it should, and leaves the rest in suspense', () => {
    fc.assert(
      fc.property(anyAmount, anyAmount, (a, b) => {
        const [delivered, actual] = [Math.min(a, b), Math.max(a, b)];
        const { fact, entries } = paidPosting(money(actual, delivered));
        expect([fact, sum(entries)]).toEqual(['paid', 0]);
        expect(entries.every((entry) => entry.amountMinor !== 0)).toBe(true);
        const of = (account: string) => sum(entries.filter((entry) => entry.account === account));
        expect(of('provider:alipay:acct_1')).toBe(actual);
        expect(of('merchant:m:payable') + delivered).toBe(0);
        expect(of('merchant:m:suspense') + actual - delivered).toBe(0);
      }),
    );
  });

  it('of money that went back by itself takes it from suspense', () => {
    const { entries } = refundedByProviderPosting(money(100, 0), 100);
    expect(entries).toEqual([
      { account: 'merchant:m:suspense', currency: 'CNY', amountMinor: 100 },
      { account: 'provider:alipay:acct_1', currency: 'CNY', amountMinor: -100 },
    ]);
  });

  it('is refused where more is delivered, or returned, than came', () => {
    for (const [actual, delivered] of [
      [0, 0],
      [-1, 0],
      [1, 2],
      [1, -1],
    ] as const) {
      expect(() => paidPosting(money(actual, delivered))).toThrow(RangeError);
    }
    for (const refunded of [0, -1, 101])
      expect(() => refundedByProviderPosting(money(100, 0), refunded)).toThrow(RangeError);
  });
});
