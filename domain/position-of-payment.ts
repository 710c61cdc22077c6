/** A payment's rows, as its workflow and the sweeper see them. */
import { followUpPosition, settlingOperation, SWEEP_GRACE_MS } from './follow-up.js';
import { isOpen } from './operation.js';
import {
  advanceUntil,
  collectingOperation,
  endsAt,
  isRefusedStillPayable,
  replayUntil,
  type OperationFacts,
  type PaymentFacts,
} from './payment-facts.js';
import {
  isAwaitedDaily,
  nextStep,
  type OperationPosition,
  type PaymentPosition,
} from './payment-position.js';
import { isEnded } from './payment.js';

/** What the workflow is told of a payment. */
export function positionOf(payment: PaymentFacts): PaymentPosition {
  const { record } = payment;
  const operation = collectingOperation(payment);
  const settling = settlingOperation(payment);
  return {
    status: record.status,
    outcome: record.outcome,
    expiresAtMs: endsAt(payment),
    cancelRequested: payment.cancelRequested,
    answered: record.status !== 'processing' || record.outcome === 'review',
    openNotifications: payment.notifications.length,
    operation: operation ? operationPosition(payment, operation) : null,
    ...(settling ? { settling: followUpPosition(payment, settling) } : {}),
  };
}

function operationPosition(payment: PaymentFacts, operation: OperationFacts): OperationPosition {
  return {
    id: operation.id,
    number: operation.number,
    status: operation.status,
    provider: operation.provider,
    account: operation.accountId,
    hasOffer: operation.offer !== null,
    offerEndsAtMs: operation.offerEndsAtMs,
    replayUntilMs: replayUntil(payment, operation),
    ...advanceUntil(payment, operation),
    isRefused: isRefusedStillPayable(operation),
    conclusiveAfterMs: operation.conclusiveAfterMs,
    deadlineMs: operation.deadlineMs,
    nextPollMs: operation.nextPollMs,
  };
}

/** When the sweeper has to look at a payment again, or null where it is at an end. */
export function dueAt(payment: PaymentFacts, nowMs: number): number | null {
  const position = positionOf(payment);
  const { operation, settling } = position;
  if (isEnded(position.status) && !(settling && isOpen(settling.status))) return null;
  if (settling && isAwaitedDaily(settling)) return Math.max(settling.nextPollMs, nowMs);
  if (operation?.status === 'review') return Math.max(operation.nextPollMs, nowMs);
  const step = nextStep(position, nowMs);
  return (step.do === 'wait' ? step.untilMs : nowMs) + SWEEP_GRACE_MS;
}
