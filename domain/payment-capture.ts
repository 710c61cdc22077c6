/** Decisions about money that is held first and taken later: authorizations, their captures and their voids. */
import type { NewEvent } from './events.js';
import { paidPosting } from './ledger.js';
import type { MovedEvidence, PaidEvidence } from './outcome.js';
import { isOpen } from './operation.js';
import { judgePaid } from './paid-evidence.js';
import { grantedEvents, operationChange, type PaymentChange } from './payment-change.js';
import { outcomeBesides, type OperationFacts, type PaymentFacts } from './payment-facts.js';
import {
  answeredBy,
  canceledByCapture,
  decideCapturedAndReturned,
  decideCaptureReturned,
  unpaidByCapture,
} from './payment-capture-returned.js';
import { isEnded } from './payment.js';
import { REVIEW_POLL_DELAY_MS } from './payment-position.js';
import { paymentError, type PaymentError } from './problem-codes.js';

/** How long an authorization is taken to hold where the provider does not say: less than any network's. */
const UNTOLD_HOLD_MS = 5 * 24 * 3_600_000;
const LONGEST_LEAD_MS = 3_600_000;

/** A tenth of the time that is left, an hour at most, is kept for voiding it before it lapses by itself. */
export function captureBefore(paid: PaidEvidence, nowMs: number): number {
  const lapsesAtMs = paid.captureBeforeMs ?? nowMs + UNTOLD_HOLD_MS;
  return lapsesAtMs - Math.max(0, Math.min(LONGEST_LEAD_MS, (lapsesAtMs - nowMs) / 10));
}

/**
 * The provider holds the money: nothing is posted, because nothing came. What it holds beyond what was asked for is
 * never taken; too little, or another currency, waits for a person; and a hold for a payment that is over is told to
 * one, and lapses by itself.
 */
export function decideAuthorized(
  payment: PaymentFacts,
  operation: OperationFacts,
  paid: PaidEvidence,
  nowMs: number,
): PaymentChange | undefined {
  const { providerKey: reference, amountMinor, currency } = operation;
  const verdict = judgePaid({ reference, amountMinor, currency }, paid);
  const known = { providerReference: paid.providerReference, askedAtMs: nowMs };
  switch (verdict.kind) {
    case 'foreign':
    case 'refunded':
      return undefined;
    case 'differs': {
      const change = operationChange(operation, 'mismatch_confirmed', known);
      if (!change) return undefined;
      const lastError = paymentError(
        'amount_differs',
        operation.provider,
        'the provider holds another amount',
        null,
      );
      return {
        operation: { ...change, lastError, nextPollMs: nowMs + REVIEW_POLL_DELAY_MS },
        ...(isEnded(payment.record.status) ? {} : { status: 'processing' as const }),
        outcome: 'review',
        lastError,
        events: [{ type: 'payment.review' }],
        review: { reason: 'amount_differs', evidence: { differences: verdict.differences, held: paid } },
      };
    }
    case 'paid': {
      const change = operationChange(operation, 'success_verified', known);
      if (!change) return undefined;
      if (change.to === 'late_success' || isEnded(payment.record.status)) {
        return decideLateAuthorization({ ...change, to: 'late_success' }, operation, paid);
      }
      return {
        operation: { ...change, captureBeforeMs: captureBefore(paid, nowMs) },
        status: 'requires_capture',
        outcome: outcomeBesides(payment),
        lastError: null,
        ...(paid.card ? { card: paid.card } : {}),
        events: [{ type: 'payment.requires_capture' }],
      };
    }
  }
}

function decideLateAuthorization(
  change: NonNullable<PaymentChange['operation']>,
  operation: OperationFacts,
  paid: PaidEvidence,
): PaymentChange {
  return {
    operation: change,
    outcome: 'review',
    events: [
      { type: 'operation.late_success', detail: { id: operation.id, held: paid.amountMinor } },
      { type: 'payment.review' },
    ],
    review: { reason: 'late_success', evidence: { held: paid, status_then: operation.status } },
  };
}

