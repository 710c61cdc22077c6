import { randomBytes } from 'node:crypto';
import { makeId } from '../domain/ids.js';
import {
  applyChange,
  type AdvanceChange,
  type OperationChange,
  type PaymentChange,
} from '../domain/payment-change.js';
import { followUpDueAt } from '../domain/follow-up.js';
import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import { dueAt } from '../domain/position-of-payment.js';
import { refundResourceOf } from '../domain/refund-details.js';
import { providerAccount } from '../domain/ledger.js';
import { isOpen } from '../domain/operation.js';
import { toPaymentResource } from '../domain/payment-resource.js';
import { isEnded } from '../domain/payment.js';
import { WALLET_PROVIDER, type WalletMovement } from '../domain/wallet.js';
import type { Executor } from './connect.js';
import { eventRows } from './events.js';
import { changeParts, paymentChange, type ChangePart } from './payment-change-statement.js';
import { plannedInput } from './planned-operation.js';
import { runOne } from './statement.js';
import { ConcurrentChangeError } from './transaction.js';
import { movementRow } from './wallet-movement-parts.js';

/** The notifications that a change applies, and what people are told came of them. */
export interface AppliedNotifications {
  readonly ids: readonly number[];
  readonly result: string;
}

/**
 * Writes a decided change and all that belongs to it, in one statement: rows, ledger, entitlements, reservations,
 * review, timeline, webhooks, the caller's answer once there is one, and the notifications it comes from. Returns
 * the new facts. Throws ConcurrentChangeError where the payment is no longer as it was read: nothing is written.
 */
export async function writePaymentChange(
  executor: Executor,
  before: PaymentFacts,
  change: PaymentChange,
  nowMs: number,
  notifications: AppliedNotifications = { ids: [], result: '' },
): Promise<PaymentFacts> {
  const after = await writeIfCovered(executor, before, change, nowMs, notifications);
  if (!after) throw new Error('what moves a wallet may be more than it covers: use writeIfCovered');
  return after;
}

/** As `writePaymentChange`; undefined, and nothing is written, where the payer's wallet does not cover the movement. */
export async function writeIfCovered(
  executor: Executor,
  before: PaymentFacts,
  change: PaymentChange,
  nowMs: number,
  notifications: AppliedNotifications = { ids: [], result: '' },
): Promise<PaymentFacts | undefined> {
  requireMovement(before, change);
  const after = applyChange(before, change);
  const consequences = consequencesOf(before, after, change, nowMs);
  const input = {
    ...paymentInput(before, after, nowMs),
    ...consequences,
    only_while_wanted: change.onlyWhileWanted ?? false,
    operation: change.operation ? operationInput(change.operation) : null,
    next: change.next ? nextInput(change.next) : null,
    planned_at: new Date(nowMs),
    notifications: notifications.ids,
    notification_result: notifications.result,
    movement: change.movement ? movementInput(before, change.movement, change.operation, nowMs) : null,
  };
  const { postings, entitlements, review, closed_reviews, refund, events, answer } = consequences;
  const needed: Readonly<Record<ChangePart, boolean>> = {
    posting: postings.length > 0,
    entitlement: entitlements.length > 0,
    revocation: change.revokesEntitlements ?? false,
    refund: refund !== null,
    refundAnswer: refund !== null && refund.answer !== null,
    claim: change.releasesClaims ?? false,
    review: review !== null,
    closedReview: closed_reviews.length > 0,
    event: events.length > 0,
    answer: answer !== null,
    notification: notifications.ids.length > 0,
    next: change.next !== undefined,
    movement: change.movement !== undefined,
  };
  const parts = new Set(changeParts.filter((part) => needed[part]));
  const values = [JSON.stringify(input)];
  const { isWritten, isCovered } = await runOne<Written>(executor, paymentChange(parts), values);
  if (isWritten) return after;
  if (!isCovered) return undefined;
  throw new ConcurrentChangeError(`payment ${before.record.id} was changed by somebody else`);
}

/** A wallet has no books but ours: what is recorded as done and not booked would be money lost in silence. */
function requireMovement({ operations }: PaymentFacts, { operation, movement }: PaymentChange): void {
  const isDone = operation?.to === 'succeeded' || operation?.to === 'late_success';
  if (!isDone || operation.from === operation.to || movement) return;
  const { provider } = operations.find(({ id }) => id === operation.id) ?? {};
  if (provider === WALLET_PROVIDER) throw new Error('an operation by wallet is done only with its movement');
}

interface Written {
  readonly isWritten: boolean;
  readonly isCovered: boolean;
}

