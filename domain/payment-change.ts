import type { NewEvent } from './events.js';
import type { Posting } from './ledger.js';
import type { CardFacts, Offer } from './outcome.js';
import { isOpen, transition, type OperationEvent, type OperationStatus } from './operation.js';
import type { Difference } from './paid-evidence.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import type { PaymentOutcome, PaymentStatus } from './payment.js';
import type { PaymentError } from './problem-codes.js';
import type { WalletMovement } from './wallet.js';

/** What one transaction writes: decided by pure functions, carried out by db/. Absent fields stay as they are. */
export interface PaymentChange {
  readonly operation?: OperationChange;
  readonly status?: PaymentStatus;
  readonly outcome?: PaymentOutcome;
  readonly amountReceivedMinor?: number;
  readonly amountRefundedMinor?: number;
  readonly lastError?: PaymentError | null;
  readonly card?: CardFacts;
  readonly events: readonly NewEvent[];
  /** Written only where nobody has asked to cancel and the payment has not expired, as the database sees it. */
  readonly onlyWhileWanted?: boolean;
  readonly postings?: readonly Posting[];
  /** Of the payer's wallet, booked by the same statement; where the wallet does not cover it nothing is written. */
  readonly movement?: WalletMovement;
  readonly grantsEntitlements?: boolean;
  /** All that was delivered for was given back. */
  readonly revokesEntitlements?: boolean;
  /** The payment ended unpaid: our own reservations are given back. */
  readonly releasesClaims?: boolean;
  /** The attempt is over in a way after which another account may be tried. */
  readonly mayFailOver?: true;
  /** Planned in the same transaction: the attempt that takes the place of the one that this change ends. */
  readonly next?: OperationFacts;
  readonly review?: { readonly reason: ReviewReason; readonly evidence: ReviewEvidence };
  /** Questions to a person that are answered by it. */
  readonly closesReviews?: readonly ReviewKey[];
}

/** There is one review of a reason for an operation. */
export interface ReviewKey {
  readonly operationId: string;
  readonly reason: ReviewReason;
}

export interface OperationChange {
  readonly id: string;
  readonly from: OperationStatus;
  readonly to: OperationStatus;
  readonly sentAtMs?: number;
  readonly offer?: Offer;
  readonly providerReference?: string;
  /** Null takes an earlier one away. */
  readonly lastError?: PaymentError | null;
  readonly askedAtMs?: number;
  readonly nextPollMs?: number;
  readonly pollCount?: number;
  readonly captureBeforeMs?: number;
  /** Written with the posting of it, once. */
  readonly movedMinor?: number;
  /** No other account is to be tried after this: the tokens that were kept for them are of no use any more. */
  readonly dropsFallbacks?: true;
  readonly advance?: AdvanceChange;
}

/** The part of an operation's row that is about taking the money after the payer's approval, as it is to be. */
export interface AdvanceChange {
  readonly approvedAtMs: number | null;
  /** A secret. */
  readonly returnDetails: string | null;
  readonly takenAtMs: number | null;
  readonly replayUntilMs: number | null;
  readonly count: number;
  /** The offer of this change takes the place of the one before: the payer has to act a second time. */
  readonly replacesOffer?: true;
}

export const reviewReasons = [
  'amount_differs',
  'late_success',
  'surplus',
  'no_answer',
  'unexpected_refund',
  'void_refused',
  'refund_failed',
] as const;
export type ReviewReason = (typeof reviewReasons)[number];

export interface ReviewEvidence {
  readonly differences?: readonly Difference[];
  readonly [fact: string]: unknown;
}

/** The facts after the change: what the same transaction announces and answers. */
export function applyChange(payment: PaymentFacts, change: PaymentChange): PaymentFacts {
  const { operation } = change;
  const known = operation
    ? payment.operations.map((each) =>
        each.id === operation.id ? applyToOperation(each, operation, change.postings ?? []) : each,
      )
    : payment.operations;
  const operations = change.next ? [...known, change.next] : known;
  const record = {
    ...payment.record,
    operations,
    status: change.status ?? payment.record.status,
    outcome: change.outcome ?? payment.record.outcome,
    amountReceivedMinor: change.amountReceivedMinor ?? payment.record.amountReceivedMinor,
    amountRefundedMinor: change.amountRefundedMinor ?? payment.record.amountRefundedMinor,
    lastError: change.lastError === undefined ? payment.record.lastError : change.lastError,
    card: change.card ?? payment.record.card,
    sequence: payment.record.sequence + Math.max(1, change.events.length),
  };
  return { ...payment, record, operations };
}

/** The first call and the first offer stand, as in the row: a replay repeats them. */
function applyToOperation(
  known: OperationFacts,
  change: OperationChange,
  postings: readonly Posting[],
): OperationFacts {
  const { advance } = change;
  return {
    ...known,
    status: change.to,
    sentAtMs: known.sentAtMs ?? change.sentAtMs ?? null,
    offer: (advance?.replacesOffer && change.offer) || (known.offer ?? change.offer ?? null),
    providerReference: change.providerReference ?? known.providerReference,
    lastError: change.lastError === undefined ? known.lastError : change.lastError,
    askedAtMs: change.askedAtMs ?? known.askedAtMs,
    nextPollMs: change.nextPollMs ?? known.nextPollMs,
    pollCount: change.pollCount ?? known.pollCount,
    captureBeforeMs: known.captureBeforeMs ?? change.captureBeforeMs ?? null,
    movedMinor: known.movedMinor ?? change.movedMinor ?? null,
    fallbacks: isOpen(change.to) && !change.dropsFallbacks ? known.fallbacks : [],
    posted: [...known.posted, ...postings.map((posting) => posting.fact)],
    ...(advance
      ? {
          approvedAtMs: advance.approvedAtMs,
          returnDetails: advance.returnDetails,
          advanceTakenAtMs: advance.takenAtMs,
          advanceReplayUntilMs: advance.replayUntilMs,
          advanceCount: advance.count,
        }
      : {}),
  };
}

/** The operation's part of a change, or undefined where its state does not take the event. */
export function operationChange(
  operation: OperationFacts,
  event: OperationEvent,
  set: Partial<Omit<OperationChange, 'id' | 'from' | 'to'>>,
): OperationChange | undefined {
  const to: OperationStatus | undefined = transition(operation.status, event);
  return to && { id: operation.id, from: operation.status, to, ...set };
}

export function providerReferenceOf({ providerReference }: { providerReference?: string }) {
  return providerReference === undefined ? {} : { providerReference };
}

/** One for each line of the order that is paid. */
export function grantedEvents(payment: PaymentFacts): NewEvent[] {
  return payment.lines.map((line) => ({
    type: 'entitlement.granted',
    detail: { product: line.product, payer: payment.record.payerId, status: 'granted' },
  }));
}

/** As the row has it. */
export function advanceOf(operation: OperationFacts): AdvanceChange {
  return {
    approvedAtMs: operation.approvedAtMs,
    returnDetails: operation.returnDetails,
    takenAtMs: operation.advanceTakenAtMs,
    replayUntilMs: operation.advanceReplayUntilMs,
    count: operation.advanceCount,
  };
}

/** The provider has answered that nothing was taken: what the payer did is used up, and they may act anew. */
export function unapproved(operation: OperationFacts): AdvanceChange {
  return {
    approvedAtMs: null,
    returnDetails: null,
    takenAtMs: null,
    replayUntilMs: null,
    count: operation.advanceCount,
  };
}
