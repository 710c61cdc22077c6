/** Decisions about money that the provider gave back without our order, after we had posted that it came. */
import { returnedPosting, type MoneyIn } from './ledger.js';
import type { PaidEvidence } from './outcome.js';
import type { PaymentChange, ReviewKey } from './payment-change.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import { refundedByUs } from './payment-refunds.js';

/**
 * The provider, asked now, says that all it took for `operation` went back: the ledger follows, so that it equals
 * the provider's journal. A payment that had succeeded stays so and goes to a person; what lay in suspense is
 * settled by it. Undefined where that is no news, or not the whole of what was posted.
 */
export function decideReturnedLater(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  nowMs: number,
): PaymentChange | undefined {
  const isNews = operation.posted.includes('paid') && !operation.posted.includes('refunded_by_provider');
  const isWhole = paid.amountMinor > 0 && paid.refundedMinor === paid.amountMinor;
  if (!isNews || !isWhole || paid.reference !== operation.providerKey) return undefined;
  // What we had it give back is posted as our refund; what went beyond that is for a person to see.
  if (refundedByUs(payment, operation) > 0) return undefined;
  const hadSucceeded = operation.status === 'succeeded';
  const deliveredMinor = hadSucceeded ? operation.amountMinor : 0;
  const isSameCurrency = paid.currency === operation.currency;
  if (paid.amountMinor < deliveredMinor || (hadSucceeded && !isSameCurrency)) return undefined;
  const amountRefundedMinor = payment.record.amountRefundedMinor + (isSameCurrency ? paid.refundedMinor : 0);
  const keptMinor = payment.record.amountReceivedMinor - amountRefundedMinor;
  if (keptMinor < 0) return undefined;
  // A payment that stays paid keeps its review, whatever of it went back: a person closes that.
  const isSettled = keptMinor === 0 && payment.record.status !== 'succeeded';
  const wasInReview = operation.status === 'review';
  return {
    operation: {
      id: operation.id,
      from: operation.status,
      to: wasInReview ? 'closed' : operation.status,
      askedAtMs: nowMs,
    },
    ...(wasInReview && payment.record.status === 'processing'
      ? ({ status: 'requires_payment_method' } as const)
      : {}),
    amountRefundedMinor,
    outcome: isSettled ? 'known' : 'review',
    postings: [returnedPosting(moneyIn(payment, operation, paid, deliveredMinor))],
    events: [
      { type: 'operation.refunded_by_provider', detail: { id: operation.id, amount: paid.refundedMinor } },
      ...(hadSucceeded ? [{ type: 'payment.review' } as const] : []),
    ],
    ...(hadSucceeded ? { review: { reason: 'unexpected_refund', evidence: { paid } } as const } : {}),
    ...(isSettled ? { closesReviews: suspenseReviewsOf(operation) } : {}),
  };
}

/** What a person was asked to do with it was done by somebody: nothing of it is left. */
function suspenseReviewsOf({ id: operationId }: OperationFacts): ReviewKey[] {
  return (['amount_differs', 'late_success'] as const).map((reason) => ({ operationId, reason }));
}

/**
 * A capture had succeeded, and failed after all: what was posted has not come. The ledger follows where it can, and a
 * person decides what becomes of what was delivered.
 */
export function decideCaptureReversed(
  payment: PaymentFacts,
  operation: OperationFacts,
  nowMs: number,
): PaymentChange | undefined {
  if (operation.posted.includes('refunded_by_provider')) return undefined;
  const { providerKey: reference, amountMinor, currency } = operation;
  const providerReference = operation.providerReference ?? '';
  const gone = { reference, merchant: '', amountMinor, currency, refundedMinor: amountMinor };
  const paid: PaidEvidence = { ...gone, providerReference, paidAtMs: null };
  const isAsPosted = operation.status === 'succeeded';
  const posted = isAsPosted ? decideReturnedLater(payment, operation, paid, nowMs) : undefined;
  return posted ?? decideUnexpectedRefund(operation, [paid]);
}

/** Refunds that only notifications tell of, and that no look-up of ours can see yet: a person looks at them. */
export function decideUnexpectedRefund(
  operation: OperationFacts,
  refunds: readonly PaidEvidence[],
): PaymentChange {
  return {
    operation: { id: operation.id, from: operation.status, to: operation.status },
    outcome: 'review',
    events: [{ type: 'payment.review' }],
    review: { reason: 'unexpected_refund', evidence: { refunds } },
  };
}

export function moneyIn(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  deliveredMinor: number,
): MoneyIn {
  return {
    provider: operation.provider,
    accountId: operation.accountId,
    merchantId: payment.tenant.merchantId,
    currency: paid.currency,
    actualMinor: paid.amountMinor,
    deliveredMinor,
  };
}
