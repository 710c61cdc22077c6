import type { OperationKind } from './ids.js';
import type { LedgerFact } from './ledger.js';
import type { CardFunding, Offer, OfferFlow, PaidEvidence, Told } from './outcome.js';
import { isOpen, type OperationStatus } from './operation.js';
import type { PaymentOutcome } from './payment.js';
import type { OrderLineRecord, PaymentRecord } from './payment-resource.js';
import type { Fallback } from './attempt-terms.js';
import type { ExecutionErrorCode, PaymentError } from './problem-codes.js';
import type { Tenant } from './tenant.js';

/** An operation's row. Instants are milliseconds since the epoch. */
export interface OperationFacts {
  readonly id: string;
  readonly number: number;
  readonly kind: OperationKind;
  readonly provider: string;
  readonly accountId: string;
  readonly credential: string;
  readonly providerKey: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status: OperationStatus;
  readonly sentAtMs: number | null;
  readonly offer: Offer | null;
  readonly offerEndsAtMs: number;
  readonly conclusiveAfterMs: number;
  readonly deadlineMs: number;
  readonly nextPollMs: number;
  readonly pollCount: number;
  readonly askedAtMs: number | null;
  readonly plannedAtMs: number;
  /** The provider's own id of its object, once told. */
  readonly providerReference: string | null;
  readonly flow: OfferFlow | null;
  /** A secret: in no log, no payload, no answer. */
  readonly paymentToken: string | null;
  readonly refusedFunding: readonly CardFunding[];
  readonly fallbacks: readonly FallbackFacts[];
  /** The provider has said that its account is set up wrongly, and nothing has shown since that it is not. */
  readonly isMisconfigured: boolean;
  /** The operation that a capture, a void or a refund acts on. */
  readonly ofOperationId: string | null;
  readonly captureBeforeMs: number | null;
  /** How long after it was sent the same call may be repeated; null: for ever (payment model, rule 7). */
  readonly replayForMs: number | null;
  /** The payer did their part, where we have to take the money after that. */
  readonly approvedAtMs: number | null;
  /** What the payer's browser brought back for it. A secret: in no log, no payload, no answer. */
  readonly returnDetails: string | null;
  /** When the call that takes the money was committed, before its first byte; null again once it is answered without effect. */
  readonly advanceTakenAtMs: number | null;
  /** Until then that call may be made again under its key. */
  readonly advanceReplayUntilMs: number | null;
  /** How often it was taken. */
  readonly advanceCount: number;
  /** A kill switch stops charges like this one. */
  readonly isStopped: boolean;
  readonly lastError: PaymentError | null;
  /** What of this operation is in the ledger: each fact is posted once. */
  readonly posted: readonly LedgerFact[];
  /** What a refund gave back, by the provider's word and in the ledger; it may differ from what was asked. */
  readonly movedMinor: number | null;
  /** The request that a refund carries out. */
  readonly refund: RefundTerms | null;
}

/** A merchant's request for a refund. */
export interface RefundTerms {
  readonly id: string;
  readonly reason: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
}

/** An account that the payment may go on to, as it was chosen and as it stands now. */
export interface FallbackFacts {
  readonly terms: Fallback;
  readonly credential: string;
  /** Neither disabled, nor stopped by a kill switch, nor known to be set up wrongly. */
  readonly isUsable: boolean;
}

/** A verified notification that was not applied yet. `paid` is null where it does not claim a payment. */
export interface NotificationFacts {
  readonly id: number;
  readonly operationId: string;
  readonly says: string;
  /** Milliseconds since the epoch. */
  readonly receivedAtMs: number;
  readonly paid: PaidEvidence | null;
  /** The end that it tells; believed only where the provider has no look-up that could say so. */
  readonly told: Told | null;
}

/** A payment with all its rows, as one statement saw them. */
export interface PaymentFacts {
  readonly tenant: Tenant;
  readonly record: PaymentRecord;
  readonly returnUrl: string | null;
  readonly payerIp: string | null;
  /** ISO 3166-1 alpha-2, as the merchant has told. */
  readonly payerCountry: string | null;
  readonly cancelRequested: boolean;
  readonly lines: readonly LineFacts[];
  readonly operations: readonly OperationFacts[];
  readonly notifications: readonly NotificationFacts[];
}

export interface LineFacts extends OrderLineRecord {
  readonly position: number;
  readonly productType: string;
  readonly repeatable: boolean;
}

const collecting: ReadonlySet<OperationKind> = new Set(['authorize', 'sale', 'mandate_charge']);

