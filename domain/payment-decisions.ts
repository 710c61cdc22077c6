/**
 * What a provider's answer changes: pure decisions, which db/ writes in one transaction each. Undefined
 * means that nothing is to be written: the news says nothing new, or proves nothing.
 */
import type { NewEvent } from './events.js';
import type { CloseOutcome, Pending, QueryOutcome, StartOutcome, Succeeded, Unknown } from './outcome.js';
import { transition, type OperationEvent } from './operation.js';
import { decideApproved } from './payment-advance.js';
import { decideLapsed } from './payment-capture.js';
import { operationChange, providerReferenceOf, type PaymentChange } from './payment-change.js';
import { decideRefused } from './payment-refusal.js';
import {
  endsAt,
  isRefusedStillPayable,
  holdsMoney,
  outcomeBesides,
  type OperationFacts,
  type PaymentFacts,
} from './payment-facts.js';
import { isEnded } from './payment.js';
import { decidePaid } from './payment-success.js';
import { pollDelayMs, REVIEW_POLL_DELAY_MS } from './payment-position.js';
import { paymentError, type PaymentError } from './problem-codes.js';

/** The answer to a call that asks the provider to collect. */
export function decideStart(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: StartOutcome,
  nowMs: number,
): PaymentChange | undefined {
  switch (outcome.kind) {
    case 'succeeded':
      return withMovement(decidePaid(payment, operation, outcome.paid, nowMs), outcome);
    case 'pending':
      return decidePending(payment, operation, outcome, nowMs);
    case 'failed':
      return decideRefused(payment, operation, outcome, nowMs);
    case 'not_executed':
      return operation.status === 'sent' ? operationOnly(operation, 'not_delivered') : undefined;
    case 'unknown':
      return decideUnclear(payment, operation, outcome, nowMs);
  }
}

/** Of our own ledger: what is recorded and what makes it true are written together. */
function withMovement(change: PaymentChange | undefined, { movement }: Succeeded): PaymentChange | undefined {
  return change && movement ? { ...change, movement } : change;
}

/** The answer to a look-up, or to a close that turned into one. `not_found` counts only when it is conclusive. */
export function decideLookup(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: QueryOutcome | CloseOutcome,
  nowMs: number,
): PaymentChange | undefined {
  switch (outcome.kind) {
    case 'succeeded':
      return decidePaid(payment, operation, outcome.paid, nowMs);
    case 'closed':
      return decideUnpayable(payment, operation, nowMs) ?? decideLapsed(payment, operation);
    case 'not_found':
      return isConclusive(operation, nowMs) ? decideUnpayable(payment, operation, nowMs) : undefined;
    case 'failed':
      return decideRefused(payment, operation, outcome, nowMs);
    case 'pending':
      return outcome.why === 'approved'
        ? decideApproved(operation, null, nowMs)
        : decideProgress(payment, operation, outcome, nowMs);
    case 'not_executed':
    case 'unknown':
      return undefined;
  }
}

/**
 * What took money, worked on it, or was asked to take it was there: that it is not found any more proves nothing.
 * (An offer that nobody took up may well be deleted: PayPal's unpaid orders are.)
 */
function isConclusive(operation: OperationFacts, nowMs: number): boolean {
  const isUnderWay = operation.status === 'pending' && operation.providerReference !== null;
  const wasThere = isUnderWay || operation.advanceTakenAtMs !== null || operation.posted.length > 0;
  return nowMs >= operation.conclusiveAfterMs && !wasThere;
}

/** A look-up found it under way: news where we did not know so much. */
function decideProgress(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: Pending,
  nowMs: number,
): PaymentChange | undefined {
  const isNewOffer =
    outcome.offer !== undefined && operation.offer === null && operation.status === 'unknown';
  const isNewWork = outcome.why === 'processing' && ['unknown', 'action_required'].includes(operation.status);
  if (!isNewOffer && !isNewWork) return undefined;
  return decidePending(payment, operation, outcome, nowMs);
}

function decidePending(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: Pending,
  nowMs: number,
): PaymentChange | undefined {
  const sent = { sentAtMs: nowMs, nextPollMs: nowMs + pollDelayMs(0), ...providerReferenceOf(outcome) };
  if (outcome.offer) {
    const change = operationChange(operation, 'offer_made', { ...sent, offer: outcome.offer });
    if (!change) return undefined;
    return {
      operation: change,
      status: 'requires_action',
      outcome: outcomeBesides(payment),
      lastError: null,
      events: [{ type: 'payment.requires_action' }],
    };
  }
  if (outcome.why === 'user_action') return undefined;
  const event = outcome.why === 'retry_same_key' ? 'retry_same_key' : 'processing';
  const change = operationChange(operation, event, sent);
  if (!change || change.to === operation.status) return undefined;
  return {
    operation: change,
    status: 'processing',
    outcome: outcomeBesides(payment),
    events: [{ type: 'payment.processing' }],
  };
}