/** The provider let go what it held, and nobody of ours had asked it to: nothing is left to capture. */
export function decideLapsed(payment: PaymentFacts, operation: OperationFacts): PaymentChange | undefined {
  const isHeld = operation.kind === 'authorize' && operation.status === 'succeeded';
  const isUnderWay = payment.operations.some(
    ({ ofOperationId, status }) => ofOperationId === operation.id && isOpen(status),
  );
  if (!isHeld || isUnderWay || payment.record.status !== 'requires_capture') return undefined;
  const message = 'the provider let the authorization go';
  return {
    operation: { id: operation.id, from: operation.status, to: operation.status },
    ...unpaidEnd(payment, paymentError('expired', operation.provider, message, null)),
  };
}

/**
 * A capture took the money. One that was given up counts all the same where nothing else has settled the payment;
 * otherwise what it took is nobody's yet, and a person decides.
 */
export function decideCaptured(
  payment: PaymentFacts,
  operation: OperationFacts,
  moved: MovedEvidence,
  nowMs: number,
): PaymentChange | undefined {
  if (!isAbout(operation, moved)) return undefined;
  if (operation.posted.includes('paid')) return decideCaptureReturned(payment, operation, moved, nowMs);
  if ((moved.refundedMinor ?? 0) > 0) return decideCapturedAndReturned(payment, operation, moved, nowMs);
  const known = { providerReference: moved.providerReference, askedAtMs: nowMs, lastError: null };
  const isAsAsked = moved.amountMinor === operation.amountMinor;
  const isOver = !isOpen(operation.status);
  const change = operationChange(
    operation,
    isAsAsked || isOver ? 'success_verified' : 'mismatch_confirmed',
    known,
  );
  if (!change || moved.amountMinor <= 0) return undefined;
  const amountReceivedMinor = payment.record.amountReceivedMinor + moved.amountMinor;
  const delivers = !isEnded(payment.record.status) && isAsAsked;
  const money = {
    provider: operation.provider,
    accountId: operation.accountId,
    merchantId: payment.tenant.merchantId,
    currency: moved.currency,
    actualMinor: moved.amountMinor,
    deliveredMinor: delivers ? moved.amountMinor : 0,
  };
  const base = {
    operation: change,
    amountReceivedMinor,
    postings: [paidPosting(money)],
    ...answeredBy(operation),
  };
  if (delivers) {
    return {
      ...base,
      status: 'succeeded',
      outcome: outcomeBesides(payment),
      lastError: null,
      grantsEntitlements: true,
      events: [{ type: 'payment.succeeded' }, ...grantedEvents(payment)],
    };
  }
  if (isEnded(payment.record.status)) {
    return {
      ...base,
      outcome: 'review',
      events: [
        { type: 'operation.late_success', detail: { id: operation.id, amount: moved.amountMinor } },
        { type: 'payment.review' },
      ],
      review: { reason: 'late_success', evidence: { moved, status_then: operation.status } },
    };
  }
  const what = `the provider captured ${moved.amountMinor}, not ${operation.amountMinor}`;
  const lastError = paymentError('amount_differs', operation.provider, what, null);
  return {
    ...base,
    operation: { ...change, lastError, nextPollMs: nowMs + REVIEW_POLL_DELAY_MS },
    ...(isOver ? unpaidByCapture : { status: 'processing' }),
    outcome: 'review',
    lastError,
    events: [...(isOver ? [canceledByCapture] : []), { type: 'payment.review' }],
    review: { reason: 'amount_differs', evidence: { asked_minor: operation.amountMinor, moved } },
  };
}

