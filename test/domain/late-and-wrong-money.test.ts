import { describe, expect, it } from 'vitest';
import type { OperationStatus } from '../../domain/operation.js';
import type { PaidEvidence } from '../../domain/outcome.js';
import { applyChange, type PaymentChange } from '../../domain/payment-change.js';
import { decideCancel, decideLookup, decideStart } from '../../domain/payment-decisions.js';
import { openOperation, type OperationFacts, type PaymentFacts } from '../../domain/payment-facts.js';
import { decideMoreCame } from '../../domain/payment-surplus.js';
import type { PaymentStatus } from '../../domain/payment.js';
import {
  error,
  HOUR,
  MINUTE,
  offer,
  operationFacts,
  paidFor,
  paymentFacts,
  postedBy,
  PRICE,
  T0,
} from './facts.js';

const provider = 'provider:alipay:acct_1';
const payable = 'merchant:merchant456:payable CNY';
const suspense = 'merchant:merchant456:suspense';

function attempt(
  status: OperationStatus,
  paymentStatus: PaymentStatus,
  change: Partial<OperationFacts> = {},
) {
  const operation = operationFacts({ status, offer, sentAtMs: T0, ...change });
  return { operation, payment: paymentFacts([operation], { record: { status: paymentStatus } }) };
}

function comes(
  { payment, operation }: { payment: PaymentFacts; operation: OperationFacts },
  paid: Partial<PaidEvidence> = {},
): PaymentChange | undefined {
  return decideLookup(payment, operation, { kind: 'succeeded', paid: paidFor(operation, paid) }, T0 + MINUTE);
}

function after(payment: PaymentFacts, change: PaymentChange | undefined): PaymentFacts {
  return applyChange(payment, change!);
}

describe('money that is right', () => {
  it('makes the payment paid and opens what was bought', () => {
    const change = comes(attempt('action_required', 'requires_action'));
    expect(change).toMatchObject({
      status: 'succeeded',
      outcome: 'known',
      amountReceivedMinor: PRICE,
      grantsEntitlements: true,
    });
    expect(Object.fromEntries(postedBy(change))).toEqual({ [`${provider} CNY`]: PRICE, [payable]: -PRICE });
    expect(change?.events.map((event) => event.type)).toEqual(['payment.succeeded', 'entitlement.granted']);
    expect(change?.review).toBeUndefined();
  });

  it('with a surplus pays, and the surplus goes to suspense and to a review', () => {
    const change = comes(attempt('action_required', 'requires_action'), { amountMinor: PRICE + 5 });
    expect(change).toMatchObject({ status: 'succeeded', outcome: 'review', review: { reason: 'surplus' } });
    expect(postedBy(change).get(`${suspense} CNY`)).toBe(-5);
    expect(change?.amountReceivedMinor).toBe(PRICE + 5);
  });
});

describe('money that differs', () => {
  it('is never paid where it is too little: it goes to suspense and to a review', () => {
    const change = comes(attempt('action_required', 'requires_action'), { amountMinor: PRICE - 1 });
    expect(change).toMatchObject({
      operation: { to: 'review' },
      outcome: 'review',
      review: { reason: 'amount_differs' },
    });
    expect(change?.status).toBe('processing');
    expect(Object.fromEntries(postedBy(change))).toEqual({
      [`${provider} CNY`]: PRICE - 1,
      [`${suspense} CNY`]: 1 - PRICE,
    });
  });

  it('is posted also where a person is looking at the operation already', () => {
    const change = comes(attempt('review', 'processing'), { amountMinor: PRICE - 1 });
    expect(change).toMatchObject({ operation: { to: 'review' }, review: { reason: 'amount_differs' } });
    expect(postedBy(change).get(`${provider} CNY`)).toBe(PRICE - 1);
  });

  it('of another currency is in the ledger, in none of the amounts, and in review', () => {
    for (const refundedMinor of [0, PRICE]) {
      const change = comes(attempt('action_required', 'requires_action'), { currency: 'USD', refundedMinor });
      expect(change?.amountReceivedMinor).toBeUndefined();
      expect(change?.amountRefundedMinor).toBeUndefined();
      expect(postedBy(change).get(`${provider} USD`)).toBe(PRICE - refundedMinor);
    }
  });

  it('stays in review when the payment ends, whatever its currency', () => {
    for (const paid of [{ amountMinor: 1 }, { currency: 'USD' }, { refundedMinor: 1 }]) {
      const { payment, operation } = attempt('action_required', 'requires_action');
      const differing = after(payment, comes({ payment, operation }, paid));
      const [inReview] = differing.operations as [OperationFacts];
      const closed = after(differing, decideLookup(differing, inReview, { kind: 'closed' }, T0 + MINUTE));
      expect(closed.record).toMatchObject({ status: 'requires_payment_method', outcome: 'review' });
      const canceled = after(closed, decideCancel(closed, closed.operations[0], T0 + 2 * HOUR));
      expect(canceled.record).toMatchObject({ status: 'canceled', outcome: 'review' });
    }
  });

  it('is posted once, however often the provider tells of it, also after the attempt was closed', () => {
    const { payment, operation } = attempt('action_required', 'requires_action');
    const differing = after(payment, comes({ payment, operation }, { amountMinor: 1 }));
    const [inReview] = differing.operations as [OperationFacts];
    expect(comes({ payment: differing, operation: inReview }, { amountMinor: 1 })).toBeUndefined();
    const closed = after(differing, decideLookup(differing, inReview, { kind: 'closed' }, T0 + MINUTE));
    expect(comes({ payment: closed, operation: closed.operations[0]! }, { amountMinor: 1 })).toBeUndefined();
  });

  it('does not keep a later attempt from being paid, and is not forgotten over it', () => {
    const first = operationFacts({ status: 'late_success', posted: ['paid'] });
    const second = operationFacts({ number: 2, status: 'action_required', offer });
    const payment = paymentFacts([first, second], {
      record: { status: 'requires_action', outcome: 'review', amountReceivedMinor: 1 },
    });
    const change = comes({ payment, operation: second });
    expect(change).toMatchObject({ status: 'succeeded', outcome: 'review', amountReceivedMinor: PRICE + 1 });
  });
});

