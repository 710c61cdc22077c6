import { plannedColumns } from './planned-operation.js';
import type { Statement } from './statement.js';
import { bookedMovement, coveredWallet } from './wallet-movement-parts.js';

/** What may belong to a change of a payment, beside the rows of payment and operation. */
export type ChangePart = keyof typeof parts;

/** `covered` is one more condition, in one more common table: the payer's wallet has what the change takes from it. */
const core = (covered: { table: string; condition: string }) => /* sql */ `
    WITH input AS MATERIALIZED (SELECT * FROM jsonb_to_record(?) AS i (
      payment_id text, sequence integer, new_sequence integer, status text, outcome text, received bigint,
      refunded bigint, last_error jsonb, card jsonb, ended boolean, due_at timestamptz, only_while_wanted boolean,
      operation jsonb, next jsonb, planned_at timestamptz, postings jsonb, entitlements jsonb, review jsonb,
      closed_reviews jsonb, refund jsonb, events jsonb,
      answer text, notifications jsonb, notification_result text, movement jsonb)),
    operation_change AS MATERIALIZED (
      SELECT input.payment_id, o.* FROM input, jsonb_to_record(input.operation) AS o (
        id text, status_read text, status text, sent_at timestamptz, offer jsonb, provider_reference text,
        last_error jsonb, clears_error boolean, asked_at timestamptz, next_poll_at timestamptz, poll_count integer,
        capture_before timestamptz, moved_minor bigint, ended boolean,
        writes_advance boolean, approved_at timestamptz, return_details text, advance_taken_at timestamptz,
        advance_replay_until timestamptz, advance_count integer, replaces_offer boolean,
        drops_fallbacks boolean)
       WHERE input.operation IS NOT NULL),
    operation_as_read AS MATERIALIZED (
      SELECT o.id FROM operations o JOIN operation_change c
        ON o.id = c.id AND o.payment_id = c.payment_id AND o.status = c.status_read
         FOR NO KEY UPDATE OF o)${covered.table},
    payment AS (
      UPDATE payments p SET
        status = i.status, outcome = i.outcome, amount_received_minor = i.received,
        amount_refunded_minor = i.refunded, last_error = i.last_error, card = i.card,
        sequence = i.new_sequence,
        due_at = i.due_at, ended_at = CASE WHEN i.ended THEN coalesce(p.ended_at, now()) END
        FROM input i
       WHERE p.id = i.payment_id AND p.sequence = i.sequence
         AND (i.operation IS NULL OR EXISTS (SELECT FROM operation_as_read))
         AND (NOT i.only_while_wanted OR (p.cancel_requested_at IS NULL AND p.expires_at > now()
           AND NOT EXISTS (SELECT FROM operations o JOIN operation_as_read r ON r.id = o.id
                WHERE is_stopped(p.merchant_id, p.mode, o.provider, p.method, o.kind))))${covered.condition}
      RETURNING p.id, p.merchant_id, p.mode, p.payer_id),
    operation AS (
      UPDATE operations o SET
        status = c.status, sent_at = coalesce(o.sent_at, c.sent_at),
        offer = CASE WHEN c.replaces_offer THEN c.offer ELSE coalesce(o.offer, c.offer) END,
        provider_reference = coalesce(c.provider_reference, o.provider_reference),
        last_error = CASE WHEN NOT c.clears_error THEN coalesce(c.last_error, o.last_error) END,
        asked_at = coalesce(c.asked_at, o.asked_at),
        next_poll_at = coalesce(c.next_poll_at, o.next_poll_at), poll_count = coalesce(c.poll_count, o.poll_count),
        capture_before = coalesce(o.capture_before, c.capture_before),
        moved_minor = coalesce(o.moved_minor, c.moved_minor),
        ended_at = CASE WHEN c.ended THEN coalesce(o.ended_at, now()) ELSE o.ended_at END,
        payment_token = CASE WHEN c.ended THEN NULL ELSE o.payment_token END,
        fallbacks = CASE WHEN c.ended OR c.drops_fallbacks THEN NULL ELSE o.fallbacks END,
        approved_at = CASE WHEN c.writes_advance THEN c.approved_at ELSE o.approved_at END,
        return_details = CASE WHEN c.ended THEN NULL WHEN c.writes_advance THEN c.return_details
          ELSE o.return_details END,
        advance_taken_at = CASE WHEN c.writes_advance THEN c.advance_taken_at ELSE o.advance_taken_at END,
        advance_replay_until = CASE WHEN c.writes_advance THEN c.advance_replay_until
          ELSE o.advance_replay_until END,
        advance_count = CASE WHEN c.writes_advance THEN c.advance_count ELSE o.advance_count END
        FROM operation_change c, payment
       WHERE o.id = c.id AND o.payment_id = payment.id
      RETURNING o.id, o.amount_minor, o.currency)`;

