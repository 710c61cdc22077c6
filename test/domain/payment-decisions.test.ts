import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChange, type PaymentChange } from '../../domain/payment-change.js';
import { decideCancel, decideLookup, decideReview, decideStart } from '../../domain/payment-decisions.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import { isEnded } from '../../domain/payment.js';
import {
  anyOutcome,
  anyPosition,
  HOUR,
  offer,
  paidFor,
  paymentFacts,
  postedBy,
  PRICE,
  T0,
  operationFacts,
} from './facts.js';

const accounts = { provider: 'provider:alipay:acct_1', payable: 'merchant:merchant456:payable' };
const suspense = 'merchant:merchant456:suspense';

/** One piece of news for one operation of one payment, and what it changes. */
const anyNews = anyPosition.chain(({ payment, operations, nowMs }) =>
  fc
    .constantFrom(...operations)
    .chain((operation) =>
      fc
        .record({ outcome: anyOutcome(operation), isStart: fc.boolean() })
        .map(({ outcome, isStart }) => ({ payment, operation, outcome, isStart, nowMs })),
    ),
);
type News = typeof anyNews extends fc.Arbitrary<infer T> ? T : never;

function decide({ payment, operation, outcome, isStart, nowMs }: News): PaymentChange | undefined {
  const isOfStart = isStart && outcome.kind !== 'closed' && outcome.kind !== 'not_found';
  return isOfStart
    ? decideStart(payment, operation, outcome, nowMs)
    : decideLookup(payment, operation, outcome, nowMs);
}

/** Money that the provider gave back after it had been posted. */
function isReturn(change: PaymentChange): boolean {
  return change.postings?.[0]?.fact === 'refunded_by_provider';
}

function holds(name: string, check: (news: News, change: PaymentChange) => void): void {
  it(name, () => {
    let changes = 0;
    fc.assert(
      fc.property(anyNews, (news) => {
        const change = decide(news);
        if (!change) return;
        changes += 1;
        check(news, change);
      }),
      { numRuns: 3000 },
    );
    expect(changes).toBeGreaterThan(300);
  });
}

describe('whatever a provider says', () => {
  holds('every posting sums to zero in every currency', (_, change) => {
    const sums = new Map<string, number>();
    for (const posting of change.postings ?? []) {
      for (const { currency, amountMinor } of posting.entries) {
        sums.set(currency, (sums.get(currency) ?? 0) + amountMinor);
      }
    }
    for (const [currency, sum] of sums) expect([currency, sum]).toEqual([currency, 0]);
  });

  holds('a payment is paid exactly where its amount is delivered, no more and no less', (news, change) => {
    const delivered = postedBy(change).get(`${accounts.payable} CNY`) ?? 0;
    const isPaid = change.status === 'succeeded';
    const isReturned = change.operation?.from === 'succeeded' && isReturn(change);
    expect(delivered).toBe(isReturned ? PRICE : isPaid ? -PRICE : 0);
    expect(change.grantsEntitlements ?? false).toBe(isPaid);
    expect(change.operation?.to === 'succeeded').toBe(isPaid || isReturned);
    if (isPaid) expect(isEnded(news.payment.record.status)).toBe(false);
  });

  holds('what was received and not returned is what the provider account holds', (news, change) => {
    const { record } = news.payment;
    const received = (change.amountReceivedMinor ?? record.amountReceivedMinor) - record.amountReceivedMinor;
    const refunded = (change.amountRefundedMinor ?? record.amountRefundedMinor) - record.amountRefundedMinor;
    expect(received - refunded).toBe(postedBy(change).get(`${accounts.provider} CNY`) ?? 0);
    expect(record.amountReceivedMinor + received).toBeGreaterThanOrEqual(
      record.amountRefundedMinor + refunded,
    );
  });

  holds('money in suspense is never without a review', (_, change) => {
    const held = [...postedBy(change)].some(([account, sum]) => account.startsWith(suspense) && sum < 0);
    if (!held) return;
    expect(change.outcome).toBe('review');
    expect(change.review).toBeDefined();
    expect(change.events.map((event) => event.type)).toContain('payment.review');
  });

  holds('the same evidence again changes nothing', (news, change) => {
    const after = applyChange(news.payment, change);
    const operation = after.operations.find((known) => known.id === news.operation.id)!;
    expect(decide({ ...news, payment: after, operation })).toBeUndefined();
  });

  holds('a payment that ended stays ended', (news, change) => {
    if (!isEnded(news.payment.record.status)) return;
    expect(change.status ?? news.payment.record.status).toBe(news.payment.record.status);
    expect(change.grantsEntitlements).toBeUndefined();
  });

  holds('a refusal, an end or a success needs evidence', (news, change) => {
    const { kind } = news.outcome;
    if (!['unknown', 'pending', 'not_executed'].includes(kind)) return;
    expect(['rejected', 'closed', 'canceled', 'succeeded', 'late_success']).not.toContain(
      change.operation?.to,
    );
    expect(['canceled', 'succeeded', 'requires_payment_method']).not.toContain(change.status);
    expect(change.postings).toBeUndefined();
  });

  holds('an earlier attempt does not disturb the one that is under way', (news, change) => {
    const newest = news.payment.operations.at(-1)!;
    const isUnderWay = newest.status === 'action_required' && newest.id !== news.operation.id;
    if (isUnderWay) expect(change.status).toBeUndefined();
  });
});