describe('a late payment', () => {
  it.each(['rejected', 'closed', 'canceled'] as const)(
    'of a %s attempt goes to suspense and to a review',
    (status) => {
      for (const paymentStatus of ['canceled', 'requires_payment_method'] as const) {
        const change = comes(attempt(status, paymentStatus));
        expect(change).toMatchObject({
          operation: { from: status, to: 'late_success' },
          outcome: 'review',
          amountReceivedMinor: PRICE,
          review: { reason: 'late_success' },
        });
        expect(postedBy(change).get(`${suspense} CNY`)).toBe(-PRICE);
        expect(change?.grantsEntitlements).toBeUndefined();
        expect(change?.status).toBe(paymentStatus === 'canceled' ? undefined : 'canceled');
      }
    },
  );

  it('of an earlier attempt leaves the one under way open, and that one can still succeed', () => {
    const first = operationFacts({ status: 'closed' });
    const second = operationFacts({ number: 2, status: 'action_required', offer });
    const payment = paymentFacts([first, second], { record: { status: 'requires_action' } });
    const late = after(payment, comes({ payment, operation: first }));
    expect(late.record).toMatchObject({ status: 'requires_action', outcome: 'review' });
    expect(openOperation(late)?.id).toBe(second.id);
    const both = after(late, comes({ payment: late, operation: late.operations[1]! }));
    expect(both.record).toMatchObject({
      status: 'succeeded',
      outcome: 'review',
      amountReceivedMinor: 2 * PRICE,
    });
  });

  it('that was given back does not keep a later attempt from being paid and delivered', () => {
    const late = operationFacts({ status: 'late_success', posted: ['paid'] });
    const refund = operationFacts({
      ...{ id: 'op_2', number: 2, kind: 'refund', providerKey: 'r02', status: 'succeeded' },
      ...{ ofOperationId: late.id, posted: ['refunded'] },
    });
    const operation = operationFacts({ id: 'op_3', number: 3, providerKey: 's03', status: 'sent' });
    const record = { status: 'processing', amountReceivedMinor: PRICE, amountRefundedMinor: PRICE } as const;
    const payment = paymentFacts([late, refund, operation], { record });
    const change = comes({ payment, operation });
    expect(change).toMatchObject({ status: 'succeeded', outcome: 'known', grantsEntitlements: true });
    expect(Object.fromEntries(postedBy(change))).toEqual({ [`${provider} CNY`]: PRICE, [payable]: -PRICE });
  });

  it('that comes again changes nothing', () => {
    const { payment, operation } = attempt('closed', 'canceled');
    const late = after(payment, comes({ payment, operation }));
    expect(comes({ payment: late, operation: late.operations[0]! })).toBeUndefined();
  });

  it('after the payment succeeded by another attempt delivers nothing a second time', () => {
    const first = operationFacts({ status: 'closed' });
    const second = operationFacts({ number: 2, status: 'succeeded', posted: ['paid'] });
    const payment = paymentFacts([first, second], {
      record: { status: 'succeeded', amountReceivedMinor: PRICE },
    });
    const change = comes({ payment, operation: first });
    expect(change).toMatchObject({
      operation: { to: 'late_success' },
      amountReceivedMinor: 2 * PRICE,
      outcome: 'review',
    });
    expect(change?.status).toBeUndefined();
    expect(postedBy(change).get(payable)).toBeUndefined();
  });
});