/** Each reads `payment`, and so does nothing where that was not written. */
const parts = {
  posting: /* sql */ `
    posting AS (
      INSERT INTO ledger_transactions (merchant_id, mode, operation_id, fact)
      SELECT payment.merchant_id, payment.mode, c.id, posted.fact
        FROM payment, operation_change c, input i,
          jsonb_to_recordset(i.postings) AS posted (number integer, fact text)
       ORDER BY posted.number
      RETURNING id, merchant_id, mode, fact),
    ledger_entry AS (
      INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
      SELECT posting.merchant_id, posting.mode, posting.id, e.account, e.currency, e."amountMinor"
        FROM input i, jsonb_to_recordset(i.postings) AS posted (fact text, entries jsonb)
        JOIN posting ON posting.fact = posted.fact,
          jsonb_to_recordset(posted.entries) AS e (account text, currency text, "amountMinor" bigint))`,
  entitlement: /* sql */ `
    entitlement AS (
      INSERT INTO entitlements
        (id, merchant_id, mode, payer_id, product_id, payment_id, line_position, repeatable, status)
      SELECT e.id, payment.merchant_id, payment.mode, payment.payer_id, e.product, payment.id, e.position,
        e.repeatable, 'granted'
        FROM payment, input i, jsonb_to_recordset(i.entitlements)
          AS e (id text, product text, position integer, repeatable boolean))`,
  revocation: /* sql */ `
    revocation AS (
      UPDATE entitlements e SET status = 'revoked', revoked_at = now() FROM payment
       WHERE e.payment_id = payment.id AND e.status <> 'revoked')`,
  refund: /* sql */ `
    refund AS (
      UPDATE refunds r SET due_at = f.due_at, ended_at = CASE WHEN f.ended THEN coalesce(r.ended_at, now()) END
        FROM payment, operation_change c, input i, jsonb_to_record(i.refund) AS f (due_at timestamptz, ended boolean)
       WHERE r.operation_id = c.id AND r.payment_id = payment.id)`,
  refundAnswer: /* sql */ `
    refund_answer AS (
      UPDATE idempotency_keys k SET status = k.success_status, body = f.answer
        FROM payment, input i, jsonb_to_record(i.refund) AS f (id text, answer text)
       WHERE k.object_id = f.id AND k.payment_id IS NULL AND k.status IS NULL AND k.accepted_at IS NULL)`,
  claim: /* sql */ `
    claim AS (
      DELETE FROM purchase_claims c USING payment WHERE c.payment_id = payment.id)`,
  review: /* sql */ `
    review AS (
      INSERT INTO reviews (id, merchant_id, mode, payment_id, operation_id, reason, evidence)
      SELECT r.id, payment.merchant_id, payment.mode, payment.id, c.id, r.reason, r.evidence
        FROM payment, operation_change c, input i,
          jsonb_to_record(i.review) AS r (id text, reason text, evidence jsonb)
      -- Further evidence is kept beside the first, and is reason enough to look again.
      ON CONFLICT (operation_id, reason) DO UPDATE SET
        later_evidence = reviews.later_evidence || jsonb_build_array(excluded.evidence),
        status = 'open', closed_at = NULL
       WHERE excluded.evidence <> ALL (array_prepend(
         reviews.evidence, ARRAY(SELECT jsonb_array_elements(reviews.later_evidence)))))`,
  closedReview: /* sql */ `
    closed_review AS (
      UPDATE reviews r SET status = 'closed', closed_at = now()
        FROM payment, input i, jsonb_to_recordset(i.closed_reviews) AS c ("operationId" text, reason text)
       WHERE r.payment_id = payment.id AND r.operation_id = c."operationId" AND r.reason = c.reason
         AND r.status = 'open')`,
  event: /* sql */ `
    event AS (
      INSERT INTO events (id, merchant_id, mode, payment_id, type, sequence, data)
      SELECT e.id, payment.merchant_id, payment.mode, payment.id, e.type, e.sequence, e.data
        FROM payment, input i,
          jsonb_to_recordset(i.events) AS e (id text, type text, sequence integer, data jsonb)
      RETURNING id, merchant_id, mode, type),
    webhook AS (
      INSERT INTO webhook_deliveries (merchant_id, mode, event_id, endpoint_id, due_at)
      SELECT w.merchant_id, w.mode, event.id, w.id, now()
        FROM event JOIN webhook_endpoints w ON w.merchant_id = event.merchant_id AND w.mode = event.mode
         AND w.disabled_at IS NULL AND event.type = ANY (w.enabled_events))`,
  answer: /* sql */ `
    answer AS (
      UPDATE idempotency_keys k SET status = k.success_status, body = i.answer FROM payment, input i
       WHERE k.payment_id = payment.id AND k.status IS NULL AND k.accepted_at IS NULL)`,
  notification: /* sql */ `
    notification AS (
      UPDATE notifications n SET processed_at = now(), due_at = NULL, result = i.notification_result
        FROM payment, input i
       WHERE n.payment_id = payment.id AND n.processed_at IS NULL
         AND n.id = ANY (ARRAY(SELECT jsonb_array_elements_text(i.notifications)::bigint)))`,
  movement: bookedMovement,
  // Read from `operation`: only once the old one has ended is there room for another that is open (rule 1).
  next: /* sql */ `
    next AS (
      INSERT INTO operations (id, merchant_id, mode, payment_id, number, kind, provider, account_id, provider_key,
        amount_minor, currency, status, flow, payment_token, fallbacks, refused_funding, replay_for_ms,
        offer_ends_at, conclusive_after, deadline_at, next_poll_at)
      SELECT n.id, payment.merchant_id, payment.mode, payment.id, n.number, n.kind, n.provider, n.account_id,
        n.provider_key, operation.amount_minor, operation.currency, 'planned', n.flow, n.payment_token, n.fallbacks,
        n.refused_funding, n.replay_for_ms, n.offer_ends_at, n.conclusive_after, n.deadline_at, i.planned_at
        FROM operation, payment, input i, jsonb_to_record(i.next) AS n (${plannedColumns}))`,
};

