/** News about which the provider, though asked, does not answer. */
import { followUpPosition, isFollowUp } from './follow-up.js';
import { isOpen } from './operation.js';
import type { PaymentChange } from './payment-change.js';
import { newsOf, type NotificationFacts, type OperationFacts, type PaymentFacts } from './payment-facts.js';

/**
 * Until then the provider is asked, from then on it is a person's turn: as long after the news came as the
 * operation's own grace, which was fixed when it was planned. Milliseconds since the epoch.
 */
function newsDeadlineMs(operation: OperationFacts, { receivedAtMs }: NotificationFacts): number {
  return receivedAtMs + (operation.deadlineMs - operation.conclusiveAfterMs);
}

/**
 * What was left unanswered for so long that it is a person's turn. While an operation has a deadline ahead of it, that
 * counts, and not its news'.
 */
export function overdueNews(
  payment: PaymentFacts,
  operation: OperationFacts,
  nowMs: number,
): NotificationFacts[] {
  const { deadlineMs } = isFollowUp(operation.kind) ? followUpPosition(payment, operation) : operation;
  const isAwaited = isOpen(operation.status) && operation.status !== 'review';
  if (isAwaited && nowMs < deadlineMs) return [];
  return newsOf(payment, operation).filter((news) => nowMs >= newsDeadlineMs(operation, news));
}

/** Nothing is posted, because nobody has confirmed anything: what was told is the evidence of a review. */
export function decideUnansweredNews(
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
  nowMs: number,
): PaymentChange {
  return {
    operation: { id: operation.id, from: operation.status, to: operation.status },
    outcome: 'review',
    events: [{ type: 'payment.review' }],
    review: {
      reason: 'no_answer',
      evidence: { provider_key: operation.providerKey, notifications, decided_at_ms: nowMs },
    },
  };
}
