import { describe, expect, it } from 'vitest';
import {
  ACCEPTED_GRACE_MS,
  followUpPosition,
  nextFollowUpStep,
  planFollowUp,
  replayWindowMs,
} from '../../domain/follow-up.js';
import { decideFollowUpLookup } from '../../domain/follow-up-decisions.js';
import { operationStatuses } from '../../domain/operation.js';
import type { OperationFacts } from '../../domain/payment-facts.js';
import { captureBefore } from '../../domain/payment-capture.js';
import { decidePaid } from '../../domain/payment-success.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { nextStep } from '../../domain/payment-position.js';
import { everRefundedByUs, refundableOf, refundedByUs } from '../../domain/payment-refunds.js';
import { error, HOUR, MINUTE, operationFacts, paidFor, paymentFacts, PRICE, T0 } from './facts.js';
import { SimulatedFollowUps } from './simulated-follow-ups.js';

const nothingKnown = { holdings: [], openReviews: [] };
const sale = operationFacts({ status: 'succeeded', posted: ['paid'] });
const refund = (change: Parameters<typeof operationFacts>[0] = {}) =>
  operationFacts({
    number: 2,
    kind: 'refund',
    ofOperationId: sale.id,
    status: 'sent',
    amountMinor: 40_000,
    ...change,
  });

describe('what comes next for a follow-up', () => {
  it.each(operationStatuses)('from %s can be carried out at its deadline', (status) => {
    const operation = refund({ status, deadlineMs: T0 });
    const at = T0 + ACCEPTED_GRACE_MS;
    const step = nextFollowUpStep(followUpPosition(paymentFacts([sale, operation]), operation), at);
    expect(['review_follow_up', 'drop_follow_up', 'query_follow_up', 'finish']).toContain(step.do);
  });

  it('is to send again only while its key lives, and to ask after that', () => {
    const operation = refund({
      status: 'unknown',
      sentAtMs: T0,
      replayForMs: HOUR,
      offerEndsAtMs: T0 + 24 * HOUR,
    });
    const at = (nowMs: number) =>
      nextFollowUpStep(followUpPosition(paymentFacts([sale, operation]), operation), nowMs).do;
    expect(at(T0 + HOUR - 1)).toBe('start_follow_up');
    expect(at(T0 + HOUR)).toBe('query_follow_up');
    expect(replayWindowMs({ recovery: { refund: 'query' }, keyLifetimeMs: null }, 'refund')).toBe(0);
  });

  it('is no review while the provider works on what it has accepted, for as long as banks take', () => {
    const operation = refund({ status: 'pending', nextPollMs: T0 + 99 * 24 * HOUR });
    const at = (nowMs: number) =>
      nextFollowUpStep(followUpPosition(paymentFacts([sale, operation]), operation), nowMs).do;
    expect(at(operation.deadlineMs + 13 * 24 * HOUR)).toBe('wait');
    expect(at(operation.deadlineMs + 14 * 24 * HOUR)).toBe('review_follow_up');
  });
});

describe('money that is held', () => {
  const held = operationFacts({ kind: 'authorize', status: 'sent' });
  const authorized = (
    change: Parameters<typeof paidFor>[1] = {},
    status: 'processing' | 'canceled' = 'processing',
  ) => decidePaid(paymentFacts([held], { record: { status } }), held, paidFor(held, change), T0);

  it('is posted nowhere, and waits for its capture', () => {
    const change = authorized({ captureBeforeMs: T0 + 20 * HOUR });
    expect(change).toMatchObject({
      status: 'requires_capture',
      operation: { captureBeforeMs: T0 + 19 * HOUR },
    });
    expect(change?.postings).toBeUndefined();
    expect(change?.grantsEntitlements).toBeUndefined();
  });

  it('is let go in time: a tenth of what is left before it lapses, an hour at most', () => {
    expect(captureBefore(paidFor(held, { captureBeforeMs: T0 + 10 * MINUTE }), T0)).toBe(T0 + 9 * MINUTE);
    expect(captureBefore(paidFor(held, { captureBeforeMs: T0 + 100 * HOUR }), T0)).toBe(T0 + 99 * HOUR);
    expect(captureBefore(paidFor(held), T0)).toBe(T0 + 119 * HOUR);
    expect(captureBefore(paidFor(held, { captureBeforeMs: T0 - 1 }), T0)).toBe(T0 - 1);
  });

  it('of another amount or currency waits for a person, and nothing is posted', () => {
    for (const change of [{ amountMinor: PRICE - 1 }, { currency: 'USD' }]) {
      const decided = authorized(change);
      expect(decided).toMatchObject({ operation: { to: 'review' }, outcome: 'review' });
      expect(decided?.postings).toBeUndefined();
    }
    expect(authorized({ reference: 'somebody-else' })).toBeUndefined();
  });

  it('and that the provider does not let go is told to a person once, however often it refuses', () => {
    const kept = operationFacts({ kind: 'authorize', status: 'succeeded' });
    const voided = (number: number, status: 'sent' | 'rejected' | 'review') =>
      operationFacts({ number, kind: 'void', ofOperationId: kept.id, status });
    const refused = { kind: 'failed', reason: 'conflict', error } as const;
    const refuse = (...voids: OperationFacts[]) => {
      const payment = paymentFacts([kept, ...voids], { record: { status: 'requires_capture' } });
      return decideFollowUpLookup(payment, voids.at(-1)!, refused, nothingKnown, T0);
    };
    expect(refuse(voided(2, 'sent'))).toMatchObject({ review: { reason: 'void_refused' } });
    const again = refuse(voided(2, 'rejected'), voided(3, 'sent'));
    expect(again).toMatchObject({ operation: { to: 'rejected' }, outcome: 'review' });
    expect(again).not.toHaveProperty('review');
    expect(again?.events.map(({ type }) => type)).toEqual(['operation.refused']);
  });

  it('for a payment that is over is told to a person', () => {
    expect(authorized({}, 'canceled')).toMatchObject({
      operation: { to: 'late_success' },
      review: { reason: 'late_success' },
    });
  });

  it('is let go when nobody wants it, and a capture that was not sent is dropped for a cancel', () => {
    const kept = operationFacts({ kind: 'authorize', status: 'succeeded', captureBeforeMs: T0 + HOUR });
    const at = (change: object, nowMs = T0) =>
      nextStep(
        positionOf(paymentFacts([kept], { record: { status: 'requires_capture' }, ...change })),
        nowMs,
      );
    expect(at({})).toEqual({ do: 'wait', untilMs: T0 + HOUR, for: 'capture' });
    expect(at({}, T0 + HOUR)).toEqual({ do: 'void_authorization' });
    expect(at({ cancelRequested: true })).toEqual({ do: 'void_authorization' });
    const capture = operationFacts({ number: 2, kind: 'capture', ofOperationId: kept.id, status: 'planned' });
    const withCapture = (cancelRequested: boolean) =>
      nextStep(positionOf(paymentFacts([kept, capture], { cancelRequested })), T0).do;
    expect([withCapture(false), withCapture(true)]).toEqual(['start_follow_up', 'drop_follow_up']);
  });
});

