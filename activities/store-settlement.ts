import { moneyPosted } from '../db/ledger.js';
import { ConcurrentChangeError } from '../db/transaction.js';
import { isOpen } from '../domain/operation.js';
import { isUnclear, type PaidEvidence, type QueryOutcome } from '../domain/outcome.js';
import type { PaymentChange } from '../domain/payment-change.js';
import { decideLookup } from '../domain/payment-decisions.js';
import {
  newsOf,
  type NotificationFacts,
  type OperationFacts,
  type PaymentFacts,
} from '../domain/payment-facts.js';
import { isFollowUp } from '../domain/follow-up.js';
import { everRefundedByUs } from '../domain/payment-refunds.js';
import { decideUnexpectedRefund } from '../domain/payment-refund.js';
import { decidePaid, judge } from '../domain/payment-success.js';
import { claimsMore, decideMoreCame } from '../domain/payment-surplus.js';
import { decideUnansweredNews, overdueNews } from '../domain/unanswered-news.js';
import { applyNotifications } from './apply-notifications.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { askAbout, decideAnswer, hasNoLookUp } from './provider-follow-up.js';
import { mustFind, afterRefund } from './provider-follow-up-record.js';
import { ask, type Asking } from './provider-query-operation.js';
import { settleUnasked } from './settle-unasked.js';
import { done, mustLoad } from './store-payment.js';
import { providerUnclear } from './to-application-failure.js';

/**
 * Applies a payment's stored notifications, all of one operation in one transaction with what they change. Where all
 * of them agree in full with an operation that waits for them it is settled at once; any other (a refund that came
 * beside the payment, say) is only a reason to ask the provider (payment model, rule 10), where it can be asked.
 */
export function createSettlePayment(dependencies: ActivityDependencies) {
  return async function settlePayment({ paymentId, firstTry }: PhaseInput): Promise<PhaseResult> {
    let payment = await mustLoad(dependencies, paymentId);
    let clean = true;
    let failure: Error | undefined;
    for (const [{ id }, notifications] of byOperation(payment)) {
      const operation = mustFind(payment, id);
      try {
        const settled = await settleOperation(dependencies, payment, operation, notifications, firstTry);
        if (settled) payment = settled;
        else clean = false;
      } catch (error) {
        // What one provider does not say, now, is no reason to leave another's word lying.
        if (!(error instanceof Error) || error instanceof ConcurrentChangeError) throw error;
        failure ??= error;
      }
    }
    if (failure) throw failure;
    return { ...done(payment), clean };
  };
}

function byOperation(payment: PaymentFacts): [OperationFacts, NotificationFacts[]][] {
  return payment.operations
    .map((operation): [OperationFacts, NotificationFacts[]] => [operation, newsOf(payment, operation)])
    .filter(([, notifications]) => notifications.length > 0);
}

/** Undefined where the provider would have to be asked and gave no clean answer to a first try. */
async function settleOperation(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
  firstTry: boolean,
): Promise<PaymentFacts | undefined> {
  if (isFollowUp(operation.kind)) {
    return settleFollowUp(dependencies, payment, operation, notifications, firstTry);
  }
  if (hasNoLookUp(dependencies, operation)) {
    return settleUnasked(dependencies, payment, operation, notifications);
  }
  const agreed = notifications.find((notification) => settlesAtOnce(operation, notification));
  const isUndisputed = notifications.every(
    (notification) => settlesAtOnce(operation, notification) || saysNothing(operation, notification),
  );
  if (agreed?.paid && isUndisputed) {
    const change = decidePaid(payment, operation, agreed.paid, dependencies.now());
    return applyNotifications(dependencies, payment, notifications, change, 'applied');
  }
  if (isUndisputed) return applyNotifications(dependencies, payment, notifications, undefined, 'disregarded');
  const refunds = refundsBesideOurs(payment, operation, notifications);
  // What names no amount may tell of more money, too: BTCPay's second transfer to one address.
  const mayTellMore = notifications.some(({ paid }) => paid === null || claimsMore(operation, paid));
  if (operation.status === 'succeeded' && refunds.length === 0 && !mayTellMore) {
    return applyNotifications(dependencies, payment, notifications, undefined, 'known already');
  }
  const overdue = overdueNews(payment, operation, dependencies.now());
  const outcome = await ask(dependencies, operation, askingFor(firstTry, overdue));
  dependencies.crashAt('worker.query.after_call');
  if (!outcome || isUnclear(outcome) || isUnsettled(operation, notifications, outcome)) {
    const reviewed = await reviewOverdue(dependencies, payment, operation, overdue);
    if (reviewed && overdue.length === notifications.length) return reviewed;
    if (firstTry) return undefined;
    throw providerUnclear(operation.provider, outcome ?? { kind: 'nothing' });
  }
  const found = decideLookup(payment, operation, outcome, dependencies.now());
  const unexplained = found ? [] : unexplainedRefunds(payment, operation, refunds, outcome);
  const more =
    found || outcome.kind !== 'succeeded'
      ? undefined
      : await moreOf(dependencies, payment, operation, outcome.paid, refunds);
  const change =
    unexplained.length > 0 && !more ? decideUnexpectedRefund(operation, unexplained) : (found ?? more);
  return applyNotifications(dependencies, payment, notifications, change, `asked: ${outcome.kind}`);
}