/** The provider let the authorization go: the payment ends unpaid, and our own reservations are given back. */
export function decideVoided(
  payment: PaymentFacts,
  operation: OperationFacts,
  moved: MovedEvidence,
  nowMs: number,
): PaymentChange | undefined {
  if (!isAbout(operation, moved)) return undefined;
  const { providerReference } = moved;
  const known = { providerReference, askedAtMs: nowMs, lastError: null };
  const change = operationChange(operation, 'success_verified', known);
  if (!change) return undefined;
  if (isEnded(payment.record.status)) return { operation: change, events: [] };
  const voids = payment.operations.filter(({ kind }) => kind === 'void');
  const closesReviews = voids.flatMap(({ id: operationId }) => [
    { operationId, reason: 'void_refused' as const },
    { operationId, reason: 'no_answer' as const },
  ]);
  const message = 'nobody captured it in time';
  const lastError = payment.cancelRequested
    ? payment.record.lastError
    : paymentError('expired', operation.provider, message, null);
  return { operation: change, closesReviews, ...unpaidEnd(payment, lastError) };
}

/** A refused capture took nothing: the payment can be captured again, or canceled. */
export function decideCaptureRefused(
  payment: PaymentFacts,
  operation: OperationFacts,
  refusal: { lastError: PaymentError; event: 'refused' | 'send_forbidden' },
): PaymentChange | undefined {
  const { lastError, event } = refusal;
  const change = operationChange(operation, event, { lastError });
  if (!change) return undefined;
  const refused: NewEvent = { type: 'operation.refused', detail: { id: operation.id, error: lastError } };
  if (isEnded(payment.record.status)) return { operation: change, events: [refused] };
  return {
    operation: change,
    ...answeredBy(operation),
    status: 'requires_capture',
    outcome: outcomeBesides(payment),
    lastError,
    events: [refused, { type: 'payment.requires_capture' }],
  };
}

/** A void that the provider refuses is tried again once a day, and told to a person: the money may have been taken. */
export function decideVoidRefused(
  payment: PaymentFacts,
  operation: OperationFacts,
  refusal: { lastError: PaymentError; event: 'refused' | 'send_forbidden'; nowMs: number },
): PaymentChange | undefined {
  const { lastError, event, nowMs } = refusal;
  const change = operationChange(operation, event, { lastError, nextPollMs: nowMs + REVIEW_POLL_DELAY_MS });
  if (!change) return undefined;
  const refused: NewEvent = { type: 'operation.refused', detail: { id: operation.id, error: lastError } };
  if (isEnded(payment.record.status)) return { operation: change, events: [refused] };
  const base = { operation: change, outcome: 'review', lastError } as const;
  if (wasVoidRefused(payment, operation)) return { ...base, events: [refused] };
  return {
    ...base,
    events: [refused, { type: 'payment.review' }],
    review: { reason: 'void_refused', evidence: { provider_key: operation.providerKey, error: lastError } },
  };
}

/** A person has been told by the first of them: each day's is an operation of its own. */
function wasVoidRefused({ operations }: PaymentFacts, { id, ofOperationId }: OperationFacts): boolean {
  const refused = operations.filter(({ status }) => status === 'rejected' || status === 'canceled');
  return refused.some(
    (each) => each.kind === 'void' && each.ofOperationId === ofOperationId && each.id !== id,
  );
}

function unpaidEnd(
  payment: PaymentFacts,
  lastError: PaymentError | null,
): Pick<PaymentChange, 'status' | 'outcome' | 'lastError' | 'releasesClaims' | 'events'> {
  const outcome = outcomeBesides(payment);
  const events: NewEvent[] = [{ type: 'payment.canceled' }];
  return { status: 'canceled', outcome, lastError, releasesClaims: true, events };
}

function isAbout(operation: OperationFacts, moved: MovedEvidence): boolean {
  return moved.reference === operation.providerKey && moved.currency === operation.currency;
}

/** The authorization whose money is held for `payment`, and can still be captured or let go. */
export function heldBy(payment: PaymentFacts): OperationFacts | undefined {
  if (isEnded(payment.record.status)) return undefined;
  return payment.operations.find(({ kind, status }) => kind === 'authorize' && status === 'succeeded');
}