describe('not found', () => {
  it('proves nothing before the instant from which it is conclusive', () => {
    fc.assert(
      fc.property(anyPosition, ({ payment, newest, nowMs }) => {
        const change = decideLookup(payment, newest, { kind: 'not_found' }, nowMs);
        if (nowMs < newest.conclusiveAfterMs) expect(change).toBeUndefined();
        else if (change) expect(change.operation?.to).toBe('closed');
      }),
    );
  });
});

describe('a confirmed close', () => {
  it('ends the payment as well, in the same transaction, where nobody wants it any more', () => {
    const operation = operationFacts({ status: 'action_required', offer });
    const wanted = paymentFacts([operation], { record: { status: 'requires_action' } });
    const at = (payment: PaymentFacts, nowMs: number) =>
      decideLookup(payment, operation, { kind: 'closed' }, nowMs);
    const ended = { operation: { to: 'closed' }, status: 'canceled', outcome: 'known', releasesClaims: true };
    expect(at({ ...wanted, cancelRequested: true }, T0)).toMatchObject(ended);
    expect(at(wanted, wanted.record.expiresAtMs)).toMatchObject(ended);
    const again = at(wanted, T0);
    expect(again).toMatchObject({ operation: { to: 'closed' }, status: 'requires_payment_method' });
    expect(again?.releasesClaims).toBeUndefined();
  });
});

describe('time', () => {
  it('only ever takes an operation to review', () => {
    fc.assert(
      fc.property(anyPosition, ({ newest, nowMs }) => {
        const change = decideReview(newest, nowMs);
        if (change) expect(change).toMatchObject({ operation: { to: 'review' }, outcome: 'review' });
        expect([undefined, 'processing']).toContain(change?.status);
      }),
    );
  });

  it('and a cancel end no operation that may have been sent', () => {
    fc.assert(
      fc.property(anyPosition, ({ payment, newest, nowMs }) => {
        const change = decideCancel(payment, newest, nowMs);
        if (!change) return;
        expect(payment.cancelRequested || nowMs >= payment.record.expiresAtMs).toBe(true);
        expect(change).toMatchObject({ status: 'canceled', releasesClaims: true });
        if (change.operation)
          expect([change.operation.from, change.operation.to]).toEqual(['planned', 'canceled']);
        else expect(['rejected', 'closed', 'canceled', 'late_success']).toContain(newest.status);
        const after = applyChange(payment, change);
        expect(decideCancel(after, after.operations.at(-1), nowMs)).toBeUndefined();
      }),
    );
  });
});

describe('applying a change', () => {
  it('keeps the first call and the first offer, as the row does', () => {
    const known = {
      ...operationFacts({ status: 'unknown' }),
      sentAtMs: T0,
      offer: { type: 'qr_code', data: 'first', endsAtMs: 1 } as const,
    };
    const payment = paymentFacts([known]);
    const outcome = {
      kind: 'pending',
      why: 'user_action',
      offer: { ...known.offer, data: 'second' },
    } as const;
    const change = decideStart(payment, known, outcome, T0 + HOUR)!;
    const [after] = applyChange(payment, change).operations;
    expect(after).toMatchObject({ status: 'action_required', sentAtMs: T0, offer: { data: 'first' } });
  });

  it('counts every change, with or without an event', () => {
    const payment = paymentFacts([operationFacts({ status: 'sent' })]);
    const quiet = applyChange(payment, { events: [] });
    expect(quiet.record.sequence).toBe(payment.record.sequence + 1);
    const [operation] = payment.operations as [OperationFacts];
    const paid = decideLookup(payment, operation, { kind: 'succeeded', paid: paidFor(operation) }, T0)!;
    const after: PaymentFacts = applyChange(payment, paid);
    expect(after.record.sequence).toBe(payment.record.sequence + paid.events.length);
    expect(after.operations[0]?.posted).toEqual(['paid']);
    expect(after.record.operations).toBe(after.operations);
  });
});
