import { recordFollowUpPoll } from '../db/follow-ups.js';
import { markNotificationsProcessed } from '../db/notification-changes.js';
import { writePaymentChange, type AppliedNotifications } from '../db/payment-changes.js';
import { loadRefundFacts, settleRefund } from '../db/refunds.js';
import {
  followUpDueAt,
  followUpPollDelayMs,
  followUpPosition,
  isToBeExplained,
  type FollowUpPosition,
} from '../domain/follow-up.js';
import { isOpen } from '../domain/operation.js';
import { isUnclear, type FollowUpLookup } from '../domain/outcome.js';
import type { PaymentChange } from '../domain/payment-change.js';
import { decideLookup } from '../domain/payment-decisions.js';
import {
  newsOf,
  type NotificationFacts,
  type OperationFacts,
  type PaymentFacts,
} from '../domain/payment-facts.js';
import { REVIEW_POLL_DELAY_MS } from '../domain/payment-position.js';
import { decideUnexpectedRefund } from '../domain/payment-refund.js';
import { decideEmptied, refundedByUs } from '../domain/payment-refunds.js';
import { decideUnansweredNews } from '../domain/unanswered-news.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseResult } from './phase.js';
import { askAbout, decideAnswer, hasNoLookUp } from './provider-follow-up.js';
import { ask } from './provider-query-operation.js';
import { commitChange, done } from './store-payment.js';

export interface FollowUpResult extends PhaseResult {
  readonly followUp: FollowUpPosition | null;
}

/** Where the operation stands now, for the workflow. */
export function positionOf(payment: PaymentFacts, operation: OperationFacts | undefined): FollowUpResult {
  const current = operation && payment.operations.find(({ id }) => id === operation.id);
  return { ...done(payment), followUp: current ? followUpPosition(payment, current) : null };
}

/** Writes what asking told; without an end, when to ask next. News that is `overdue` needs an answer now, or a person. */
export async function recordAnswer(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: FollowUpLookup | undefined,
  overdue: readonly NotificationFacts[],
): Promise<FollowUpResult> {
  const isAnswered = outcome !== undefined && (!isUnclear(outcome) || hasNoLookUp(dependencies, operation));
  const change =
    outcome &&
    ((await decideAnswer(dependencies, payment, operation, outcome)) ??
      toLookAt(dependencies, payment, operation, outcome));
  const applied = {
    ids: isAnswered ? newsOf(payment, operation).map(({ id }) => id) : [],
    result: `asked: ${outcome?.kind ?? 'nothing'}`,
  };
  if (change) return commitFollowUp(dependencies, payment, operation, change, applied);
  if (!isAnswered && overdue.length > 0) {
    const handedOver = { ids: overdue.map(({ id }) => id), result: 'review: no answer' };
    const toReview = decideUnansweredNews(operation, overdue, dependencies.now());
    return commitFollowUp(dependencies, payment, operation, toReview, handedOver);
  }
  await markNotificationsProcessed(dependencies.database, applied.ids, applied.result);
  return keepPolling(dependencies, withoutNews(payment, applied), operation);
}

/** News that tells no end, where nobody can be asked what it means for the money. */
function toLookAt(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: FollowUpLookup,
): PaymentChange | undefined {
  const news = newsOf(payment, operation);
  if (news.length === 0 || !isUnclear(outcome) || !hasNoLookUp(dependencies, operation)) return undefined;
  return decideUnansweredNews(operation, news, dependencies.now());
}

