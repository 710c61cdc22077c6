/** Decisions about a refusal: it is told at once, or, where the provider's object could still be paid, after its close. */
import type { NewEvent } from './events.js';
import { mayFailOver } from './failover-reasons.js';
import type { Failed, FailureReason } from './outcome.js';
import { operationChange, providerReferenceOf, unapproved, type PaymentChange } from './payment-change.js';
import {
  isRefusedStillPayable,
  outcomeBesides,
  type OperationFacts,
  type PaymentFacts,
} from './payment-facts.js';
import { isEnded } from './payment.js';
import { paymentError, refusedAsAsked, type ExecutionErrorCode, type PaymentError } from './problem-codes.js';

const errorCodes: Readonly<Record<FailureReason, ExecutionErrorCode>> = {
  declined: 'declined',
  invalid: 'declined',
  conflict: 'declined',
  expired: 'expired',
  config: 'provider_misconfigured',
  insufficient_funds: 'insufficient_funds',
  not_refundable: 'declined',
};

export function decideRefused(
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: Failed,
  nowMs: number,
): PaymentChange | undefined {
  const { reason, error, stillPayable } = outcome;
  const told = paymentError(errorCodes[reason], operation.provider, error.message, error.code);
  const lastError = reason === 'invalid' ? refusedAsAsked(told) : told;
  const known = { lastError, ...providerReferenceOf(outcome) };
  const isLast = !mayFailOver(outcome);
  if (stillPayable) return decideRefusedStillPayable(payment, operation, { ...known, isLast }, nowMs);
  const change = operationChange(operation, 'refused', known);
  if (!change) return undefined;
  if (isEnded(payment.record.status)) return { operation: change, events: [] };
  return {
    operation: change,
    status: 'requires_payment_method',
    outcome: outcomeBesides(payment),
    lastError,
    events: [{ type: 'payment.payment_failed' }],
    ...(isLast ? {} : { mayFailOver: true }),
  };
}

/** The refusal is told only when nobody can pay the provider's object any more: that is closed first (rule 2). */
function decideRefusedStillPayable(
  payment: PaymentFacts,
  operation: OperationFacts,
  { isLast, ...known }: { lastError: PaymentError; providerReference?: string; isLast: boolean },
  nowMs: number,
): PaymentChange | undefined {
  if (isRefusedStillPayable(operation)) return undefined;
  const isAnswered = operation.approvedAtMs !== null || operation.advanceTakenAtMs !== null;
  const change = operationChange(operation, 'refused_still_payable', {
    ...known,
    ...(isLast ? { dropsFallbacks: true } : {}),
    ...(isAnswered ? { advance: unapproved(operation) } : {}),
    sentAtMs: nowMs,
    nextPollMs: nowMs,
  });
  if (!change) return undefined;
  const refused: NewEvent = {
    type: 'operation.refused',
    detail: { id: operation.id, error: known.lastError },
  };
  if (isEnded(payment.record.status)) return { operation: change, events: [refused] };
  return { operation: change, status: 'processing', outcome: outcomeBesides(payment), events: [refused] };
}