describe('a refund', () => {
  const holdings = [{ operationId: sale.id, payableMinor: PRICE, suspenseMinor: 0 }];

  it('may be of what the ledger has, less what is under way', () => {
    const payment = paymentFacts([sale, refund(), refund({ number: 3, status: 'rejected' })]);
    expect(refundableOf(payment, { holdings, openReviews: [] })).toEqual([{ of: sale, leftMinor: 60_000 }]);
    expect(refundableOf(payment, { holdings: [], openReviews: [] })).toEqual([]);
  });

  it('of ours explains what the provider tells, and what came back explains older news only', () => {
    const came = refund({ number: 3, status: 'succeeded', posted: ['refunded', 'refund_reversed'] });
    const done = refund({ number: 4, status: 'succeeded', posted: ['refunded'] });
    const payment = paymentFacts([sale, refund(), came, done]);
    expect([refundedByUs(payment, sale), everRefundedByUs(payment, sale)]).toEqual([80_000, 120_000]);
  });

  it('that the provider does not know ends only from its conclusive instant', () => {
    const operation = refund();
    const payment = paymentFacts([sale, operation]);
    const at = (nowMs: number) =>
      decideFollowUpLookup(payment, operation, { kind: 'not_found' }, nothingKnown, nowMs);
    expect(at(operation.conclusiveAfterMs - 1)).toBeUndefined();
    expect(at(operation.conclusiveAfterMs)).toMatchObject({ operation: { to: 'rejected' } });
    expect(
      decideFollowUpLookup(
        payment,
        operation,
        { kind: 'unknown', recover: 'query', error },
        nothingKnown,
        T0,
      ),
    ).toBeUndefined();
  });

  it.each([
    ['succeeded', refund({ status: 'succeeded', posted: ['refunded'], providerReference: 're_1' })],
    ['in a review that a person was asked about', refund({ status: 'review', posted: ['refunded'] })],
    ['accepted', refund({ status: 'pending' })],
    ['told by its number', refund({ status: 'unknown', providerReference: 're_1' })],
  ])('that is %s and is not found any more is neither refused nor reversed', (_what, operation) => {
    const payment = paymentFacts([sale, operation]);
    const atMs = operation.deadlineMs + HOUR;
    expect(
      decideFollowUpLookup(payment, operation, { kind: 'not_found' }, nothingKnown, atMs),
    ).toBeUndefined();
  });

  it('takes a number and instants of its own, with margin and grace of the money it is of', () => {
    const recovery = { recovery: { refund: 'replay' as const }, keyLifetimeMs: 24 * HOUR };
    const plan = { kind: 'refund' as const, of: sale, amountMinor: 1, recovery };
    const planned = planFollowUp(paymentFacts([sale]), plan, T0, new Uint8Array(10));
    expect(planned).toMatchObject({
      ...{ number: 2, ofOperationId: sale.id, replayForMs: 24 * HOUR - 5 * MINUTE },
      ...{ sendableUntilMs: T0 + 24 * HOUR, conclusiveAfterMs: T0 + 24 * HOUR + MINUTE },
      providerKey: expect.stringMatching(/r02$/),
    });
  });
});

const FIRST_SEED = Number(process.env['SIMULATION_SEED'] ?? 1);
const HISTORIES = Number(process.env['SIMULATION_HISTORIES'] ?? 4_000);

describe('simulated captures, voids and refunds', () => {
  it(`end, or wait for a person, and never move money twice (${HISTORIES} histories)`, () => {
    const endings = new Map<string, number>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed += 1) {
      const history = new SimulatedFollowUps(seed);
      try {
        const ending = history.run();
        endings.set(ending, (endings.get(ending) ?? 0) + 1);
      } catch (thrown) {
        const story = history.trace.slice(-60).join('\n');
        throw new Error(`SIMULATION_SEED=${seed}: ${(thrown as Error).message}\n${story}`, { cause: thrown });
      }
    }
    if (HISTORIES >= 4_000) {
      for (const ending of ['succeeded', 'canceled', 'review'])
        expect(endings.get(ending)).toBeGreaterThan(20);
    }
  });
});
