import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CloseOutcome, Pending, QueryOutcome, StartOutcome } from '../../domain/outcome.js';
import {
  decideAdvance,
  decideApproved,
  decideTakeAdvance,
  mayAdvance,
} from '../../domain/payment-advance.js';
import { applyChange, type PaymentChange } from '../../domain/payment-change.js';
import { decideLookup } from '../../domain/payment-decisions.js';
import { type OperationFacts, type PaymentFacts } from '../../domain/payment-facts.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { nextStep } from '../../domain/payment-position.js';
import { paymentError } from '../../domain/problem-codes.js';
import { error, HOUR, MINUTE, offer, operationFacts, paidFor, paymentFacts, T0 } from './facts.js';

const offered = operationFacts({ status: 'action_required', offer, sentAtMs: T0, nextPollMs: T0 + MINUTE });
const approved = { ...offered, approvedAtMs: T0 + 1 };
const taken: OperationFacts = {
  ...approved,
  status: 'sent',
  returnDetails: 'secret',
  advanceTakenAtMs: T0 + 2,
  advanceReplayUntilMs: T0 + 2 + MINUTE,
  advanceCount: 1,
};
const isApproved: Pending = { kind: 'pending', why: 'approved' };
const first = { nowMs: T0 + 3, isFirst: true };
const again = { nowMs: T0 + 3, isFirst: false };

function after(operation: OperationFacts, change: PaymentChange | undefined): OperationFacts {
  if (!change) throw new Error('nothing was decided');
  return applyChange(paymentFacts([operation]), change).operations[0]!;
}

const stepOf = (operation: OperationFacts, nowMs = T0 + 10, change: Partial<PaymentFacts> = {}) =>
  nextStep(positionOf(paymentFacts([operation], change)), nowMs).do;

describe('an approval', () => {
  it('found by a look-up makes the step due, once', () => {
    const change = decideLookup(paymentFacts([offered]), offered, isApproved, T0 + 1);
    expect(change?.events).toEqual([{ type: 'operation.approved', detail: { id: offered.id } }]);
    const known = after(offered, change);
    expect(known).toMatchObject({ status: 'action_required', approvedAtMs: T0 + 1 });
    expect(stepOf(known)).toBe('advance_operation');
    expect(decideLookup(paymentFacts([known]), known, isApproved, T0 + 2)).toBeUndefined();
  });

  it('that the browser brings again changes nothing; with other details the newest count', () => {
    const known = after(offered, decideApproved(offered, 'one', T0 + 1));
    expect(known.returnDetails).toBe('one');
    expect(decideApproved(known, 'one', T0 + 2)).toBeUndefined();
    expect(after(known, decideApproved(known, 'two', T0 + 2)).returnDetails).toBe('two');
  });

  it('is no news once the money is being taken, nor of what was refused or never offered', () => {
    const lastError = paymentError('declined', 'paypal', 'declined', 'INSTRUMENT_DECLINED');
    for (const operation of [taken, { ...offered, offer: null }, { ...offered, lastError }]) {
      expect(decideApproved(operation, 'late', T0 + 3)).toBeUndefined();
    }
  });

  it('is not acted upon once the payment is unwanted, stopped, or past its conclusive end', () => {
    const cancelRequested = true;
    expect(stepOf(approved, T0 + 10, { cancelRequested })).not.toBe('advance_operation');
    expect(stepOf(approved, T0 + HOUR)).not.toBe('advance_operation');
    expect(stepOf({ ...approved, isStopped: true })).not.toBe('advance_operation');
    expect(stepOf(approved, approved.conclusiveAfterMs)).toBe('conclude_operation');
  });

  it('of an offer that ended is closed by the provider’s word, and nothing was taken', () => {
    const nowMs = approved.conclusiveAfterMs;
    const change = decideLookup(paymentFacts([approved]), approved, { kind: 'closed' }, nowMs);
    expect(change).toMatchObject({ operation: { to: 'closed' }, status: 'requires_payment_method' });
  });
});

describe('taking the step', () => {
  it('is written only while wanted, with the instant up to which it may be repeated', () => {
    const change = decideTakeAdvance(paymentFacts([approved]), approved, MINUTE, T0 + 2);
    expect(change).toMatchObject({
      onlyWhileWanted: true,
      status: 'processing',
      operation: { from: 'action_required', to: 'sent' },
    });
    expect(after(approved, change)).toMatchObject({
      advanceTakenAtMs: T0 + 2,
      advanceReplayUntilMs: T0 + 2 + MINUTE,
      advanceCount: 1,
    });
  });

  it('takes a key that never ends to last until the deadline', () => {
    const known = after(approved, decideTakeAdvance(paymentFacts([approved]), approved, null, T0 + 2));
    expect(known.advanceReplayUntilMs).toBe(approved.deadlineMs);
  });

  it('is not possible twice, before an approval, or while stopped', () => {
    for (const operation of [taken, offered, { ...approved, isStopped: true }]) {
      expect(decideTakeAdvance(paymentFacts([operation]), operation, MINUTE, T0 + 3)).toBeUndefined();
    }
  });
});

