/**
 * What a provider's answer about a capture, a void or a refund changes: pure decisions, which db/ writes in one
 * transaction each. Undefined means that nothing is to be written.
 */
import { followUpPollDelayMs } from './follow-up.js';
import type {
  FailureReason,
  FollowUpLookup,
  FollowUpOutcome,
  MovedEvidence,
  Pending,
  Unknown,
} from './outcome.js';
import { transition } from './operation.js';
import { decideCaptureReversed } from './payment-refund.js';
import { decideCaptured, decideCaptureRefused, decideVoided, decideVoidRefused } from './payment-capture.js';
import { operationChange, providerReferenceOf, type PaymentChange } from './payment-change.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import {
  decideRefunded,
  decideRefundRefused,
  decideRefundReversed,
  type RefundFacts,
} from './payment-refunds.js';
import { withRefundDetails } from './refund-details.js';
import { REVIEW_POLL_DELAY_MS } from './payment-position.js';
import { paymentError, type ExecutionErrorCode, type PaymentError } from './problem-codes.js';

/** The answer to the call itself. */
export function decideFollowUpStart(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: FollowUpOutcome,
  facts: RefundFacts,
  nowMs: number,
): PaymentChange | undefined {
  switch (outcome.kind) {
    case 'not_executed':
      return operation.status === 'sent' ? operationOnly(operation, 'not_delivered') : undefined;
    case 'unknown':
      return decideUnclear(payment, operation, outcome, nowMs);
    case 'succeeded': {
      const change = decideFollowUpLookup(payment, operation, outcome, facts, nowMs);
      // Of our own ledger: what the payer's wallet gives or takes is written with the fact, or neither is.
      return change && outcome.movement ? { ...change, movement: outcome.movement } : change;
    }
    case 'pending':
    case 'failed':
      return decideFollowUpLookup(payment, operation, outcome, facts, nowMs);
  }
}

/** The answer to a look-up: one that failed changes no state, and "not found" counts only when it is conclusive. */
export function decideFollowUpLookup(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: FollowUpLookup,
  facts: RefundFacts,
  nowMs: number,
): PaymentChange | undefined {
  switch (outcome.kind) {
    case 'succeeded':
      return told(payment, operation, decideMoved(payment, operation, outcome.moved, facts, nowMs));
    case 'pending':
      return decidePending(operation, outcome, nowMs);
    case 'failed': {
      const { code, message } = outcome.error;
      const lastError = paymentError(
        refusalCode(operation, outcome.reason),
        operation.provider,
        message,
        code,
      );
      return decideRefused(payment, operation, { lastError, event: 'refused', nowMs }, facts);
    }
    case 'not_found': {
      if (nowMs < operation.conclusiveAfterMs || wasAcknowledged(operation)) return undefined;
      const message = 'the provider does not know it';
      const lastError = paymentError(refusalCode(operation, 'invalid'), operation.provider, message, null);
      return decideRefused(payment, operation, { lastError, event: 'refused', nowMs }, facts);
    }
    case 'not_executed':
    case 'unknown':
      return undefined;
  }
}

/** The provider has told of it once: that it is not found any more is a look-up that lags or forgets, and no proof. */
function wasAcknowledged({ posted, providerReference, status, lastError }: OperationFacts): boolean {
  const isAccepted = status === 'pending' && lastError === null;
  return posted.length > 0 || providerReference !== null || isAccepted;
}

/** It was never sent, and is not to be any more: the provider could not be reached for so long, or nobody wants it. */
export function decideDropped(
  payment: PaymentFacts,
  operation: OperationFacts,
  facts: RefundFacts,
  nowMs: number,
): PaymentChange | undefined {
  const isUnwanted = operation.kind === 'capture' && payment.cancelRequested;
  const message = isUnwanted ? 'the payment is being canceled' : 'the provider could not be reached';
  const code = isUnwanted ? refusalCode(operation, 'invalid') : 'provider_unavailable';
  const lastError = paymentError(code, operation.provider, message, null);
  return decideRefused(payment, operation, { lastError, event: 'send_forbidden', nowMs }, facts);
}

