import { randomBytes } from 'node:crypto';
import { makeId } from '../domain/ids.js';
import { applyChange, type OperationChange, type PaymentChange } from '../domain/payment-change.js';
import { dueAt, type PaymentFacts } from '../domain/payment-facts.js';
import { isEnded } from '../domain/payment.js';
import type { Executor } from './connect.js';
import { grantEntitlements, releaseClaims } from './entitlement-changes.js';
import { recordEvents } from './events.js';
import { storePaymentAnswer } from './idempotency.js';
import { post } from './ledger.js';
import { run, type Statement } from './statement.js';
import { ConcurrentChangeError } from './transaction.js';

const update: Statement = {
  name: 'payment-change',
  text: /* sql */ `
    WITH input AS (SELECT * FROM jsonb_to_record(?) AS i (
      payment_id text, sequence integer, new_sequence integer, status text, outcome text, received bigint,
      refunded bigint, last_error jsonb, ended boolean, due_at timestamptz, only_while_wanted boolean,
      operation jsonb)),
    change AS (SELECT input.payment_id, o.* FROM input, jsonb_to_record(input.operation) AS o (
      id text, status_read text, status text, sent_at timestamptz, offer jsonb, provider_reference text,
      last_error jsonb, asked_at timestamptz, next_poll_at timestamptz, poll_count integer, ended boolean)),
    operation AS (
      UPDATE operations o SET
        status = c.status, sent_at = coalesce(o.sent_at, c.sent_at), offer = coalesce(o.offer, c.offer),
        provider_reference = coalesce(c.provider_reference, o.provider_reference),
        last_error = coalesce(c.last_error, o.last_error), asked_at = coalesce(c.asked_at, o.asked_at),
        next_poll_at = coalesce(c.next_poll_at, o.next_poll_at), poll_count = coalesce(c.poll_count, o.poll_count),
        ended_at = CASE WHEN c.ended THEN coalesce(o.ended_at, now()) ELSE o.ended_at END
        FROM change c
       WHERE o.id = c.id AND o.payment_id = c.payment_id AND o.status = c.status_read
      RETURNING o.id)
    UPDATE payments p SET
      status = i.status, outcome = i.outcome, amount_received_minor = i.received, amount_refunded_minor = i.refunded,
      last_error = i.last_error, sequence = i.new_sequence, due_at = i.due_at,
      ended_at = CASE WHEN i.ended THEN coalesce(p.ended_at, now()) END
      FROM input i
     WHERE p.id = i.payment_id AND p.sequence = i.sequence
       AND (i.operation IS NULL OR EXISTS (SELECT FROM operation))
       AND (NOT i.only_while_wanted OR (p.cancel_requested_at IS NULL AND p.expires_at > now()))
    RETURNING p.id`,
};

/**
 * Writes a decided change and all that belongs to it, in the caller's transaction: rows, ledger, entitlements,
 * reservations, review, timeline, webhooks, and the caller's answer once there is one. Returns the new facts.
 * Throws ConcurrentChangeError where the payment is no longer as it was read; the transaction then ends.
 */
export async function writePaymentChange(
  executor: Executor,
  before: PaymentFacts,
  change: PaymentChange,
  nowMs: number,
): Promise<PaymentFacts> {
  const after = applyChange(before, change);
  const rows = await run(executor, update, [JSON.stringify(updateInput(before, after, change, nowMs))]);
  if (rows.length !== 1) {
    throw new ConcurrentChangeError(`payment ${before.record.id} was changed by somebody else`);
  }
  for (const posting of change.postings ?? []) {
    await post(executor, before.tenant, operationIdOf(change), posting);
  }
  if (change.grantsEntitlements) await grantEntitlements(executor, after, nowMs);
  if (change.releasesClaims) await releaseClaims(executor, after.record.id);
  if (change.review) await openReview(executor, after, change, nowMs);
  await recordEvents(executor, after, change.events, nowMs);
  if (wasUnanswered(before) && !wasUnanswered(after)) await storePaymentAnswer(executor, after);
  return after;
}

/** A caller waits for its answer exactly while the payment is being processed. */
function wasUnanswered(payment: PaymentFacts): boolean {
  return payment.record.status === 'processing' && payment.record.outcome !== 'review';
}

function updateInput(before: PaymentFacts, after: PaymentFacts, change: PaymentChange, nowMs: number) {
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
    ended: isEnded(after.record.status),
    due_at: due === null ? null : new Date(due),
    only_while_wanted: change.onlyWhileWanted ?? false,
    operation: change.operation ? operationInput(change.operation) : null,
  };
}

const ended = new Set(['succeeded', 'rejected', 'closed', 'canceled', 'late_success']);

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
    asked_at: instant(change.askedAtMs),
    next_poll_at: instant(change.nextPollMs),
    poll_count: change.pollCount ?? null,
    ended: ended.has(change.to),
  };
}

function operationIdOf(change: PaymentChange): string {
  if (!change.operation) throw new Error('a posting belongs to an operation');
  return change.operation.id;
}

const insertReview: Statement = {
  name: 'review-open',
  text: /* sql */ `
    INSERT INTO reviews (id, merchant_id, mode, payment_id, operation_id, reason, evidence)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (operation_id, reason) DO NOTHING`,
};

async function openReview(
  executor: Executor,
  payment: PaymentFacts,
  change: PaymentChange,
  nowMs: number,
): Promise<void> {
  if (!change.review) return;
  const { merchantId, mode } = payment.tenant;
  const id = makeId('review', nowMs, randomBytes(10));
  const { reason, evidence } = change.review;
  await run(executor, insertReview, [
    id,
    merchantId,
    mode,
    payment.record.id,
    operationIdOf(change),
    reason,
    JSON.stringify(evidence),
  ]);
}