/** The newest operation that collects money, which is the one a payment's workflow drives. */
export function collectingOperation(payment: PaymentFacts): OperationFacts | undefined {
  return payment.operations.filter((operation) => collecting.has(operation.kind)).at(-1);
}

/**
 * When nobody wants the payment any more: the end of the payer's time, or, once the money is held, the last instant at
 * which it can be captured.
 */
export function endsAt(payment: PaymentFacts): number {
  const held = collectingOperation(payment);
  const isHeld = held?.kind === 'authorize' && held.status === 'succeeded';
  return (isHeld ? held.captureBeforeMs : null) ?? payment.record.expiresAtMs;
}

/** A kill switch stops charges like this one, or money of an earlier attempt has come after all. */
export function isBarred(payment: PaymentFacts, operation: OperationFacts): boolean {
  return operation.isStopped || holdsMoney(payment);
}

/**
 * Until when the call may be made again: to the end of its offer, and after it was sent no longer than the
 * provider honours its key (payment model, rule 7). Never while it is barred: it is asked about instead.
 */
export function replayUntil(payment: PaymentFacts, operation: OperationFacts): number {
  if (isBarred(payment, operation)) return 0;
  const { offerEndsAtMs, sentAtMs, replayForMs } = operation;
  if (sentAtMs === null || replayForMs === null) return offerEndsAtMs;
  return Math.min(offerEndsAtMs, sentAtMs + replayForMs);
}

/**
 * Until when the money may be taken after the payer's approval: for the first time to the offer's conclusive end, and
 * again as long as the provider honours the key (payment model, rule 7). Absent where that is not due, and while it is
 * barred: what was sent is asked about then.
 */
export function advanceUntil(payment: PaymentFacts, operation: OperationFacts): { advanceUntilMs?: number } {
  const { status, approvedAtMs, advanceTakenAtMs, advanceReplayUntilMs, conclusiveAfterMs } = operation;
  if (isBarred(payment, operation)) return {};
  if (status === 'action_required') {
    const isDue = approvedAtMs !== null && operation.offer !== null && !isRefusedStillPayable(operation);
    return isDue ? { advanceUntilMs: conclusiveAfterMs } : {};
  }
  const isUnanswered = advanceTakenAtMs !== null && (status === 'sent' || status === 'unknown');
  return isUnanswered && advanceReplayUntilMs !== null ? { advanceUntilMs: advanceReplayUntilMs } : {};
}

const refusalCodes: readonly ExecutionErrorCode[] = [
  'declined',
  'insufficient_funds',
  'authentication_failed',
  'expired',
  'provider_misconfigured',
];

/** Refused, but its object at the provider is still open: nothing else may be tried before that is closed. */
export function isRefusedStillPayable({ status, lastError }: OperationFacts): boolean {
  return status === 'action_required' && lastError !== null && refusalCodes.includes(lastError.code);
}

/** Verified notifications about an operation that no transaction has applied yet, oldest first. */
export function newsOf({ notifications }: PaymentFacts, { id }: OperationFacts): NotificationFacts[] {
  return notifications.filter(({ operationId }) => operationId === id);
}

/** The operation of `payment` that may still collect money, if there is one. */
export function openOperation(payment: PaymentFacts): OperationFacts | undefined {
  const operation = collectingOperation(payment);
  return operation && isOpen(operation.status) ? operation : undefined;
}

/**
 * Something came for it, or is held for it, that was neither delivered nor given back: nobody is to be charged again
 * before a person has decided.
 */
export function holdsMoney({ record, operations }: PaymentFacts): boolean {
  if (record.amountReceivedMinor > record.amountRefundedMinor) return true;
  return operations.some(
    ({ id, kind, status, posted, lastError }) =>
      // A hold that came late is in no amount, and lapses by itself at the provider.
      (kind === 'authorize' && status === 'late_success') ||
      // Money of another currency is in none of the payment's amounts.
      (posted.includes('paid') &&
        !posted.includes('refunded_by_provider') &&
        lastError?.code === 'amount_differs' &&
        !(status === 'closed' && wasGivenBack(operations, id))),
  );
}

function wasGivenBack(operations: readonly OperationFacts[], id: string): boolean {
  return operations.some(({ ofOperationId, posted }) => ofOperationId === id && posted.includes('refunded'));
}

/**
 * The outcome of a payment whose newest operation leaves no doubt. Money that came before and was not delivered
 * lies in suspense, and stays in review until a person has decided about it (payment model, rule 11).
 */
export function outcomeBesides(payment: PaymentFacts): PaymentOutcome {
  return holdsMoney(payment) ? 'review' : 'known';
}
