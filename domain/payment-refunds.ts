/** Decisions about money that a merchant has us give back: what may be asked for, and what the answer changes. */
import type { NewEvent } from './events.js';
import { refundedPosting, refundReversedPosting, type MoneyOut } from './ledger.js';
import type { MovedEvidence } from './outcome.js';
import { isOpen, transition } from './operation.js';
import { operationChange, type PaymentChange, type ReviewKey } from './payment-change.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import { REVIEW_POLL_DELAY_MS } from './payment-position.js';
import { paymentError, type PaymentError } from './problem-codes.js';

/** What the ledger has for one operation that took money, with all that was given back of it since. */
export interface Holding {
  readonly operationId: string;
  readonly payableMinor: number;
  readonly suspenseMinor: number;
}

/** What the ledger and the reviews say of a payment, as one statement saw them. */
export interface RefundFacts {
  readonly holdings: readonly Holding[];
  readonly openReviews: readonly {
    readonly operationId: string | null;
    readonly reason: ReviewKey['reason'];
  }[];
}

export interface Refundable {
  readonly of: OperationFacts;
  readonly leftMinor: number;
}

/**
 * What can be given back, by the ledger and with what is under way counted (payment model, rule 5), one entry for each
 * operation that took money. Money in suspense is nobody's yet, so it goes back first.
 */
export function refundableOf(payment: PaymentFacts, { holdings }: RefundFacts): Refundable[] {
  return holdings
    .toSorted((one, other) => other.suspenseMinor - one.suspenseMinor)
    .flatMap(({ operationId, payableMinor, suspenseMinor }) => {
      const of = payment.operations.find(({ id }) => id === operationId);
      if (!of) return [];
      const inFlightMinor = sumOf(refundsOf(payment, operationId).filter(isInFlight));
      const leftMinor = payableMinor + suspenseMinor - inFlightMinor;
      return leftMinor > 0 ? [{ of, leftMinor }] : [];
    });
}

function refundsOf({ operations }: PaymentFacts, operationId: string): OperationFacts[] {
  return operations.filter(({ kind, ofOperationId }) => kind === 'refund' && ofOperationId === operationId);
}

/** It may still move money that the ledger has: one that did, and waits for a person, is in the ledger already. */
function isInFlight({ status, posted }: OperationFacts): boolean {
  return isOpen(status) && !posted.includes('refunded');
}

/** What it gave back, or else what it was asked to. */
function movedBy({ movedMinor, amountMinor }: OperationFacts): number {
  return movedMinor ?? amountMinor;
}

function sumOf(operations: readonly OperationFacts[]): number {
  return operations.reduce((sum, operation) => sum + movedBy(operation), 0);
}

/**
 * What of the money that `operation` took, or its captures did, we have had given back, and what is on its way: a
 * provider that tells of so much now tells nothing new.
 */
export function refundedByUs(payment: PaymentFacts, operation: OperationFacts): number {
  return sumOf(
    orderedRefunds(payment, operation).filter(({ posted }) => !posted.includes('refund_reversed')),
  );
}

/** The same with what came back since: older news may still tell of that. */
export function everRefundedByUs(payment: PaymentFacts, operation: OperationFacts): number {
  return sumOf(orderedRefunds(payment, operation));
}

function orderedRefunds(payment: PaymentFacts, operation: OperationFacts): OperationFacts[] {
  const captures = payment.operations.filter(
    ({ kind, ofOperationId }) => kind === 'capture' && ofOperationId === operation.id,
  );
  return [operation, ...captures]
    .flatMap(({ id }) => refundsOf(payment, id))
    .filter((refund) => isInFlight(refund) || refund.posted.includes('refunded'));
}