describe('the answer', () => {
  const answer = (outcome: StartOutcome, operation = taken, context = first) =>
    decideAdvance(paymentFacts([operation]), operation, outcome, context);

  it('that it was taken makes the payment paid', () => {
    expect(answer({ kind: 'succeeded', paid: paidFor(taken) })?.status).toBe('succeeded');
  });

  it('that nothing was delivered counts for the very call that took it, and for no other', () => {
    const known = after(taken, answer({ kind: 'not_executed', error }));
    expect(known).toMatchObject({
      status: 'action_required',
      advanceTakenAtMs: null,
      returnDetails: 'secret',
    });
    expect(stepOf(known)).toBe('advance_operation');
    const unclear = { ...taken, status: 'unknown' as const };
    expect(answer({ kind: 'not_executed', error }, unclear, again)).toBeUndefined();
  });

  it('that never came makes it unknown: repeated while the key lives, then only asked about', () => {
    const known = after(taken, answer({ kind: 'unknown', recover: 'replay', error }));
    expect(known).toMatchObject({ status: 'unknown', advanceTakenAtMs: T0 + 2, advanceCount: 1 });
    expect(stepOf(known)).toBe('advance_operation');
    const late = taken.advanceReplayUntilMs!;
    expect(mayAdvance(paymentFacts([known]), known, late)).toBe(false);
    expect(stepOf({ ...known, nextPollMs: late }, late)).toBe('query_operation');
    expect(stepOf(known, T0 + 10, { cancelRequested: true })).not.toBe('advance_operation');
  });

  it('that only a look-up can clear up ends the repetitions', () => {
    const known = after(taken, answer({ kind: 'unknown', recover: 'query', error }));
    expect(known).toMatchObject({ status: 'unknown', advanceReplayUntilMs: first.nowMs });
    const unclear = { ...taken, status: 'unknown' as const };
    const asked = after(unclear, answer({ kind: 'unknown', recover: 'query', error }, unclear, again));
    expect(mayAdvance(paymentFacts([asked]), asked, again.nowMs)).toBe(false);
  });

  it('that the payer has to act again leads back to them, with a key and an approval of its own next time', () => {
    const next = { ...offer, data: 'https://pay.example/second' };
    const known = after(taken, answer({ kind: 'pending', why: 'user_action', offer: next }));
    expect(known).toMatchObject({
      status: 'action_required',
      offer: next,
      approvedAtMs: null,
      returnDetails: null,
      advanceTakenAtMs: null,
      advanceCount: 1,
    });
    expect(stepOf(known)).toBe('wait');
    const approvedAgain = after(known, decideApproved(known, 'two', T0 + 5));
    const retaken = decideTakeAdvance(paymentFacts([approvedAgain]), approvedAgain, MINUTE, T0 + 6);
    expect(after(approvedAgain, retaken).advanceCount).toBe(2);
  });

  it('that declines while the object lives on leads to its close, and not to a second charge', () => {
    const known = after(taken, answer({ kind: 'failed', reason: 'declined', error, stillPayable: true }));
    expect(known).toMatchObject({ status: 'action_required', advanceTakenAtMs: null, approvedAtMs: null });
    expect(stepOf(known)).toBe('close_operation');
    expect(decideApproved(known, null, T0 + 9)).toBeUndefined();
  });

  it('that it is being worked on waits, and is not repeated', () => {
    const known = after(taken, answer({ kind: 'pending', why: 'processing' }));
    expect(known).toMatchObject({ status: 'pending', advanceTakenAtMs: T0 + 2 });
    expect(stepOf({ ...known, nextPollMs: T0 + HOUR })).toBe('wait');
  });
});

describe('what was once taken', () => {
  it('is never closed because it is not found', () => {
    const nowMs = taken.deadlineMs;
    const lost: QueryOutcome | CloseOutcome = { kind: 'not_found' };
    for (const status of ['sent', 'pending', 'unknown'] as const) {
      const operation = { ...taken, status };
      expect(decideLookup(paymentFacts([operation]), operation, lost, nowMs)).toBeUndefined();
    }
    expect(decideLookup(paymentFacts([approved]), approved, lost, nowMs)?.operation?.to).toBe('closed');
  });

  it('is sent again only by a run that finds it unanswered, inside the key’s life', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('sent', 'pending', 'unknown', 'action_required', 'review', 'succeeded', 'closed'),
        fc.integer({ min: T0, max: T0 + 26 * HOUR }),
        fc.boolean(),
        (status, nowMs, isStopped) => {
          const operation = { ...taken, status, isStopped } as OperationFacts;
          if (stepOf(operation, nowMs) !== 'advance_operation') return;
          expect(isStopped).toBe(false);
          const isUnanswered = status === 'sent' || status === 'unknown';
          expect(isUnanswered ? nowMs < taken.advanceReplayUntilMs! : status === 'action_required').toBe(
            true,
          );
        },
      ),
    );
  });
});