export const changeParts = Object.keys(parts) as readonly ChangePart[];

const statements = new Map<string, Statement>();

/**
 * A decided change with all that belongs to it, as one statement: it is its own transaction. Everything is
 * written from `payment`, so that nothing is where the payment or its operation is not as it was read. The
 * operation is locked first and held (everybody who writes both comes in this order), but written last: an
 * operation must not change where its payment does not. Rows are matched again after any wait for a lock.
 *
 * It holds only the parts that are needed: PostgreSQL prepares every part of a statement at each execution.
 */
export function paymentChange(needed: ReadonlySet<ChangePart>): Statement {
  const name = statementName(needed);
  const known = statements.get(name);
  if (known) return known;
  const texts = changeParts.filter((part) => needed.has(part)).map((part) => parts[part]);
  const movesWallet = needed.has('movement');
  const start = core(movesWallet ? coveredWallet : { table: '', condition: '' });
  const isCovered = movesWallet ? 'EXISTS (SELECT FROM wallet_as_read)' : 'true';
  const result = `SELECT (SELECT id FROM payment) IS NOT NULL AS "isWritten", ${isCovered} AS "isCovered"`;
  const statement: Statement = { name, text: `${[start, ...texts].join(',')}\n    ${result}` };
  statements.set(name, statement);
  return statement;
}

/** One bit for each part: PostgreSQL cuts a name off after 63 bytes, and then two would have the same. */
function statementName(needed: ReadonlySet<ChangePart>): string {
  const bits = changeParts.map((part, index) => (needed.has(part) ? 1 << index : 0));
  return `payment-change-${bits.reduce((mask, bit) => mask | bit, 0).toString(36)}`;
}