/** The deadline passed and the provider, though asked, did not say: a person decides. */
export function decideFollowUpReview(
  payment: PaymentFacts,
  operation: OperationFacts,
  nowMs: number,
): PaymentChange | undefined {
  const status = transition(operation.status, 'found_by_rerun') ?? operation.status;
  const to = transition(status, 'deadline_passed');
  if (!to) return undefined;
  const message = `the provider did not say what became of the ${operation.kind}`;
  const lastError = paymentError('under_review', operation.provider, message, null);
  const nextPollMs = nowMs + REVIEW_POLL_DELAY_MS;
  return {
    operation: { id: operation.id, from: operation.status, to, nextPollMs, lastError },
    outcome: 'review',
    ...(operation.kind === 'refund' ? {} : { lastError }),
    events: payment.record.outcome === 'review' ? [] : [{ type: 'payment.review' }],
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

function decideMoved(
  payment: PaymentFacts,
  operation: OperationFacts,
  moved: MovedEvidence,
  facts: RefundFacts,
  nowMs: number,
): PaymentChange | undefined {
  switch (operation.kind) {
    case 'capture':
      return decideCaptured(payment, operation, moved, nowMs);
    case 'void':
      return decideVoided(payment, operation, moved, nowMs);
    case 'refund':
      return decideRefunded(payment, operation, moved, facts, nowMs);
    case 'authorize':
    case 'sale':
    case 'mandate_charge':
    case 'payout':
      throw new RangeError(`${operation.kind} follows no other operation`);
  }
}

interface Refusal {
  readonly lastError: PaymentError;
  readonly event: 'refused' | 'send_forbidden';
  readonly nowMs: number;
}

function decideRefused(
  payment: PaymentFacts,
  operation: OperationFacts,
  refusal: Refusal,
  facts: RefundFacts,
): PaymentChange | undefined {
  switch (operation.kind) {
    case 'capture':
      return operation.posted.includes('paid')
        ? decideCaptureReversed(payment, operation, refusal.nowMs)
        : decideCaptureRefused(payment, operation, refusal);
    case 'void':
      return decideVoidRefused(payment, operation, refusal);
    case 'refund': {
      const change = operation.posted.includes('refunded')
        ? decideRefundReversed(payment, operation, refusal.lastError)
        : decideRefundRefused(operation, refusal, facts);
      return told(payment, operation, change);
    }
    case 'authorize':
    case 'sale':
    case 'mandate_charge':
    case 'payout':
      throw new RangeError(`${operation.kind} follows no other operation`);
  }
}

function told(payment: PaymentFacts, operation: OperationFacts, change: PaymentChange | undefined) {
  return change && withRefundDetails(payment, operation, change);
}

function refusalCode({ kind }: OperationFacts, reason: FailureReason): ExecutionErrorCode {
  if (reason === 'config') return 'provider_misconfigured';
  if (reason === 'insufficient_funds') return 'insufficient_funds';
  if (kind === 'refund') return 'refund_refused';
  return kind === 'void' ? 'void_refused' : 'capture_refused';
}

/** Its error says whether the provider works on it, or wants the same call again later. */
function decidePending(
  operation: OperationFacts,
  outcome: Pending,
  nowMs: number,
): PaymentChange | undefined {
  const isToRetry = outcome.why === 'retry_same_key';
  const { id, status } = operation;
  if (status === 'pending' && isToRetry === (operation.lastError !== null)) return undefined;
  const to = status === 'pending' ? status : transition(status, isToRetry ? 'retry_same_key' : 'processing');
  if (!to) return undefined;
  const message = 'the provider refused it for now; it is asked for again';
  const lastError = isToRetry
    ? paymentError('provider_unavailable', operation.provider, message, null)
    : null;
  const nextPollMs = nowMs + followUpPollDelayMs(operation.pollCount);
  const known = { nextPollMs, lastError, ...providerReferenceOf(outcome) };
  return { operation: { id, from: status, to, ...known }, events: [] };
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
    nextPollMs: nowMs + followUpPollDelayMs(0),
    lastError,
    ...providerReferenceOf(outcome),
  });
  if (!change) return undefined;
  return {
    operation: change,
    ...(operation.kind === 'refund' ? {} : { ...unknownUnlessAsked(payment), lastError }),
    events: [{ type: 'operation.unknown', detail: { id: operation.id, error: lastError } }],
  };
}

function operationOnly(operation: OperationFacts, event: 'not_delivered'): PaymentChange | undefined {
  const change = operationChange(operation, event, {});
  return change && { operation: change, events: [] };
}

/** A payment about which a person is asked says so, whatever else is not known of it. */
export function unknownUnlessAsked({ record }: PaymentFacts): Pick<PaymentChange, 'outcome'> {
  return record.outcome === 'review' ? {} : { outcome: 'unknown' };
}