export async function keepPolling(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<FollowUpResult> {
  const nowMs = dependencies.now();
  const pollCount = operation.pollCount + 1;
  const isInReview = operation.status === 'review';
  const nextPollMs = nowMs + (isInReview ? REVIEW_POLL_DELAY_MS : followUpPollDelayMs(pollCount));
  const polled = { ...operation, nextPollMs, pollCount };
  const operations = payment.operations.map((known) => (known.id === operation.id ? polled : known));
  const later = { ...payment, operations };
  const dueAtMs = followUpDueAt(later, polled, nowMs) ?? nextPollMs;
  await recordFollowUpPoll(dependencies.database, operation, { askedAtMs: nowMs, nextPollMs, dueAtMs });
  dependencies.crashAt('worker.followup.after_commit');
  return positionOf(later, polled);
}

/** Writes what was decided, and what a refund's end means for the rest. */
export async function commitFollowUp(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  change: PaymentChange | undefined,
  applied: AppliedNotifications = { ids: [], result: '' },
): Promise<FollowUpResult> {
  if (!change) return positionOf(payment, operation);
  const { database } = dependencies;
  const written = await writePaymentChange(database, payment, change, dependencies.now(), applied);
  dependencies.crashAt('worker.followup.after_commit');
  const changed = withoutNews(written, applied);
  const after = await afterRefund(dependencies, changed, mustFind(changed, operation.id));
  return positionOf(after, operation);
}

/**
 * What a refund's end means for the operation whose money it was; where a run died before that, it is still to come.
 * Refused, that money may have gone back without us, which is a usual reason to refuse; and an attempt that waited for
 * a person is over once all of it is given back.
 */
export async function afterRefund(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  refund: OperationFacts,
): Promise<PaymentFacts> {
  const of = payment.operations.find(({ id }) => id === refund.ofOperationId);
  if (refund.kind !== 'refund' || isOpen(refund.status) || !of) return payment;
  if (!isToBeExplained(refund)) {
    return commitAfter(dependencies, payment, await emptied(dependencies, payment, of));
  }
  const found = await askWhereItWent(dependencies, payment, of);
  const after = await commitAfter(dependencies, payment, found.change);
  // Without an answer it stays due, and the sweeper has it asked again.
  if (found.isAnswered) await settleRefund(dependencies.database, refund.id);
  return after;
}

async function commitAfter(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  change: PaymentChange | undefined,
): Promise<PaymentFacts> {
  return change ? commitChange(dependencies, payment, change, 'worker.query.after_commit') : payment;
}

async function emptied(
  { database }: ActivityDependencies,
  payment: PaymentFacts,
  of: OperationFacts,
): Promise<PaymentChange | undefined> {
  if (of.status !== 'review') return undefined;
  return decideEmptied(payment, of, await loadRefundFacts(database, payment.record.id));
}

interface WhereItWent {
  readonly isAnswered: boolean;
  readonly change?: PaymentChange | undefined;
}

/** What holds the question back is waited for. */
async function askWhereItWent(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  of: OperationFacts,
): Promise<WhereItWent> {
  // There is nobody to ask, and its notifications tell by themselves.
  if (hasNoLookUp(dependencies, of)) return { isAnswered: true };
  if (of.kind === 'capture') {
    const told = await askAbout(dependencies, payment, of, 'last_look');
    if (told?.kind !== 'succeeded') return { isAnswered: false };
    return { isAnswered: true, change: await decideAnswer(dependencies, payment, of, told) };
  }
  const outcome = await ask(dependencies, of, 'last_look');
  if (outcome?.kind !== 'succeeded') return { isAnswered: false };
  const change = decideLookup(payment, of, outcome, dependencies.now());
  const isUnexplained = outcome.paid.refundedMinor > refundedByUs(payment, of);
  if (change || !isUnexplained) return { isAnswered: true, change };
  const unexpected = decideUnexpectedRefund(of, [outcome.paid]);
  const isAsked = payment.record.outcome === 'review';
  return { isAnswered: true, change: isAsked ? { ...unexpected, events: [] } : unexpected };
}

function withoutNews(payment: PaymentFacts, { ids }: AppliedNotifications): PaymentFacts {
  return { ...payment, notifications: payment.notifications.filter(({ id }) => !ids.includes(id)) };
}

export function mustFind(payment: PaymentFacts, id: string): OperationFacts {
  const operation = payment.operations.find((known) => known.id === id);
  if (!operation) throw new Error(`${payment.record.id} has no operation ${id}`);
  return operation;
}
