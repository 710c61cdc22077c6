/** Decisions about money that came beside what was posted already. */
import { morePaidPosting } from './ledger.js';
import type { PaidEvidence } from './outcome.js';
import type { PaymentChange } from './payment-change.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import { moneyIn } from './payment-refund.js';

/**
 * The provider, asked now, has taken more for `operation` than `postedMinor`, which is what the ledger has of it in
 * the evidence's currency: a second transfer to one address, say. The rest goes to suspense at once, so that the
 * ledger equals the provider's journal, and a person decides about it (payment model, rule 11).
 */
export function decideMoreCame(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  postedMinor: number,
  refunds: readonly PaidEvidence[] = [],
): PaymentChange | undefined {
  const { record } = payment;
  if (operation.posted.length === 0 || paid.reference !== operation.providerKey) return undefined;
  const moreMinor = paid.amountMinor - postedMinor;
  if (moreMinor <= 0) return undefined;
  // Refunds that were told of at the same time are seen by nobody else.
  const told = refunds.length > 0 ? { refunds } : {};
  const isSameCurrency = paid.currency === operation.currency;
  return {
    operation: { id: operation.id, from: operation.status, to: operation.status },
    outcome: 'review',
    ...(isSameCurrency ? { amountReceivedMinor: record.amountReceivedMinor + moreMinor } : {}),
    postings: [morePaidPosting(moneyIn(payment, operation, paid, 0), postedMinor)],
    events: record.outcome === 'review' ? [] : [{ type: 'payment.review' }],
    review: { reason: 'surplus', evidence: { paid, posted_minor: postedMinor, ...told } },
  };
}

/** Whether a notification speaks of money beyond what was agreed, and so of more than can be posted. */
export function claimsMore(operation: OperationFacts, paid: PaidEvidence): boolean {
  return paid.currency !== operation.currency || paid.amountMinor > operation.amountMinor;
}
