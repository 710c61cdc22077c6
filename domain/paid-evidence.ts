import type { PaidEvidence } from './outcome.js';

/** Our own row, against which a provider's claim of payment is held. */
export interface Expected {
  readonly reference: string;
  readonly amountMinor: number;
  readonly currency: string;
}

export interface Difference {
  readonly field: 'reference' | 'currency' | 'amount';
  readonly expected: string;
  readonly actual: string;
}

export type Verdict =
  /** Paid in full. `surplusMinor` (V > 0) is not the merchant's yet. */
  | { kind: 'paid'; surplusMinor: number; differences: readonly Difference[] }
  /** Our money, but not what was agreed: too little, or another currency. It never pays. */
  | { kind: 'differs'; differences: readonly Difference[] }
  /** Taken and given back by the provider: nothing is left to deliver for. */
  | { kind: 'refunded' }
  /** Not about our operation at all: evidence of nothing. */
  | { kind: 'foreign'; differences: readonly Difference[] };

/**
 * Decides whether evidence pays for what we expect, by V = actual − expected (payment model, rule 11):
 * another reference is foreign, another currency or V < 0 never pays, V ≥ 0 pays. Who was paid is not compared
 * here: only the connector knows the account's own number, and has refused what names another.
 */
export function judgePaid(expected: Expected, paid: PaidEvidence): Verdict {
  const reference = difference('reference', expected.reference, paid.reference);
  if (reference) return { kind: 'foreign', differences: [reference] };

  const currency = difference('currency', expected.currency, paid.currency);
  const amount = difference('amount', String(expected.amountMinor), String(paid.amountMinor));
  const differences = [currency, amount].filter((found) => found !== undefined);
  if (paid.refundedMinor > 0) {
    return paid.refundedMinor >= paid.amountMinor
      ? { kind: 'refunded' }
      : { kind: 'differs', differences: [...differences, refundDifference(paid)] };
  }
  const surplusMinor = paid.amountMinor - expected.amountMinor;
  if (currency || surplusMinor < 0) return { kind: 'differs', differences };
  return { kind: 'paid', surplusMinor, differences };
}

function difference(field: Difference['field'], expected: string, actual: string): Difference | undefined {
  return expected === actual ? undefined : { field, expected, actual };
}

function refundDifference(paid: PaidEvidence): Difference {
  return {
    field: 'amount',
    expected: String(paid.amountMinor),
    actual: String(paid.amountMinor - paid.refundedMinor),
  };
}
