/** Decisions about money that came: the one place where a payment becomes paid. */
import type { NewEvent } from './events.js';
import { paidPosting, refundedByProviderPosting, type Posting } from './ledger.js';
import type { PaidEvidence } from './outcome.js';
import { transition, type OperationEvent } from './operation.js';
import { judgePaid, type Difference, type Verdict } from './paid-evidence.js';
import { grantedEvents, type OperationChange, type PaymentChange } from './payment-change.js';
import { decideAuthorized } from './payment-capture.js';
import { openOperation, outcomeBesides, type OperationFacts, type PaymentFacts } from './payment-facts.js';
import { decideReturnedLater, moneyIn } from './payment-refund.js';
import { isEnded } from './payment.js';
import { REVIEW_POLL_DELAY_MS } from './payment-position.js';
import { isCollecting } from './plan-operation.js';
import { paymentError } from './problem-codes.js';

/**
 * Decides what verified evidence of a payment changes (payment model, rules 10 to 12). The caller has made
 * sure that it is the provider's word *now*, unless it is a notification that agrees with our row in full.
 */
export function decidePaid(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  nowMs: number,
): PaymentChange | undefined {
  if (operation.kind === 'authorize') return decideAuthorized(payment, operation, paid, nowMs);
  // What came for it is in the ledger, and is posted once; all that can still be news is that it went back.
  if (operation.posted.length > 0) return decideReturnedLater(payment, operation, paid, nowMs);
  const verdict = judge(operation, paid);
  switch (verdict.kind) {
    case 'foreign':
      return undefined;
    case 'refunded':
      return decideRefundedAlready(payment, operation, paid, nowMs);
    case 'differs':
      return decideDiffers(payment, operation, paid, verdict.differences, nowMs);
    case 'paid':
      return isEnded(payment.record.status) || hasSuccess(payment) || isLate(operation)
        ? decideLate(payment, operation, paid, nowMs)
        : decideSuccess(payment, operation, paid, verdict, nowMs);
  }
}

/** Holds evidence against the operation's row. */
export function judge(operation: OperationFacts, paid: PaidEvidence): Verdict {
  const { providerKey: reference, amountMinor, currency } = operation;
  return judgePaid({ reference, amountMinor, currency }, paid);
}

function decideSuccess(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  verdict: Extract<Verdict, { kind: 'paid' }>,
  nowMs: number,
): PaymentChange | undefined {
  const change = toStatus(operation, 'success_verified', paid, nowMs);
  if (!change) return undefined;
  const money = moneyIn(payment, operation, paid, operation.amountMinor);
  const success: PaymentChange = {
    operation: change,
    status: 'succeeded',
    outcome: outcomeBesides(payment),
    lastError: null,
    ...(paid.card ? { card: paid.card } : {}),
    amountReceivedMinor: payment.record.amountReceivedMinor + paid.amountMinor,
    postings: [paidPosting(money)],
    grantsEntitlements: true,
    // The provider's word on what a person was asked about answers the question.
    ...(operation.status === 'review'
      ? { closesReviews: [{ operationId: operation.id, reason: 'no_answer' as const }] }
      : {}),
    events: [{ type: 'payment.succeeded' }, ...grantedEvents(payment)],
  };
  if (verdict.surplusMinor === 0) return success;
  return {
    ...success,
    outcome: 'review',
    events: [...success.events, { type: 'payment.review' }],
    review: { reason: 'surplus', evidence: { differences: verdict.differences, paid } },
  };
}

/** Our money, but not what was agreed: it waits in suspense, and a person looks at what differed. */
function decideDiffers(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  differences: readonly Difference[],
  nowMs: number,
): PaymentChange | undefined {
  const change = toStatus(operation, 'mismatch_confirmed', paid, nowMs);
  if (!change) return undefined;
  const what = differences
    .map(({ field, expected, actual }) => `${field} ${actual}, not ${expected}`)
    .join('; ');
  const lastError = paymentError('amount_differs', operation.provider, `the provider took ${what}`, null);
  return {
    operation: { ...change, lastError, nextPollMs: nowMs + REVIEW_POLL_DELAY_MS },
    ...(isLate(operation) ? endingWithoutAttempt(payment) : inReview(payment)),
    outcome: 'review',
    lastError,
    ...amountsWith(payment, operation, paid),
    postings: inSuspense(payment, operation, paid),
    events: [{ type: 'payment.review' }],
    review: { reason: 'amount_differs', evidence: { differences, paid } },
  };
}

