import { describe, expect, it } from 'vitest';
import type { Told } from '../../domain/outcome.js';
import type { NotificationFacts, OperationFacts } from '../../domain/payment-facts.js';
import { decideUnasked, isKnown } from '../../domain/unasked-news.js';
import { HOUR, operationFacts, paidFor, paymentFacts, PRICE, T0 } from './facts.js';

const failed: Told = { kind: 'failed', reason: 'declined', error: { code: 'refused', message: 'Refused' } };
const closed: Told = { kind: 'closed' };

function news(operation: OperationFacts, change: Partial<NotificationFacts>, id = 1): NotificationFacts {
  const told = {
    id,
    operationId: operation.id,
    says: 'AUTHORISATION',
    receivedAtMs: T0,
    paid: null,
    told: null,
  };
  return { ...told, ...change };
}
const at = (status: OperationFacts['status'], change: Partial<OperationFacts> = {}) =>
  operationFacts({ provider: 'adyen', status, ...change });
const paidAlready = at('succeeded', { posted: ['paid'], providerReference: 'psp-1' });

const decide = (operation: OperationFacts, list: readonly NotificationFacts[], postedMinor = 0) =>
  decideUnasked(paymentFacts([operation]), operation, list, postedMinor, T0 + HOUR / 2);

describe('a charge that is told', () => {
  it.each(['sent', 'action_required', 'pending', 'unknown', 'review'] as const)(
    'of an operation that is %s pays it',
    (status) => {
      const operation = at(status);
      const charge = news(operation, { paid: paidFor(operation) });
      const { change, notifications } = decide(operation, [charge]);
      expect(change).toMatchObject({
        operation: { to: 'succeeded' },
        status: 'succeeded',
        grantsEntitlements: true,
      });
      expect(notifications).toEqual([charge]);
    },
  );

  it.each(['rejected', 'closed'] as const)(
    'of an operation that is %s is late, and lies in suspense',
    (status) => {
      const operation = at(status);
      const { change } = decide(operation, [news(operation, { paid: paidFor(operation) })]);
      expect(change).toMatchObject({
        operation: { to: 'late_success' },
        outcome: 'review',
        review: { reason: 'late_success' },
      });
      expect(change).not.toHaveProperty('grantsEntitlements');
      expect(change?.postings).toHaveLength(1);
    },
  );

  it('of less than was asked for never pays', () => {
    const operation = at('unknown');
    const { change } = decide(operation, [
      news(operation, { paid: paidFor(operation, { amountMinor: PRICE - 1 }) }),
    ]);
    expect(change).toMatchObject({ operation: { to: 'review' }, review: { reason: 'amount_differs' } });
    expect(change).not.toHaveProperty('grantsEntitlements');
  });

  it('is known where it is the one that is posted', () => {
    const same = news(paidAlready, { paid: paidFor(paidAlready, { providerReference: 'psp-1' }) });
    expect(isKnown(paidAlready, same)).toBe(true);
    const other = news(paidAlready, { paid: paidFor(paidAlready, { providerReference: 'psp-2' }) });
    expect(isKnown(paidAlready, other)).toBe(false);
  });

  it('beside another one is a surplus: both are in the ledger, and a person looks', () => {
    const second = news(paidAlready, { paid: paidFor(paidAlready, { providerReference: 'psp-2' }) });
    const { change } = decide(paidAlready, [second], PRICE);
    expect(change).toMatchObject({ outcome: 'review', review: { reason: 'surplus' } });
    expect(change?.postings?.[0]?.entries[0]).toMatchObject({ amountMinor: PRICE });
  });

  it('that only holds is known once it is held; a second hold is looked at', () => {
    const held = at('succeeded', { kind: 'authorize', providerReference: 'psp-1' });
    const same = news(held, { paid: paidFor(held, { providerReference: 'psp-1' }) });
    expect(isKnown(held, same)).toBe(true);
    const second = news(held, { paid: paidFor(held, { providerReference: 'psp-2' }) });
    expect(isKnown(held, second)).toBe(false);
    const { change } = decide(held, [second]);
    expect(change).toMatchObject({ outcome: 'review', review: { reason: 'surplus' } });
    expect(change).not.toHaveProperty('postings');
  });

  it('twice at once is taken one after the other', () => {
    const operation = at('unknown');
    const [first, second] = ['psp-1', 'psp-2'].map((providerReference, id) =>
      news(operation, { paid: paidFor(operation, { providerReference }) }, id),
    ) as [NotificationFacts, NotificationFacts];
    const decided = decide(operation, [first, second]);
    expect(decided.notifications).toEqual([first]);
    expect(decided.change).toMatchObject({ status: 'succeeded' });
  });

  it('wins over an end that is told beside it', () => {
    const operation = at('action_required');
    const charge = news(operation, { paid: paidFor(operation) });
    const { change } = decide(operation, [news(operation, { told: closed }, 2), charge]);
    expect(change).toMatchObject({ status: 'succeeded' });
  });
});

describe('an end that is told', () => {
  it('rejects, or closes, what is open', () => {
    const operation = at('unknown');
    expect(decide(operation, [news(operation, { told: failed })]).change).toMatchObject({
      operation: { to: 'rejected' },
      status: 'requires_payment_method',
    });
    const offered = at('action_required');
    expect(decide(offered, [news(offered, { told: closed })]).change).toMatchObject({
      operation: { to: 'closed' },
    });
  });

  it.each([failed, closed])('is no news of what has ended: %j', (told) => {
    for (const operation of [paidAlready, at('rejected'), at('closed'), at('late_success')]) {
      expect(isKnown(operation, news(operation, { told }))).toBe(true);
    }
  });
});

describe('what is in doubt', () => {
  it.each([
    ['money that went back', { paid: paidFor(operationFacts(), { refundedMinor: PRICE }) }],
    ['something without an amount', {}],
    ['a change that we did not order', { told: { kind: 'succeeded', moved: {} } as unknown as Told }],
  ])('%s puts an open operation in review, and posts nothing', (_, change) => {
    const operation = at('pending');
    const charge = news(operation, { paid: paidFor(operation) }, 2);
    const decided = decide(operation, [news(operation, change), charge]);
    expect(decided.change).toMatchObject({ operation: { to: 'review' }, outcome: 'review' });
    expect(decided.change).not.toHaveProperty('postings');
    expect(decided.notifications).toHaveLength(2);
  });

  it('opens a review of a payment that stays paid', () => {
    const refund = paidFor(paidAlready, { refundedMinor: PRICE, providerReference: 'psp-1' });
    const { change } = decide(paidAlready, [news(paidAlready, { paid: refund })], PRICE);
    expect(change).toMatchObject({
      operation: { from: 'succeeded', to: 'succeeded' },
      outcome: 'review',
      review: { reason: 'unexpected_refund' },
    });
    expect(decide(paidAlready, [news(paidAlready, {})], PRICE).change).toMatchObject({
      review: { reason: 'no_answer' },
    });
  });
});