/** The provider has given it back. What is told again, or is about another refund, changes nothing. */
export function decideRefunded(
  payment: PaymentFacts,
  operation: OperationFacts,
  moved: MovedEvidence,
  facts: RefundFacts,
  nowMs: number,
): PaymentChange | undefined {
  const isAbout = moved.reference === operation.providerKey && moved.currency === operation.currency;
  if (operation.posted.includes('refunded') || !isAbout || moved.amountMinor <= 0) return undefined;
  const isAsAsked = moved.amountMinor === operation.amountMinor;
  const isOver = !isOpen(operation.status);
  const { providerReference } = moved;
  const event = isAsAsked || isOver ? 'success_verified' : 'mismatch_confirmed';
  const movedMinor = moved.amountMinor;
  const known = { providerReference, movedMinor, askedAtMs: nowMs, lastError: null };
  const change = operationChange(operation, event, known);
  if (!change) return undefined;
  const { holding, leftOver } = spend(operation, movedMinor, facts);
  const money = moneyOut(payment, operation, movedMinor, holding.fromSuspenseMinor);
  const amountRefundedMinor = Math.min(
    payment.record.amountReceivedMinor,
    payment.record.amountRefundedMinor + movedMinor,
  );
  const base = { operation: change, amountRefundedMinor, postings: [refundedPosting(money)] };
  if (!isAsAsked || leftOver.isExceeded) {
    const reason = isAsAsked ? 'late_success' : 'amount_differs';
    const lastError = isAsAsked
      ? null
      : paymentError('amount_differs', operation.provider, 'another amount was given back', null);
    return {
      ...base,
      operation: { ...change, ...(lastError ? { lastError } : {}), nextPollMs: nowMs + REVIEW_POLL_DELAY_MS },
      outcome: 'review',
      events: [...(isAsAsked ? [{ type: 'refund.succeeded' } as const] : []), { type: 'payment.review' }],
      review: { reason, evidence: { asked_minor: operation.amountMinor, moved } },
    };
  }
  const isRevoked =
    payment.record.status === 'succeeded' && holding.fromPayableMinor > 0 && leftOver.payableMinor === 0;
  return {
    ...base,
    ...answering(answeredReviews(payment, operation, leftOver, facts), payment, operation, facts),
    ...(isRevoked ? { revokesEntitlements: true, releasesClaims: true } : {}),
    events: [{ type: 'refund.succeeded' }, ...(isRevoked ? revokedEvents(payment) : [])],
  };
}

/** The payment is known again once nobody is asked about any of it any more. */
function answering(
  closesReviews: readonly ReviewKey[],
  payment: PaymentFacts,
  { ofOperationId }: OperationFacts,
  { openReviews }: RefundFacts,
): Pick<PaymentChange, 'closesReviews' | 'outcome'> {
  if (closesReviews.length === 0) return {};
  // An attempt that is in review itself is closed next, and makes the payment known then.
  const isAttemptOpen = payment.operations.some(
    ({ id, status }) => id === ofOperationId && status === 'review',
  );
  const isKnown = !isAttemptOpen && openReviews.length === closesReviews.length;
  return { closesReviews, ...(isKnown ? { outcome: 'known' } : {}) };
}

/**
 * An attempt whose money waited for a person in vain, and all of which we had given back, is over: the payer may pay in
 * another way. After a capture, whose hold is used up, the payment has ended unpaid. Undefined where some of it is left.
 */
export function decideEmptied(
  payment: PaymentFacts,
  operation: OperationFacts,
  { holdings, openReviews }: RefundFacts,
): PaymentChange | undefined {
  const held = holdings.find(({ operationId }) => operationId === operation.id);
  const isEmpty = held !== undefined && held.payableMinor + held.suspenseMinor === 0;
  if (operation.status !== 'review' || !isEmpty) return undefined;
  const change = operationChange(operation, 'unpayable_confirmed', {});
  if (!change) return undefined;
  const closed: NewEvent = { type: 'operation.closed', detail: { id: operation.id } };
  const base = { operation: change, outcome: openReviews.length === 0 ? 'known' : 'review' } as const;
  if (payment.record.status !== 'processing') return { ...base, events: [closed] };
  // The hold was used up by the capture: there is nothing left to capture, or to let go.
  return operation.kind === 'capture'
    ? { ...base, status: 'canceled', releasesClaims: true, events: [closed, { type: 'payment.canceled' }] }
    : { ...base, status: 'requires_payment_method', events: [closed] };
}

/** From suspense first: it is owed to nobody yet. */
function spend(operation: OperationFacts, amountMinor: number, { holdings }: RefundFacts) {
  const held = holdings.find(({ operationId }) => operationId === operation.ofOperationId);
  const { payableMinor = 0, suspenseMinor = 0 } = held ?? {};
  const fromSuspenseMinor = Math.min(amountMinor, Math.max(0, suspenseMinor));
  const fromPayableMinor = amountMinor - fromSuspenseMinor;
  return {
    holding: { fromSuspenseMinor, fromPayableMinor },
    leftOver: {
      payableMinor: payableMinor - fromPayableMinor,
      suspenseMinor: suspenseMinor - fromSuspenseMinor,
      isExceeded: fromPayableMinor > payableMinor,
    },
  };
}

