/**
 * Decisions about taking the money after the payer's approval, where that approval alone moves none. The payer may
 * approve again and again; the money is taken once: by one call that is committed before its first byte.
 */
import type { Pending, StartOutcome } from './outcome.js';
import {
  advanceOf,
  operationChange,
  providerReferenceOf,
  unapproved,
  type AdvanceChange,
  type PaymentChange,
} from './payment-change.js';
import {
  advanceUntil,
  isRefusedStillPayable,
  outcomeBesides,
  type OperationFacts,
  type PaymentFacts,
} from './payment-facts.js';
import { pollDelayMs } from './payment-position.js';
import { decideRefused } from './payment-refusal.js';
import { decidePaid } from './payment-success.js';
import { paymentError } from './problem-codes.js';

/** A look-up, or the payer's browser, says that the payer did their part: news only while nothing is taken. */
export function decideApproved(
  operation: OperationFacts,
  details: string | null,
  nowMs: number,
): PaymentChange | undefined {
  const { id, status, approvedAtMs, returnDetails, offer } = operation;
  if (status !== 'action_required' || offer === null || isRefusedStillPayable(operation)) return undefined;
  if (approvedAtMs !== null && (details === null || details === returnDetails)) return undefined;
  const advance: AdvanceChange = {
    ...advanceOf(operation),
    approvedAtMs: nowMs,
    returnDetails: details ?? returnDetails,
  };
  return {
    operation: { id, from: status, to: status, advance },
    events: approvedAtMs === null ? [{ type: 'operation.approved', detail: { id } }] : [],
  };
}

/**
 * Takes the step: written only where nobody has canceled, nothing has expired and no kill switch stops it, as the
 * database sees it. `keyLifetimeMs`: how long the call may be repeated, a margin taken off; null for ever.
 */
export function decideTakeAdvance(
  payment: PaymentFacts,
  operation: OperationFacts,
  keyLifetimeMs: number | null,
  nowMs: number,
): PaymentChange | undefined {
  if (operation.status !== 'action_required' || !mayAdvance(payment, operation, nowMs)) return undefined;
  const change = operationChange(operation, 'advance_taken', { nextPollMs: nowMs + pollDelayMs(0) });
  if (!change) return undefined;
  const { deadlineMs, advanceCount } = operation;
  const advance: AdvanceChange = {
    ...advanceOf(operation),
    takenAtMs: nowMs,
    replayUntilMs: keyLifetimeMs === null ? deadlineMs : Math.min(deadlineMs, nowMs + keyLifetimeMs),
    count: advanceCount + 1,
  };
  return {
    operation: { ...change, advance },
    status: 'processing',
    outcome: outcomeBesides(payment),
    onlyWhileWanted: true,
    events: [{ type: 'payment.processing' }],
  };
}

export function mayAdvance(payment: PaymentFacts, operation: OperationFacts, nowMs: number): boolean {
  return nowMs < (advanceUntil(payment, operation).advanceUntilMs ?? 0);
}

/** It was taken and not answered, and its key is not to be used any more: it is only asked about from now on. */
export function decideRepeatedNoMore(operation: OperationFacts, nowMs: number): PaymentChange | undefined {
  const { id, status, advanceReplayUntilMs } = operation;
  if (advanceReplayUntilMs === null || advanceReplayUntilMs <= nowMs) return undefined;
  const advance: AdvanceChange = { ...advanceOf(operation), replayUntilMs: nowMs };
  return { operation: { id, from: status, to: status, advance }, events: [] };
}

/**
 * The answer to the call that takes the money. `isFirst`: given to the very call that took the step, with none before
 * it under the same key; only that one can prove that nothing was delivered.
 */
export function decideAdvance(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: StartOutcome,
  { nowMs, isFirst }: { nowMs: number; isFirst: boolean },
): PaymentChange | undefined {
  switch (outcome.kind) {
    case 'succeeded':
      return decidePaid(payment, operation, outcome.paid, nowMs);
    case 'failed':
      return decideRefused(payment, operation, outcome, nowMs);
    case 'not_executed':
      return isFirst ? decideNotDelivered(payment, operation, nowMs) : undefined;
    case 'pending':
      return decidePendingAdvance(payment, operation, outcome, nowMs);
    case 'unknown':
      return decideUnclearAdvance(operation, outcome, nowMs);
  }
}

/** Nothing reached the provider: it is due again, under a key of its own, unless the payment is unwanted by then. */
function decideNotDelivered(
  payment: PaymentFacts,
  operation: OperationFacts,
  nowMs: number,
): PaymentChange | undefined {
  const change = operationChange(operation, 'advance_not_delivered', { nextPollMs: nowMs + pollDelayMs(0) });
  if (!change) return undefined;
  const advance: AdvanceChange = { ...advanceOf(operation), takenAtMs: null, replayUntilMs: null };
  return {
    operation: { ...change, advance },
    status: 'requires_action',
    outcome: outcomeBesides(payment),
    events: [],
  };
}

function decidePendingAdvance(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: Pending,
  nowMs: number,
): PaymentChange | undefined {
  const told = { nextPollMs: nowMs + pollDelayMs(0), ...providerReferenceOf(outcome) };
  switch (outcome.why) {
    case 'user_action': {
      const { offer } = outcome;
      const change = operationChange(operation, 'offer_made', { ...told, ...(offer ? { offer } : {}) });
      if (!change) return undefined;
      const advance = { ...unapproved(operation), ...(offer ? ({ replacesOffer: true } as const) : {}) };
      return {
        operation: { ...change, advance },
        status: 'requires_action',
        outcome: outcomeBesides(payment),
        events: [{ type: 'payment.requires_action' }],
      };
    }
    case 'processing':
    case 'accepted': {
      const change = operationChange(operation, 'processing', told);
      if (!change) return undefined;
      return { operation: change, status: 'processing', outcome: outcomeBesides(payment), events: [] };
    }
    case 'approved':
    case 'retry_same_key': {
      const error = { code: outcome.why, message: 'the provider has not taken the money yet' };
      return decideUnclearAdvance(operation, { recover: 'replay', error }, nowMs);
    }
  }
}

/** What a repetition under the same key cannot tell any more is only asked about from then on. */
function decideUnclearAdvance(
  operation: OperationFacts,
  outcome: {
    recover: 'query' | 'replay';
    error: { code: string; message: string };
    providerReference?: string;
  },
  nowMs: number,
): PaymentChange | undefined {
  const { code, message } = outcome.error;
  const lastError = paymentError('outcome_unknown', operation.provider, message, code);
  const known = operationChange(operation, 'call_unclear', {
    lastError,
    nextPollMs: nowMs + pollDelayMs(0),
    ...providerReferenceOf(outcome),
  });
  const isReplayable = (operation.advanceReplayUntilMs ?? 0) > nowMs;
  const isToBeAsked = outcome.recover === 'query' && isReplayable;
  const change = known ?? { id: operation.id, from: operation.status, to: operation.status };
  if (!known && !isToBeAsked) return undefined;
  return {
    operation: isToBeAsked
      ? { ...change, advance: { ...advanceOf(operation), replayUntilMs: nowMs } }
      : change,
    ...(known ? { outcome: 'unknown', lastError } : {}),
    events: known ? [{ type: 'operation.unknown', detail: { id: operation.id, error: lastError } }] : [],
  };
}
