/** News of a payment that has ended, about which the provider, though asked, does not answer. */
import type { PaymentChange } from './payment-change.js';
import type { NotificationFacts, OperationFacts } from './payment-facts.js';

/**
 * Until then the provider is asked, from then on it is a person's turn: as long after the news came as the
 * operation's own grace, which was fixed when it was planned. Milliseconds since the epoch.
 */
export function newsDeadlineMs(operation: OperationFacts, { receivedAtMs }: NotificationFacts): number {
  return receivedAtMs + (operation.deadlineMs - operation.conclusiveAfterMs);
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
