import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { providerKey } from '../../domain/ids.js';
import { operationStatuses } from '../../domain/operation.js';
import { decideCancel, decideReview } from '../../domain/payment-decisions.js';
import { dueAt, positionOf } from '../../domain/position-of-payment.js';
import { nextStep, pollDelayMs } from '../../domain/payment-position.js';
import { renewAttempt } from '../../domain/plan-operation.js';
import { anyPosition, HOUR, MINUTE, offer, operationFacts, paymentFacts, T0 } from './facts.js';

const anyTimes = fc.record({
  nextPollMs: fc.oneof(
    fc.integer({ min: T0, max: T0 + 10 * MINUTE }),
    fc.integer({ min: T0, max: T0 + 48 * HOUR }),
  ),
  openNotifications: fc.nat(1),
});
const ended = ['succeeded', 'canceled'];

describe('the next step', () => {
  it('never waits for an instant that has passed, so that the workflow gets on', () => {
    fc.assert(
      fc.property(anyPosition, anyTimes, ({ payment, nowMs }, times) => {
        const position = withTimes(positionOf(payment), times);
        const step = nextStep(position, nowMs);
        if (step.do !== 'wait') return;
        expect(step.untilMs).toBeGreaterThan(nowMs);
        expect(Number.isFinite(step.untilMs)).toBe(true);
        // At an expiry the next wait is for the close, and then something is done.
        const next = nextStep(position, step.untilMs);
        const isOfExpiry = next.do === 'wait' && step.for !== 'close' && next.for === 'close';
        expect(next.do === 'wait').toBe(isOfExpiry);
      }),
      { numRuns: 2000 },
    );
  });

  it('never hides a cancel or an expiry behind a wait for the payer', () => {
    fc.assert(
      fc.property(anyPosition, anyTimes, ({ payment, nowMs }, times) => {
        const position = withTimes(positionOf(payment), { ...times, openNotifications: 0 });
        const step = nextStep(position, nowMs);
        if (step.do !== 'wait') return;
        const isUnwanted = position.cancelRequested || nowMs >= position.expiresAtMs;
        if (isUnwanted) expect(step.for).toBe('close');
        else expect(step.untilMs).toBeLessThanOrEqual(position.expiresAtMs);
      }),
      { numRuns: 2000 },
    );
  });

  it('never begins a new charge for a payment that nobody wants any more', () => {
    fc.assert(
      fc.property(anyPosition, ({ payment, nowMs }) => {
        const isUnwanted = payment.cancelRequested || nowMs >= payment.record.expiresAtMs;
        if (isUnwanted) expect(nextStep(positionOf(payment), nowMs).do).not.toBe('start_operation');
      }),
    );
  });

  it('is to apply news first, and to finish only at an end or in a review', () => {
    fc.assert(
      fc.property(anyPosition, anyTimes, ({ payment, nowMs }, times) => {
        const position = withTimes(positionOf(payment), times);
        const step = nextStep(position, nowMs);
        if (times.openNotifications > 0) expect(step.do).toBe('apply_notifications');
        if (step.do !== 'finish') return;
        expect(ended.includes(position.status) || position.operation?.status === 'review').toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(operationStatuses)(
    'from %s can be carried out at its deadline: there is no state to be stuck in',
    (status) => {
      const operation = operationFacts({ status, offer: status === 'action_required' ? offer : null });
      const nowMs = operation.deadlineMs;
      const payment = paymentFacts([operation]);
      const step = nextStep(positionOf(payment), nowMs);
      if (step.do === 'open_review') expect(decideReview(operation, nowMs)?.operation?.to).toBe('review');
      if (step.do === 'cancel_payment')
        expect(decideCancel(payment, operation, nowMs)?.status).toBe('canceled');
      expect(['open_review', 'cancel_payment', 'query_operation', 'finish']).toContain(step.do);
    },
  );

  it('for an attempt that was planned too long ago is to renew it, with as long an offer under a new key', () => {
    const nowMs = T0 + 20 * MINUTE;
    const old = operationFacts({ status: 'planned' });
    const payment = paymentFacts([operationFacts({ status: 'closed' }), { ...old, number: 2 }]);
    expect(nextStep(positionOf(payment), nowMs)).toEqual({ do: 'start_operation' });
    const next = renewAttempt(payment, old, nowMs, new Uint8Array(10));
    expect(next).toMatchObject({ number: 3, providerKey: providerKey(payment.record.id, 'sale', 3) });
    expect(next?.offerEndsAtMs).toBe(nowMs + 5 * MINUTE);
    expect(next && next.conclusiveAfterMs - next.offerEndsAtMs).toBe(
      old.conclusiveAfterMs - old.offerEndsAtMs,
    );
    const late = renewAttempt(payment, old, payment.record.expiresAtMs - MINUTE, new Uint8Array(10));
    expect(late?.offerEndsAtMs).toBe(payment.record.expiresAtMs);
    expect(renewAttempt(payment, old, payment.record.expiresAtMs - 1, new Uint8Array(10))).toBeUndefined();
  });

  it('follows a payment from its start to its review', () => {
    const at = (status: 'action_required' | 'unknown' | 'review', nowMs: number, change = {}) =>
      nextStep(
        positionOf(paymentFacts([operationFacts({ status, offer, nextPollMs: T0 + MINUTE, ...change })])),
        nowMs,
      );
    expect(at('action_required', T0)).toEqual({ do: 'wait', untilMs: T0 + MINUTE, for: 'payer' });
    expect(at('action_required', T0 + MINUTE)).toEqual({ do: 'query_operation' });
    expect(at('action_required', T0 + 6 * MINUTE)).toEqual({ do: 'conclude_operation' });
    expect(at('action_required', T0 + 24 * HOUR)).toEqual({ do: 'open_review' });
    expect(at('unknown', T0, { offer: null })).toEqual({ do: 'start_operation' });
    expect(at('review', T0)).toEqual({ do: 'finish' });
    expect(at('review', T0 + MINUTE)).toEqual({ do: 'query_operation' });
  });
});

describe('the sweeper', () => {
  it('has an instant for every payment that has not ended, and for no other', () => {
    fc.assert(
      fc.property(anyPosition, ({ payment, nowMs }) => {
        const due = dueAt(payment, nowMs);
        if (ended.includes(payment.record.status)) expect(due).toBeNull();
        else expect(due).toBeGreaterThanOrEqual(nowMs);
      }),
    );
  });
});

describe('polling', () => {
  it('slows down from 5 s to 60 s, however long it goes on', () => {
    expect([0, 1, 2, 3].map(pollDelayMs)).toEqual([5_000, 10_000, 20_000, 40_000]);
    fc.assert(
      fc.property(fc.nat(), (polls) => {
        expect(pollDelayMs(polls)).toBeGreaterThanOrEqual(5_000);
        expect(pollDelayMs(polls)).toBeLessThanOrEqual(60_000);
        expect(pollDelayMs(polls + 1)).toBeGreaterThanOrEqual(pollDelayMs(polls));
      }),
    );
  });
});

type Position = ReturnType<typeof positionOf>;

function withTimes(position: Position, times: { nextPollMs: number; openNotifications: number }): Position {
  const { nextPollMs, openNotifications } = times;
  const operation = position.operation && { ...position.operation, nextPollMs };
  return { ...position, operation, openNotifications };
}