interface LeftOver {
  readonly payableMinor: number;
  readonly suspenseMinor: number;
}

/**
 * A person was asked what to do with money in suspense: giving it all back is the answer. So is the provider's word on
 * a refund that a person was asked about. Why a refund moved another amount is still to be asked while any of the
 * money is left.
 */
function answeredReviews(
  payment: PaymentFacts,
  operation: OperationFacts,
  { payableMinor, suspenseMinor }: LeftOver,
  { openReviews }: RefundFacts,
): ReviewKey[] {
  const { ofOperationId } = operation;
  const refunds = ofOperationId === null ? [] : refundsOf(payment, ofOperationId).map(({ id }) => id);
  const isEmpty = suspenseMinor === 0 && payableMinor === 0;
  return openReviews.flatMap(({ operationId, reason }) => {
    if (operationId === null) return [];
    const isOfThis = operationId === operation.id && reason === 'no_answer';
    const isOfRefund = reason === 'refund_failed' || (reason === 'amount_differs' && isEmpty);
    const isSettled =
      suspenseMinor === 0 &&
      (operationId === ofOperationId
        ? suspenseReasons.includes(reason)
        : refunds.includes(operationId) && isOfRefund);
    return isOfThis || isSettled ? [{ operationId, reason }] : [];
  });
}

const suspenseReasons: readonly ReviewKey['reason'][] = ['late_success', 'amount_differs', 'surplus'];

function revokedEvents(payment: PaymentFacts): NewEvent[] {
  return payment.lines.map((line) => ({
    type: 'entitlement.revoked',
    detail: { product: line.product, payer: payment.record.payerId, status: 'revoked' },
  }));
}

/** Nothing was given back, and nothing will be: what it had reserved can be asked for again. */
export function decideRefundRefused(
  operation: OperationFacts,
  refusal: { lastError: PaymentError; event: 'refused' | 'send_forbidden' },
  { openReviews }: RefundFacts,
): PaymentChange | undefined {
  const { lastError, event } = refusal;
  const change = operationChange(operation, event, { lastError });
  if (!change) return undefined;
  const key: ReviewKey = { operationId: operation.id, reason: 'no_answer' };
  const wasAsked = openReviews.some(
    ({ operationId, reason }) => operationId === key.operationId && reason === key.reason,
  );
  return {
    operation: change,
    ...(wasAsked
      ? { closesReviews: [key], ...(openReviews.length === 1 ? { outcome: 'known' as const } : {}) }
      : {}),
    events: [{ type: 'refund.failed' }],
  };
}

/** It had succeeded, and came back: the money lies in suspense, and the payer still has none of it. */
export function decideRefundReversed(
  payment: PaymentFacts,
  operation: OperationFacts,
  lastError: PaymentError,
): PaymentChange | undefined {
  if (!operation.posted.includes('refunded') || operation.posted.includes('refund_reversed'))
    return undefined;
  const amountMinor = movedBy(operation);
  // One that waited for a person because of its amount moved nothing in the end, and is over.
  const to = transition(operation.status, 'unpayable_confirmed') ?? operation.status;
  return {
    operation: { id: operation.id, from: operation.status, to, lastError },
    outcome: 'review',
    amountRefundedMinor: Math.max(0, payment.record.amountRefundedMinor - amountMinor),
    postings: [refundReversedPosting(moneyOut(payment, operation, amountMinor, 0))],
    events: [{ type: 'refund.failed' }, { type: 'payment.review' }],
    review: { reason: 'refund_failed', evidence: { provider_key: operation.providerKey, error: lastError } },
  };
}

function moneyOut(
  payment: PaymentFacts,
  operation: OperationFacts,
  amountMinor: number,
  fromSuspenseMinor: number,
): MoneyOut {
  return {
    provider: operation.provider,
    accountId: operation.accountId,
    merchantId: payment.tenant.merchantId,
    currency: operation.currency,
    amountMinor,
    fromSuspenseMinor,
  };
}
