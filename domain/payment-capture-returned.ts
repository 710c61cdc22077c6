/** Decisions about captured money of which the provider says that some went back, by whosever order. */
import { paidPosting, refundedByProviderPosting } from './ledger.js';
import type { MovedEvidence, PaidEvidence } from './outcome.js';
import { isOpen } from './operation.js';
import { operationChange, type PaymentChange } from './payment-change.js';
import { outcomeBesides, type OperationFacts, type PaymentFacts } from './payment-facts.js';
import { REVIEW_POLL_DELAY_MS } from './payment-position.js';
import { decideReturnedLater, decideUnexpectedRefund, moneyIn } from './payment-refund.js';
import { refundedByUs } from './payment-refunds.js';
import { isEnded } from './payment.js';
import { paymentError } from './problem-codes.js';

/**
 * Of a capture whose coming is posted. The whole of it, and none by our order: the ledger follows. A part, or more than
 * we ordered: a person looks at it. Undefined where it is no news.
 */
export function decideCaptureReturned(
  payment: PaymentFacts,
  operation: OperationFacts,
  moved: MovedEvidence,
  nowMs: number,
): PaymentChange | undefined {
  const paid = asPaid(moved);
  const isKnown = paid.refundedMinor <= refundedByUs(payment, operation);
  if (isKnown || operation.posted.includes('refunded_by_provider')) return undefined;
  const whole = decideReturnedLater(payment, operation, paid, nowMs);
  if (operation.status !== 'review') return whole ?? decideUnexpectedRefund(operation, [paid]);
  // A person looks at it already, and the provider is asked every day: a part would be told every day.
  return whole?.status
    ? { ...whole, ...unpaidByCapture, events: [...whole.events, canceledByCapture] }
    : whole;
}

export const canceledByCapture = { type: 'payment.canceled' } as const;

/** The hold was used up by the capture: there is nothing left to capture, or to let go. */
export const unpaidByCapture = { status: 'canceled', releasesClaims: true } as const;

/** It came and went, all or in part, before we knew of either: both are posted, and nothing is delivered for it. */
export function decideCapturedAndReturned(
  payment: PaymentFacts,
  operation: OperationFacts,
  moved: MovedEvidence,
  nowMs: number,
): PaymentChange | undefined {
  const paid = asPaid(moved);
  const isWhole = paid.refundedMinor === paid.amountMinor;
  const wasOver = !isOpen(operation.status);
  const ended = isWhole ? 'unpayable_confirmed' : 'mismatch_confirmed';
  const { providerReference } = moved;
  const known = { providerReference, askedAtMs: nowMs, lastError: null };
  const change = operationChange(operation, wasOver ? 'success_verified' : ended, known);
  if (!change) return undefined;
  const { record } = payment;
  const money = moneyIn(payment, operation, paid, 0);
  const base = {
    operation: change,
    amountReceivedMinor: record.amountReceivedMinor + paid.amountMinor,
    amountRefundedMinor: record.amountRefundedMinor + paid.refundedMinor,
    postings: [paidPosting(money), refundedByProviderPosting(money, paid.refundedMinor)],
  };
  const { id } = operation;
  const amounts = { id, amount: paid.amountMinor, refunded: paid.refundedMinor };
  const isPaymentOver = isEnded(record.status);
  if (isWhole) {
    const over = { type: wasOver ? 'operation.late_success' : 'operation.closed', detail: amounts } as const;
    if (isPaymentOver) return { ...base, events: [over] };
    const lastError = paymentError('declined', operation.provider, 'the provider returned the money', null);
    const end = { ...unpaidByCapture, lastError, outcome: outcomeBesides(payment), ...answeredBy(operation) };
    return { ...base, ...end, events: [over, canceledByCapture] };
  }
  const what = `the provider captured ${paid.amountMinor}, and gave ${paid.refundedMinor} of it back`;
  const lastError = paymentError('amount_differs', operation.provider, what, null);
  return {
    ...base,
    operation: { ...change, lastError, nextPollMs: nowMs + REVIEW_POLL_DELAY_MS },
    ...(isPaymentOver
      ? {}
      : { ...(wasOver ? unpaidByCapture : ({ status: 'processing' } as const)), lastError }),
    outcome: 'review',
    events: [...(wasOver && !isPaymentOver ? [canceledByCapture] : []), { type: 'payment.review' }],
    review: { reason: 'amount_differs', evidence: { asked_minor: operation.amountMinor, moved } },
  };
}

/** The provider's word on what a person was asked about answers the question. */
export function answeredBy({ id, status }: OperationFacts): Pick<PaymentChange, 'closesReviews'> {
  return status === 'review' ? { closesReviews: [{ operationId: id, reason: 'no_answer' }] } : {};
}

function asPaid({
  reference,
  amountMinor,
  currency,
  providerReference,
  movedAtMs,
  refundedMinor,
}: MovedEvidence): PaidEvidence {
  const money = { reference, merchant: '', amountMinor, currency, refundedMinor: refundedMinor ?? 0 };
  return { ...money, providerReference, paidAtMs: movedAtMs };
}