/** Nothing is left for the payer to do: no offer is shown any more. */
function inReview(payment: PaymentFacts): Pick<PaymentChange, 'status'> {
  return isEnded(payment.record.status) ? {} : { status: 'processing' };
}

/** Money for an attempt that is over, or for a payment that has another success: nothing is delivered for it. */
function decideLate(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  nowMs: number,
): PaymentChange | undefined {
  const change = toStatus(operation, 'success_verified', paid, nowMs);
  if (!change) return undefined;
  return {
    operation: { ...change, to: 'late_success' },
    ...endingWithoutAttempt(payment),
    outcome: 'review',
    amountReceivedMinor: payment.record.amountReceivedMinor + paid.amountMinor,
    postings: inSuspense(payment, operation, paid),
    events: [
      { type: 'operation.late_success', detail: { id: operation.id, amount: paid.amountMinor } },
      ...(endsWithoutAttempt(payment) ? [{ type: 'payment.canceled' } as const] : []),
      { type: 'payment.review' },
    ],
    review: { reason: 'late_success', evidence: { paid, status_then: operation.status } },
  };
}

/** Where no other attempt is under way the payment ends here, so that nobody pays for it a second time. */
function endingWithoutAttempt(payment: PaymentFacts): Pick<PaymentChange, 'status' | 'releasesClaims'> {
  return endsWithoutAttempt(payment) ? { status: 'canceled', releasesClaims: true } : {};
}

function endsWithoutAttempt(payment: PaymentFacts): boolean {
  return !isEnded(payment.record.status) && !openOperation(payment);
}

/** Came and went before we looked: both are posted, nothing is delivered, and the attempt is over. */
function decideRefundedAlready(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  nowMs: number,
): PaymentChange | undefined {
  const isOver = isLate(operation);
  const change = toStatus(operation, isOver ? 'success_verified' : 'unpayable_confirmed', paid, nowMs);
  if (!change) return undefined;
  const over: NewEvent = {
    type: isOver ? 'operation.late_success' : 'operation.closed',
    detail: { id: operation.id, amount: paid.amountMinor, refunded: paid.refundedMinor },
  };
  const base: PaymentChange = {
    operation: change,
    ...amountsWith(payment, operation, paid),
    postings: inSuspense(payment, operation, paid),
    events: [over],
  };
  // Of an attempt that was over before, the payment has heard: another one may be under way by now.
  if (isOver || isEnded(payment.record.status)) return base;
  const lastError = paymentError('declined', operation.provider, 'the provider returned the money', null);
  return { ...base, status: 'requires_payment_method', outcome: outcomeBesides(payment), lastError };
}

/** A payment's amounts are of its own currency; money of another one is in the ledger alone. */
function amountsWith(
  { record }: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
): Pick<PaymentChange, 'amountReceivedMinor' | 'amountRefundedMinor'> {
  if (paid.currency !== operation.currency) return {};
  return {
    amountReceivedMinor: record.amountReceivedMinor + paid.amountMinor,
    amountRefundedMinor: record.amountRefundedMinor + paid.refundedMinor,
  };
}

function inSuspense(payment: PaymentFacts, operation: OperationFacts, paid: PaidEvidence): Posting[] {
  const money = moneyIn(payment, operation, paid, 0);
  const postings = [paidPosting(money)];
  if (paid.refundedMinor > 0) postings.push(refundedByProviderPosting(money, paid.refundedMinor));
  return postings;
}

function isLate(operation: OperationFacts): boolean {
  return operation.status === 'rejected' || operation.status === 'closed' || operation.status === 'canceled';
}

/** Of an attempt: that money was given back is no success that another charge would be a second to. */
function hasSuccess(payment: PaymentFacts): boolean {
  return payment.operations.some(({ kind, status }) => isCollecting(kind) && status === 'succeeded');
}

function toStatus(
  operation: OperationFacts,
  event: OperationEvent,
  paid: PaidEvidence,
  nowMs: number,
): OperationChange | undefined {
  const to = transition(operation.status, event);
  if (!to) return undefined;
  return {
    id: operation.id,
    from: operation.status,
    to,
    providerReference: paid.providerReference,
    askedAtMs: nowMs,
  };
}