/** The act on the payer's wallet with its double entry, against the account of the wallet as a provider. */
function movementInput(
  payment: PaymentFacts,
  movement: WalletMovement,
  change: OperationChange | undefined,
  nowMs: number,
) {
  const operation = payment.operations.find(({ id }) => id === change?.id);
  if (!operation) throw new Error('a movement belongs to an operation');
  const { payerId } = payment.record;
  const { currency, provider, accountId } = operation;
  const counterAccount = providerAccount(provider, accountId);
  return movementRow(makeId('walletMovement', nowMs, randomBytes(10)), movement, {
    payerId,
    currency,
    counterAccount,
  });
}

function paymentInput(before: PaymentFacts, after: PaymentFacts, nowMs: number) {
  const due = dueAt(after, nowMs);
  return {
    payment_id: before.record.id,
    sequence: before.record.sequence,
    new_sequence: after.record.sequence,
    status: after.record.status,
    outcome: after.record.outcome,
    received: after.record.amountReceivedMinor,
    refunded: after.record.amountRefundedMinor,
    last_error: after.record.lastError,
    card: after.record.card,
    ended: isEnded(after.record.status),
    due_at: due === null ? null : new Date(due),
  };
}

function operationInput(change: OperationChange) {
  const instant = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));
  return {
    id: change.id,
    status_read: change.from,
    status: change.to,
    sent_at: instant(change.sentAtMs),
    offer: change.offer ?? null,
    provider_reference: change.providerReference ?? null,
    last_error: change.lastError ?? null,
    clears_error: change.lastError === null,
    asked_at: instant(change.askedAtMs),
    next_poll_at: instant(change.nextPollMs),
    poll_count: change.pollCount ?? null,
    capture_before: instant(change.captureBeforeMs),
    moved_minor: change.movedMinor ?? null,
    ended: !isOpen(change.to),
    drops_fallbacks: change.dropsFallbacks ?? false,
    ...(change.advance ? advanceInput(change.advance) : { writes_advance: false, replaces_offer: false }),
  };
}

function advanceInput(advance: AdvanceChange) {
  const instant = (ms: number | null) => (ms === null ? null : new Date(ms));
  return {
    writes_advance: true,
    approved_at: instant(advance.approvedAtMs),
    return_details: advance.returnDetails,
    advance_taken_at: instant(advance.takenAtMs),
    advance_replay_until: instant(advance.replayUntilMs),
    advance_count: advance.count,
    replaces_offer: advance.replacesOffer ?? false,
  };
}

function nextInput({ fallbacks, ...next }: OperationFacts) {
  return plannedInput({ ...next, fallbacks: fallbacks.map(({ terms }) => terms) });
}

/** What follows from the change in other tables; the answer is given once, byte for byte, for ever. */
function consequencesOf(before: PaymentFacts, after: PaymentFacts, change: PaymentChange, nowMs: number) {
  const { postings = [], review } = change;
  if ((postings.length > 0 || review || change.next) && !change.operation) {
    throw new Error('a posting, a review and a next attempt belong to an operation');
  }
  const isAnswered = wasUnanswered(before) && !wasUnanswered(after);
  return {
    postings: postings.map((posting, number) => ({ number, ...posting })),
    entitlements: change.grantsEntitlements ? entitlementRows(after, nowMs) : [],
    review: review ? { id: makeId('review', nowMs, randomBytes(10)), ...review } : null,
    closed_reviews: change.closesReviews ?? [],
    refund: refundInput(before, after, change, nowMs),
    events: eventRows(after, change.events, nowMs),
    answer: isAnswered ? JSON.stringify(toPaymentResource(after.record)) : null,
  };
}

/** The request behind a refund: when it falls due again, and its caller's answer once it has one. */
function refundInput(before: PaymentFacts, after: PaymentFacts, change: PaymentChange, nowMs: number) {
  const [read, written] = [before, after].map(({ operations }) =>
    operations.find(({ id }) => id === change.operation?.id),
  );
  const resource = written && refundResourceOf(after, written);
  if (!read || !written || !resource) return null;
  const due = followUpDueAt(after, written, nowMs);
  const isAnswered = isRefundUnanswered(read) && !isRefundUnanswered(written);
  return {
    id: resource.id,
    due_at: due === null ? null : new Date(due),
    ended: !isOpen(written.status),
    answer: isAnswered ? JSON.stringify(resource) : null,
  };
}

/** A caller waits until the refund has ended, or only a person can end it. */
function isRefundUnanswered({ status }: OperationFacts): boolean {
  return isOpen(status) && status !== 'review';
}

/** A caller waits for its answer exactly while the payment is being processed. */
function wasUnanswered(payment: PaymentFacts): boolean {
  return payment.record.status === 'processing' && payment.record.outcome !== 'review';
}

/** One entitlement per order line. */
function entitlementRows(payment: PaymentFacts, nowMs: number) {
  return payment.lines.map((line) => ({
    id: makeId('entitlement', nowMs, randomBytes(10)),
    product: line.product,
    position: line.position,
    repeatable: line.repeatable,
  }));
}