/** What went back without our order, and is not posted: as the news tells it, or as the provider does now that it is asked. */
function unexplainedRefunds(
  payment: PaymentFacts,
  operation: OperationFacts,
  told: readonly PaidEvidence[],
  outcome: QueryOutcome,
): readonly PaidEvidence[] {
  const { status, posted } = operation;
  if (status !== 'succeeded') return [];
  if (told.length > 0 || outcome.kind !== 'succeeded') return told;
  const expectedMinor = everRefundedByUs(payment, operation);
  const isNews = outcome.paid.refundedMinor > expectedMinor && !posted.includes('refunded_by_provider');
  return isNews ? [outcome.paid] : [];
}

/**
 * It has signed that it was paid, or it had said so, and now does not know it, or waits for the payer of what has ended:
 * its look-up lags behind, and says nothing yet. Nor is news put away while money is on its way to what has ended:
 * nothing else would ask about that again.
 */
function isUnsettled(
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
  outcome: QueryOutcome,
): boolean {
  const claimsPaid = notifications.some(({ paid }) => paid !== null);
  if (outcome.kind === 'not_found') return claimsPaid || operation.posted.length > 0;
  const isWaiting = outcome.kind === 'pending' && !isOpen(operation.status);
  return isWaiting && (claimsPaid || outcome.why === 'processing');
}

/** News of a capture, a void or a refund is a reason to ask, and nothing more, where the provider can be asked. */
async function settleFollowUp(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
  firstTry: boolean,
): Promise<PaymentFacts | undefined> {
  const overdue = overdueNews(payment, operation, dependencies.now());
  const outcome = await askAbout(dependencies, payment, operation, askingFor(firstTry, overdue));
  dependencies.crashAt('worker.followup.after_call');
  if (!outcome || isUnclear(outcome)) {
    if (hasNoLookUp(dependencies, operation)) {
      // Nobody can be asked what it means for the money.
      const toLookAt = decideUnansweredNews(operation, notifications, dependencies.now());
      return applyNotifications(dependencies, payment, notifications, toLookAt, 'review: tells no end');
    }
    const reviewed = await reviewOverdue(dependencies, payment, operation, overdue);
    if (reviewed && overdue.length === notifications.length) return reviewed;
    if (firstTry) return undefined;
    throw providerUnclear(operation.provider, outcome ?? { kind: 'nothing' });
  }
  const answer = await decideAnswer(dependencies, payment, operation, outcome);
  const change = answer ?? decideUnshownReturn(payment, operation, notifications);
  const result = `asked: ${outcome.kind}`;
  const settled = await applyNotifications(dependencies, payment, notifications, change, result);
  return afterRefund(dependencies, settled, mustFind(settled, operation.id));
}

/** The provider has signed that some of a capture went back without our order, and its look-up does not show it. */
function decideUnshownReturn(
  payment: PaymentFacts,
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
): PaymentChange | undefined {
  const { kind, status, posted } = operation;
  if (kind !== 'capture' || status !== 'succeeded' || posted.includes('refunded_by_provider'))
    return undefined;
  const told = refundsBesideOurs(payment, operation, notifications);
  return told.length > 0 ? decideUnexpectedRefund(operation, told) : undefined;
}

/** What we had it give back is no news of money that went without us. */
function refundsBesideOurs(
  payment: PaymentFacts,
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
): PaidEvidence[] {
  const expectedMinor = everRefundedByUs(payment, operation);
  return notifications.flatMap(({ paid }) => (paid && paid.refundedMinor > expectedMinor ? [paid] : []));
}

/** What is about to go to a person is asked about even where the breaker is open. */
function askingFor(firstTry: boolean, overdue: readonly NotificationFacts[]): Asking {
  if (overdue.length > 0) return 'last_look';
  return firstTry ? 'at_once' : 'durably';
}

/** What is posted is read only here, where a difference was confirmed: every other payment does without. */
async function moreOf(
  { database }: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  refunds: readonly PaidEvidence[],
): Promise<PaymentChange | undefined> {
  const postedMinor = await moneyPosted(database, operation.id, paid.currency);
  return decideMoreCame(payment, operation, paid, postedMinor, refunds);
}

async function reviewOverdue(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  overdue: readonly NotificationFacts[],
): Promise<PaymentFacts | undefined> {
  if (overdue.length === 0) return undefined;
  const change = decideUnansweredNews(operation, overdue, dependencies.now());
  return applyNotifications(dependencies, payment, overdue, change, 'review: no answer');
}

/** In these two states a verified notification that matches our row in everything is proof enough. */
function settlesAtOnce(operation: OperationFacts, { paid }: NotificationFacts): boolean {
  // Until when an authorization holds, only the provider's answer says.
  if (operation.kind === 'authorize') return false;
  if (!paid || !(operation.status === 'action_required' || operation.status === 'sent')) return false;
  const verdict = judge(operation, paid);
  return verdict.kind === 'paid' && verdict.surplusMinor === 0;
}

/** Progress that claims no payment, while the payer may still act. */
function saysNothing(operation: OperationFacts, notification: NotificationFacts): boolean {
  return (
    notification.paid === null &&
    operation.status === 'action_required' &&
    notification.says.startsWith('WAIT')
  );
}