/** A call without a readable, verified answer: the first time it is news, afterwards it changes nothing. */
function decideUnclear(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: Unknown,
  nowMs: number,
): PaymentChange | undefined {
  const { code, message } = outcome.error;
  const lastError = paymentError('outcome_unknown', operation.provider, message, code);
  const change = operationChange(operation, 'call_unclear', {
    sentAtMs: nowMs,
    nextPollMs: nowMs + pollDelayMs(0),
    lastError,
    ...providerReferenceOf(outcome),
  });
  if (!change) return undefined;
  const event: NewEvent = { type: 'operation.unknown', detail: { id: operation.id, error: lastError } };
  // A person who is asked about other money of it is still asked.
  const known = outcomeBesides(payment);
  return { operation: change, outcome: known === 'review' ? known : 'unknown', lastError, events: [event] };
}

/** The provider's object can no longer be paid: the attempt is over, and the payment too where it is unwanted. */
function decideUnpayable(
  payment: PaymentFacts,
  operation: OperationFacts,
  nowMs: number,
): PaymentChange | undefined {
  const change = operationChange(operation, 'unpayable_confirmed', { askedAtMs: nowMs });
  if (!change) return undefined;
  const closed: NewEvent = { type: 'operation.closed', detail: { id: operation.id } };
  if (isEnded(payment.record.status)) return { operation: change, events: [closed] };
  if (isUnwanted(payment, nowMs)) return { operation: change, ...ending(payment, operation, [closed]) };
  const isRefused = isRefusedStillPayable(operation);
  return {
    operation: change,
    status: 'requires_payment_method',
    outcome: outcomeBesides(payment),
    lastError: isRefused
      ? operation.lastError
      : paymentError('expired', operation.provider, 'the offer ended unpaid', null),
    events: isRefused ? [closed, { type: 'payment.payment_failed' }] : [closed],
    ...(isRefused ? { mayFailOver: true } : {}),
  };
}

/**
 * Ends a payment that nobody wants any more and nobody can pay any more: canceled by the merchant, or expired.
 * Its planned operation, which was never sent, is canceled with it.
 */
export function decideCancel(payment: PaymentFacts, operation: OperationFacts | undefined, nowMs: number) {
  if (isEnded(payment.record.status) || !isUnwanted(payment, nowMs)) return undefined;
  if (!operation || ['rejected', 'closed', 'canceled', 'late_success'].includes(operation.status)) {
    return ending(payment, operation, []);
  }
  const change = operationChange(operation, 'send_forbidden', {});
  if (!change) return undefined;
  const canceled: NewEvent = { type: 'operation.canceled', detail: { id: operation.id } };
  return { operation: change, ...ending(payment, operation, [canceled]) };
}

/**
 * Nothing was sent, and is not to be: a kill switch came between acceptance and sending, or money of an earlier attempt
 * did, and nobody is to be charged twice.
 */
export function decideStopped(payment: PaymentFacts, operation: OperationFacts): PaymentChange | undefined {
  const change = operationChange(operation, 'send_forbidden', {});
  if (!change) return undefined;
  const message = holdsMoney(payment)
    ? 'money for an earlier attempt has come after all'
    : 'charges like this one are stopped for now';
  return {
    operation: change,
    status: 'requires_payment_method',
    outcome: outcomeBesides(payment),
    lastError: paymentError('provider_unavailable', operation.provider, message, null),
    events: [
      { type: 'operation.canceled', detail: { id: operation.id } },
      { type: 'payment.payment_failed' },
    ],
    mayFailOver: true,
  };
}

function ending(
  payment: PaymentFacts,
  operation: OperationFacts | undefined,
  before: readonly NewEvent[],
): PaymentChange {
  const expired: PaymentError | null = payment.cancelRequested
    ? payment.record.lastError
    : paymentError('expired', operation?.provider ?? 'none', 'the payment expired unpaid', null);
  return {
    status: 'canceled',
    outcome: outcomeBesides(payment),
    lastError: expired,
    releasesClaims: true,
    events: [...before, { type: 'payment.canceled' }],
  };
}

/**
 * The deadline passed and the provider, though asked, did not say: a person decides. A `sent` whose run has died
 * is unknown (payment model, "found by a re-run"), and goes to review as such.
 */
export function decideReview(operation: OperationFacts, nowMs: number): PaymentChange | undefined {
  const status = transition(operation.status, 'found_by_rerun') ?? operation.status;
  const to = transition(status, 'deadline_passed');
  if (!to) return undefined;
  const change = { id: operation.id, from: operation.status, to, nextPollMs: nowMs + REVIEW_POLL_DELAY_MS };
  const message = 'the provider did not say whether it was paid';
  return {
    operation: change,
    status: 'processing',
    outcome: 'review',
    lastError: paymentError('under_review', operation.provider, message, null),
    events: [{ type: 'payment.review' }],
    review: {
      reason: 'no_answer',
      evidence: {
        provider_key: operation.providerKey,
        last_error: operation.lastError,
        decided_at_ms: nowMs,
      },
    },
  };
}

export function isUnwanted(payment: PaymentFacts, nowMs: number): boolean {
  return payment.cancelRequested || nowMs >= endsAt(payment);
}

function operationOnly(operation: OperationFacts, event: OperationEvent): PaymentChange | undefined {
  const change = operationChange(operation, event, {});
  return change && { operation: change, events: [] };
}