describe('money in suspense that the provider returned', () => {
  it('is no question to a person any more', () => {
    const { payment, operation } = attempt('closed', 'canceled');
    const late = after(payment, comes({ payment, operation }));
    const [suspended] = late.operations as [OperationFacts];
    expect(comes({ payment: late, operation: suspended }, { refundedMinor: PRICE })).toMatchObject({
      ...{ outcome: 'known', amountRefundedMinor: PRICE },
      closesReviews: expect.arrayContaining([{ operationId: suspended.id, reason: 'late_success' }]),
    });
  });
});

describe('money that the provider returned before we looked', () => {
  it('is posted both ways, and the attempt is closed', () => {
    const { payment, operation } = attempt('action_required', 'requires_action');
    const change = comes({ payment, operation }, { refundedMinor: PRICE });
    expect(change).toMatchObject({
      operation: { to: 'closed' },
      status: 'requires_payment_method',
      outcome: 'known',
    });
    expect(change?.postings?.map((posting) => posting.fact)).toEqual(['paid', 'refunded_by_provider']);
    expect([...postedBy(change).values()]).toEqual([0, 0]);
    expect(change).toMatchObject({ amountReceivedMinor: PRICE, amountRefundedMinor: PRICE });
  });

  it('is not posted again when a late notification tells the same, or a stale one the success before', () => {
    const { payment, operation } = attempt('action_required', 'requires_action');
    const returned = after(payment, comes({ payment, operation }, { refundedMinor: PRICE }));
    const [closed] = returned.operations as [OperationFacts];
    expect(comes({ payment: returned, operation: closed }, { refundedMinor: PRICE })).toBeUndefined();
    expect(comes({ payment: returned, operation: closed })).toBeUndefined();
  });

  it('of an earlier attempt does not take the offer from the payer who is paying now', () => {
    const first = operationFacts({ status: 'closed' });
    const second = operationFacts({ number: 2, status: 'action_required', offer });
    const payment = paymentFacts([first, second], { record: { status: 'requires_action' } });
    const change = comes({ payment, operation: first }, { refundedMinor: PRICE });
    expect(change).toMatchObject({ operation: { to: 'late_success' } });
    expect(after(payment, change).record.status).toBe('requires_action');
  });
});

describe('an answer that is none', () => {
  it('leaves an operation unknown, and its payment says so', () => {
    const { payment, operation } = attempt('sent', 'processing', { offer: null });
    const change = decideStart(payment, operation, { kind: 'unknown', recover: 'replay', error }, T0);
    expect(change).toMatchObject({ operation: { to: 'unknown' }, outcome: 'unknown' });
    expect(change?.status).toBeUndefined();
    expect(after(payment, change).record).toMatchObject({ status: 'processing', outcome: 'unknown' });
  });

  it('about somebody else is evidence of nothing', () => {
    for (const status of ['planned', 'sent', 'action_required', 'closed', 'review'] as const) {
      expect(comes(attempt(status, 'processing'), { reference: 'theirs' })).toBeUndefined();
    }
  });
});

describe('more money for what is posted', () => {
  const operation = operationFacts({ status: 'succeeded', posted: ['paid'] });
  const payment = paymentFacts([operation], {
    record: { status: 'succeeded', amountReceivedMinor: PRICE },
  });

  it('is posted to suspense at once, and goes to a person', () => {
    const paid = paidFor(operation, { amountMinor: PRICE + 5 });
    const change = decideMoreCame(payment, operation, paid, PRICE)!;
    expect(change).toMatchObject({
      outcome: 'review',
      amountReceivedMinor: PRICE + 5,
      review: { reason: 'surplus', evidence: { paid, posted_minor: PRICE } },
      events: [{ type: 'payment.review' }],
    });
    expect(Object.fromEntries(postedBy(change))).toEqual({ [`${provider} CNY`]: 5, [`${suspense} CNY`]: -5 });
    expect(applyChange(payment, change).record.status).toBe('succeeded');
  });

  it('is told by operation, not by payment: money of an earlier attempt hides nothing', () => {
    const twice = paymentFacts([operation], {
      record: { status: 'succeeded', amountReceivedMinor: 2 * PRICE, outcome: 'review' },
    });
    const change = decideMoreCame(twice, operation, paidFor(operation, { amountMinor: PRICE + 5 }), PRICE)!;
    expect(change).toMatchObject({ amountReceivedMinor: 2 * PRICE + 5, events: [] });
  });

  it('of another currency is posted in that currency, and is in none of the payment’s amounts', () => {
    const paid = paidFor(operation, { amountMinor: 7, currency: 'USD' });
    const change = decideMoreCame(payment, operation, paid, 0)!;
    expect(postedBy(change).get(`${suspense} USD`)).toBe(-7);
    expect(change.amountReceivedMinor).toBeUndefined();
  });

  it('is no news where it is what is posted', () => {
    expect(decideMoreCame(payment, operation, paidFor(operation), PRICE)).toBeUndefined();
  });
});
