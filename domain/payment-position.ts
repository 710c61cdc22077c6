import { nextFollowUpStep, type FollowUpPosition, type FollowUpStep } from './follow-up.js';
import { isOpen, type OperationStatus } from './operation.js';
import { isEnded, type PaymentOutcome, type PaymentStatus } from './payment.js';

/**
 * Where a payment stands, as its rows say: all that its workflow needs to know to choose the next step.
 * Instants are milliseconds since the epoch. It travels through Temporal's history, so it holds no personal data.
 */
export interface PaymentPosition {
  readonly status: PaymentStatus;
  readonly outcome: PaymentOutcome;
  readonly expiresAtMs: number;
  readonly cancelRequested: boolean;
  /** The caller of the API has something to act on, or the payment has ended: its answer is stored. */
  readonly answered: boolean;
  /** Verified notifications that no transaction has applied yet. */
  readonly openNotifications: number;
  readonly operation: OperationPosition | null;
  /** The newest capture or void of what the operation holds; histories of before 0.2 know none. */
  readonly settling?: FollowUpPosition;
}

/** The newest collecting operation. */
export interface OperationPosition {
  readonly id: string;
  readonly number: number;
  readonly status: OperationStatus;
  readonly provider: string;
  readonly account: string;
  readonly hasOffer: boolean;
  /** After this no offer can be made any more under this operation. */
  readonly offerEndsAtMs: number;
  /**
   * After this the call that asks to collect is not made again. Optional, as the next: histories that were recorded
   * before 0.2 do not have them, and replay with the offer's end.
   */
  readonly replayUntilMs?: number;
  /** Until then the step that takes the money after the payer's approval is due; absent where it is not. */
  readonly advanceUntilMs?: number;
  /** The provider refused it, but its object could still be paid: it is being closed (payment model, rule 2). */
  readonly isRefused?: boolean;
  /** From here "not found" at the provider proves that it was never paid. */
  readonly conclusiveAfterMs: number;
  /** After this, and after asking the provider, a person decides. */
  readonly deadlineMs: number;
  readonly nextPollMs: number;
}

export type NextStep =
  | { do: 'finish' }
  | { do: 'apply_notifications' }
  | { do: 'start_operation' }
  | { do: 'advance_operation' }
  | { do: 'query_operation' }
  | { do: 'close_operation' }
  | { do: 'conclude_operation' }
  | { do: 'open_review' }
  | { do: 'cancel_payment' }
  | { do: 'void_authorization' }
  | FollowUpStep
  | { do: 'wait'; untilMs: number; for: WaitingFor };

export type WaitingFor = 'payer' | 'provider' | 'close' | 'other_method' | 'capture';

/**
 * The business rule of what comes next. Pure, so that every branch is tested without a server; the workflow
 * only carries it out. A payment in review is at an end here, but for a look at the provider once a day.
 */
export function nextStep(position: PaymentPosition, nowMs: number): NextStep {
  const { operation, settling } = position;
  if (position.openNotifications > 0) return { do: 'apply_notifications' };
  if (isEnded(position.status)) {
    // The money went another way, and the provider still has to say what became of this.
    return settling && isOpen(settling.status) ? nextFollowUpStep(settling, nowMs) : { do: 'finish' };
  }

  const unwanted = position.cancelRequested || nowMs >= position.expiresAtMs;
  switch (operation?.status) {
    case 'planned':
      return unwanted ? { do: 'cancel_payment' } : { do: 'start_operation' };
    case 'sent':
    case 'unknown':
    case 'pending':
    case 'action_required':
      return stepWhileOpen(position, operation, nowMs, unwanted);
    case 'review':
      return nowMs >= operation.nextPollMs ? { do: 'query_operation' } : { do: 'finish' };
    case 'succeeded':
      return position.status === 'requires_capture' || settling
        ? stepWhileHeld(position, nowMs, unwanted)
        : { do: 'finish' };
    case 'late_success':
    case 'rejected':
    case 'closed':
    case 'canceled':
    case undefined:
      return unwanted
        ? { do: 'cancel_payment' }
        : { do: 'wait', untilMs: position.expiresAtMs, for: 'other_method' };
  }
}

/** The provider holds the money until the merchant captures it, or nobody wants it any more and it is let go. */
function stepWhileHeld(
  { settling, ...position }: PaymentPosition,
  nowMs: number,
  unwanted: boolean,
): NextStep {
  if (settling && isOpen(settling.status)) {
    const isCanceled =
      position.cancelRequested && settling.kind === 'capture' && settling.status === 'planned';
    return isCanceled ? { do: 'drop_follow_up' } : nextFollowUpStep(settling, nowMs);
  }
  if (settling && isAwaitedDaily(settling) && nowMs < settling.nextPollMs) return { do: 'finish' };
  if (unwanted) return { do: 'void_authorization' };
  return { do: 'wait', untilMs: position.expiresAtMs, for: 'capture' };
}

/** A person has been told of it, and the provider is asked again once a day. */
export function isAwaitedDaily({ kind, status }: FollowUpPosition): boolean {
  return status === 'review' || (kind === 'void' && (status === 'rejected' || status === 'canceled'));
}

function stepWhileOpen(
  position: PaymentPosition,
  operation: OperationPosition,
  nowMs: number,
  unwanted: boolean,
): NextStep {
  if (nowMs >= operation.deadlineMs) return { do: 'open_review' };
  if (nowMs >= operation.conclusiveAfterMs) return { do: 'conclude_operation' };
  const isUnclear = operation.status === 'sent' || operation.status === 'unknown';
  const isReplayable =
    isUnclear && !operation.hasOffer && nowMs < (operation.replayUntilMs ?? operation.offerEndsAtMs);
  if (isReplayable && !unwanted) return { do: 'start_operation' };
  if (nowMs < (operation.advanceUntilMs ?? 0) && !unwanted) return { do: 'advance_operation' };
  const isToClose = unwanted || operation.isRefused === true;
  if (nowMs >= operation.nextPollMs) return isToClose ? { do: 'close_operation' } : { do: 'query_operation' };
  const nextChange = unwanted ? Infinity : position.expiresAtMs;
  return {
    do: 'wait',
    untilMs: Math.min(operation.nextPollMs, operation.conclusiveAfterMs, nextChange),
    for: waitingFor(operation, isToClose),
  };
}

function waitingFor(operation: OperationPosition, isToClose: boolean): WaitingFor {
  if (isToClose) return 'close';
  return operation.status === 'action_required' ? 'payer' : 'provider';
}

/**
 * How long to leave an offer alone before asking whether it was paid: soon at first, when the payer is likely
 * at it, then rarely, because the notification is expected to be faster. Doubles from 5 s to 60 s.
 */
export function pollDelayMs(pollsSoFar: number): number {
  return Math.min(60_000, 5_000 * 2 ** Math.min(pollsSoFar, 10));
}

/** A review waits for a person; the provider is asked again this often, in case it knows more by then. */
export const REVIEW_POLL_DELAY_MS = 24 * 3_600_000;
