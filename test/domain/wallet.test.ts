import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merchantPayable, paidPosting, providerAccount } from '../../domain/ledger.js';
import {
  adjustment,
  availableMinor,
  capture,
  charge,
  hold,
  refund,
  release,
  shortageOf,
  topUp,
  walletAccount,
  walletEntries,
  walletHeldAccount,
  type Wallet,
  type WalletMovement,
} from '../../domain/wallet.js';

const counterAccount = providerAccount('wallet', 'acct_1');
const of = { payerId: 'payer-1', currency: 'CNY', counterAccount };
const wallet = (change: Partial<Wallet> = {}): Wallet => ({
  payerId: 'payer-1',
  currency: 'CNY',
  balanceMinor: 0,
  heldMinor: 0,
  creditLimitMinor: 0,
  ...change,
});
const amounts = fc.integer({ min: 1, max: 999_999_999_999 });

/** Any act at all: a capture takes some of what is held, the others any amount. */
const movements: fc.Arbitrary<WalletMovement> = fc.oneof(
  amounts.map(topUp),
  amounts.map(adjustment),
  amounts.map((amount) => adjustment(-amount)),
  amounts.map(charge),
  amounts.map(hold),
  amounts.map(release),
  amounts.map(refund),
  fc.tuple(amounts, amounts).map(([a, b]) => capture(Math.min(a, b), Math.max(a, b))),
);

describe('a movement of a wallet', () => {
  it('sums to zero, and owes the payer exactly what it adds', () => {
    fc.assert(
      fc.property(movements, (movement) => {
        const entries = walletEntries(movement, of);
        const total = (account?: string) =>
          entries
            .filter((entry) => account === undefined || entry.account === account)
            .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
        expect(entries.length).toBeGreaterThanOrEqual(2);
        expect(total()).toBe(0);
        expect(total(walletAccount('payer-1')) + movement.balanceChangeMinor).toBe(0);
        expect(total(walletHeldAccount('payer-1')) + movement.heldChangeMinor).toBe(0);
      }),
    );
  });

  it('of a payment leaves nothing in the account of the wallet as a provider', () => {
    fc.assert(
      fc.property(amounts, amounts, (one, other) => {
        const [taken, held] = [Math.min(one, other), Math.max(one, other)];
        const paid = paidPosting({
          provider: 'wallet',
          accountId: 'acct_1',
          merchantId: 'm',
          currency: 'CNY',
          actualMinor: taken,
          deliveredMinor: taken,
        });
        for (const acts of [[charge(taken)], [hold(held), capture(taken, held)]]) {
          const entries = [...paid.entries, ...acts.flatMap((act) => walletEntries(act, of))];
          const balances = new Map<string, number>();
          for (const { account, amountMinor } of entries) {
            balances.set(account, (balances.get(account) ?? 0) + amountMinor);
          }
          expect(balances.get(counterAccount)).toBe(0);
          expect(balances.get(walletHeldAccount('payer-1')) ?? 0).toBe(0);
          expect(balances.get(walletAccount('payer-1'))).toBe(taken);
          expect(balances.get(merchantPayable('m'))).toBe(-taken);
        }
      }),
    );
  });

  it('gives back to the payer all that a hold set aside, whether it is taken, in part or not at all', () => {
    fc.assert(
      fc.property(amounts, amounts, (one, other) => {
        const [taken, held] = [Math.min(one, other), Math.max(one, other)];
        const ends: [WalletMovement, number][] = [
          [capture(taken, held), -taken],
          [release(held), 0],
        ];
        for (const [end, left] of ends) {
          const held_ = hold(held);
          expect(held_.heldChangeMinor + end.heldChangeMinor).toBe(0);
          expect(held_.balanceChangeMinor + end.balanceChangeMinor).toBe(left);
        }
      }),
    );
  });

  it('is of an amount: nothing, less, or more than is held is a defect', () => {
    for (const act of [topUp, charge, hold, release, refund]) {
      expect(() => act(0)).toThrow(RangeError);
      expect(() => act(-1)).toThrow(RangeError);
      expect(() => act(0.5)).toThrow(RangeError);
    }
    expect(() => adjustment(0)).toThrow(RangeError);
    expect(() => capture(11, 10)).toThrow(RangeError);
  });
});

describe('what a wallet covers', () => {
  it('is its balance and its credit, and it says which of them was short', () => {
    expect(shortageOf(undefined, 1)).toBe('insufficient_balance');
    expect(shortageOf(wallet({ balanceMinor: 100 }), 100)).toBeUndefined();
    expect(shortageOf(wallet({ balanceMinor: 100 }), 101)).toBe('insufficient_balance');
    expect(shortageOf(wallet({ balanceMinor: -40, creditLimitMinor: 100 }), 60)).toBeUndefined();
    expect(shortageOf(wallet({ balanceMinor: -40, creditLimitMinor: 100 }), 61)).toBe('insufficient_credit');
  });

  it('is not what is held', () => {
    expect(availableMinor(wallet({ balanceMinor: 5, heldMinor: 100 }))).toBe(5);
  });
});

describe('the accounts of a wallet', () => {
  it('are never those of another payer, whatever the payers are called', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(walletAccount(a)).not.toBe(walletHeldAccount(b));
        expect(walletAccount(a) === walletAccount(b)).toBe(a === b);
      }),
    );
  });
});
