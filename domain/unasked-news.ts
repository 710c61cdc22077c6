/**
 * News from a provider that has no look-up: its signed notifications are all that it will ever say, so they are weighed
 * against each other and against our row, and what is left in doubt goes to a person (payment model, rule 10).
 */
import { isOpen } from './operation.js';
import type { PaidEvidence } from './outcome.js';
import type { PaymentChange, ReviewReason } from './payment-change.js';
import { decideLookup, decideReview } from './payment-decisions.js';
import type { NotificationFacts, OperationFacts, PaymentFacts } from './payment-facts.js';
import { decideUnexpectedRefund } from './payment-refund.js';
import { decidePaid } from './payment-success.js';
import { decideMoreCame } from './payment-surplus.js';

export interface UnaskedDecision {
  /** Those that the change takes account of; the others are decided on after it. */
  readonly notifications: readonly NotificationFacts[];
  readonly change: PaymentChange | undefined;
  /** For people: what came of them. */
  readonly result: string;
}

/** Money that is counted already, and ends that an operation with an end of its own does not need. */
export function isKnown(operation: OperationFacts, { paid, told }: NotificationFacts): boolean {
  if (!paid) return told !== null && told.kind !== 'succeeded' && !isOpen(operation.status);
  const isSame = paid.refundedMinor === 0 && paid.providerReference === operation.providerReference;
  const isAsAsked = paid.amountMinor === operation.amountMinor && paid.currency === operation.currency;
  return isSame && isAsAsked && isCounted(operation);
}

/** A hold is in no ledger: that it is known stands in the operation alone. */
function isCounted({ kind, status, posted }: OperationFacts): boolean {
  return kind === 'authorize' ? status === 'succeeded' : posted.includes('paid');
}

/**
 * `news` are those of one operation that collects that are not known; `postedMinor` is what the ledger has of it. A
 * charge comes first: an offer is closed also after it was paid, so an end counts only where nothing was charged.
 */
export function decideUnasked(
  payment: PaymentFacts,
  operation: OperationFacts,
  news: readonly NotificationFacts[],
  postedMinor: number,
  nowMs: number,
): UnaskedDecision {
  const isUnclear = news.some(
    ({ paid, told }) => paid === null && (told === null || told.kind === 'succeeded'),
  );
  const paid = news.flatMap((notification) => notification.paid ?? []);
  const returned = paid.filter(({ refundedMinor }) => refundedMinor > 0);
  if (isUnclear || returned.length > 0) return handOver(payment, operation, news, returned, nowMs);
  const [charge] = paid;
  if (charge) {
    const ofCharge = news.filter((each) => each.paid?.providerReference === charge.providerReference);
    // A second hold on the payer's card: it takes nothing, and only a person can have it let go.
    const isSecondHold = operation.kind === 'authorize' && operation.status === 'succeeded';
    const change = isSecondHold
      ? toReview(payment, operation, ofCharge, 'surplus', nowMs)
      : decideCharge(payment, operation, charge, postedMinor, nowMs);
    return { notifications: ofCharge, change, result: 'applied' };
  }
  const end = news.flatMap(({ told }) => (told && told.kind !== 'succeeded' ? [told] : []))[0];
  const change = end && decideLookup(payment, operation, end, nowMs);
  return { notifications: news, change, result: `told: ${end?.kind ?? 'nothing'}` };
}

/** A second charge of one operation adds to the first, and lies in suspense. */
function decideCharge(
  payment: PaymentFacts,
  operation: OperationFacts,
  charge: PaidEvidence,
  postedMinor: number,
  nowMs: number,
): PaymentChange | undefined {
  if (operation.posted.length === 0) return decidePaid(payment, operation, charge, nowMs);
  const all = { ...charge, amountMinor: postedMinor + charge.amountMinor };
  return decideMoreCame(payment, operation, all, postedMinor);
}

/** Nothing is posted on a doubt: a person has to look into the provider's own pages. */
function handOver(
  payment: PaymentFacts,
  operation: OperationFacts,
  news: readonly NotificationFacts[],
  returned: readonly PaidEvidence[],
  nowMs: number,
): UnaskedDecision {
  const isReturned = operation.status === 'succeeded' && returned.length > 0;
  const change = isReturned
    ? decideUnexpectedRefund(operation, returned)
    : toReview(payment, operation, news, returned.length > 0 ? 'unexpected_refund' : 'no_answer', nowMs);
  return { notifications: news, change, result: 'review: cannot be asked' };
}

/** An operation that is still open waits for a person from now on, as if its deadline had passed. */
function toReview(
  { record }: PaymentFacts,
  operation: OperationFacts,
  notifications: readonly NotificationFacts[],
  reason: ReviewReason,
  nowMs: number,
): PaymentChange {
  const evidence = { provider_key: operation.providerKey, notifications, decided_at_ms: nowMs };
  const review = { reason, evidence };
  const waiting = decideReview(operation, nowMs);
  if (waiting) return { ...waiting, review };
  return {
    operation: { id: operation.id, from: operation.status, to: operation.status },
    outcome: 'review',
    events: record.outcome === 'review' ? [] : [{ type: 'payment.review' }],
    review,
  };
}
