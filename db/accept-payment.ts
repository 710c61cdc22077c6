import type { OrderLine } from '../domain/pricing.js';
import type { RoutingChoice } from '../domain/payment-resource.js';
import type { PlannedOperation } from '../domain/plan-operation.js';
import type { CaptureMode } from '../domain/payment.js';
import type { Database, Executor } from './connect.js';
import { findIdempotencyRecord, type IdempotencyScope } from './idempotency.js';
import { plannedColumns, plannedInput } from './planned-operation.js';
import { run, runOne, type Statement } from './statement.js';
import { inTransaction, uniqueViolation } from './transaction.js';

export interface NewPayment {
  readonly id: string;
  readonly scope: IdempotencyScope;
  readonly fingerprint: string;
  readonly payerId: string;
  readonly payerIp: string | null;
  readonly payerCountry: string | null;
  /** By which version of the merchant's rules its accounts were chosen; null: by priority. */
  readonly routing: RoutingChoice | null;
  readonly amountMinor: number;
  readonly currency: string;
  readonly method: string;
  readonly orderReference: string;
  readonly returnUrl: string | null;
  readonly capture: CaptureMode;
  readonly metadata: Readonly<Record<string, string>>;
  /** The merchant's own calendar day, `yyyy-mm-dd`, to which the daily limit applies. */
  readonly limitDay: string;
  readonly perDayMinor: number | null;
  readonly nowMs: number;
  readonly expiresAtMs: number;
  readonly dueAtMs: number;
  readonly lines: readonly OrderLine[];
  readonly operation: PlannedOperation;
  readonly createdEvent: { readonly id: string; readonly data: unknown };
}

export type Acceptance =
  | { kind: 'accepted' }
  | { kind: 'replayed' }
  | { kind: 'order_reference_used' }
  | { kind: 'already_purchased' }
  | { kind: 'daily_limit_exceeded'; spentMinor: number };

/**
 * The accept transaction: idempotency record, payment, order lines, reservations, first operation with its
 * provider key, and the timeline's first line, all in one statement. A merchant with a daily limit takes a
 * lock on (tenant, day) first, so that concurrent requests cannot pass it together.
 */
export async function acceptPayment(database: Database, payment: NewPayment): Promise<Acceptance> {
  try {
    if (payment.perDayMinor === null) return await insertPayment(database, payment);
    const limitMinor = payment.perDayMinor;
    return await inTransaction(database, async (trx) => {
      const spentMinor = await lockAndSumDay(trx, payment);
      if (spentMinor + payment.amountMinor <= limitMinor) return insertPayment(trx, payment);
      // What fills the day may be this very request, sent twice at once: the same key has the same answer.
      const known = await findIdempotencyRecord(trx, payment.scope);
      return known ? { kind: 'replayed' } : { kind: 'daily_limit_exceeded', spentMinor };
    });
  } catch (error) {
    switch (uniqueViolation(error)) {
      case 'payments_merchant_id_mode_order_reference_key':
        return { kind: 'order_reference_used' };
      case 'purchase_claims_pkey':
        return { kind: 'already_purchased' };
      default:
        throw error;
    }
  }
}

const lockDay: Statement = {
  name: 'limit-lock-day',
  text: 'SELECT pg_advisory_xact_lock(hashtextextended(?, 0))',
};
const sumDay: Statement = {
  name: 'limit-sum-day',
  text: /* sql */ `
    SELECT coalesce(sum(amount_minor), 0)::bigint AS spent FROM payments
     WHERE merchant_id = ? AND mode = ? AND currency = ? AND limit_day = ? AND status <> 'canceled'`,
};

async function lockAndSumDay(executor: Executor, payment: NewPayment): Promise<number> {
  const { merchantId, mode } = payment.scope.tenant;
  await run(executor, lockDay, [JSON.stringify([merchantId, mode, payment.limitDay])]);
  const values = [merchantId, mode, payment.currency, payment.limitDay];
  return (await runOne<{ spent: number }>(executor, sumDay, values)).spent;
}

const insertAll: Statement = {
  name: 'accept-payment',
  text: /* sql */ `
    WITH input AS (SELECT * FROM jsonb_to_record(?) AS i (
      merchant_id text, mode text, route text, key text, fingerprint text, payment_id text, payer_id text, payer_ip text,
      payer_country text, routing_version integer, routing_rule text,
      amount_minor bigint, currency text, method text, order_reference text, return_url text, capture text,
      metadata jsonb,
      limit_day date, created_at timestamptz, expires_at timestamptz, due_at timestamptz, lines jsonb,
      operation jsonb, event jsonb)),
    idempotency AS (
      INSERT INTO idempotency_keys
        (merchant_id, mode, route, key, fingerprint, object_id, payment_id, success_status)
      SELECT merchant_id, mode, route, key, decode(fingerprint, 'hex'), payment_id, payment_id, 201 FROM input
      ON CONFLICT DO NOTHING RETURNING payment_id),
    accepted AS (SELECT input.* FROM input JOIN idempotency USING (payment_id)),
    payment AS (
      INSERT INTO payments (id, merchant_id, mode, payer_id, amount_minor, currency, method, order_reference,
        return_url, payer_ip, payer_country, routing_version, routing_rule, capture, metadata, status, limit_day,
        created_at, expires_at, due_at)
      SELECT payment_id, merchant_id, mode, payer_id, amount_minor, currency, method, order_reference,
        return_url, payer_ip, payer_country, routing_version, routing_rule, capture, metadata, 'processing', limit_day,
        created_at, expires_at, due_at FROM accepted),
    line AS (
      INSERT INTO order_lines
        (merchant_id, mode, payment_id, position, product_id, product_type, quantity, amount_minor, repeatable)
      SELECT a.merchant_id, a.mode, a.payment_id, l.position, l.product_id, l.product_type, l.quantity,
        l.amount_minor, l.repeatable
        FROM accepted a, jsonb_to_recordset(a.lines) AS l (position integer, product_id text, product_type text,
          quantity integer, amount_minor bigint, repeatable boolean)
      RETURNING merchant_id, mode, payment_id, product_id, repeatable),
    claim AS (
      INSERT INTO purchase_claims (merchant_id, mode, payer_id, product_id, payment_id)
      SELECT l.merchant_id, l.mode, a.payer_id, l.product_id, l.payment_id
        FROM line l JOIN accepted a ON a.payment_id = l.payment_id WHERE NOT l.repeatable
       -- In one order for everybody: two orders of the same products must not wait for each other.
       ORDER BY l.product_id),
    operation AS (
      INSERT INTO operations (id, merchant_id, mode, payment_id, number, kind, provider, account_id, provider_key,
        amount_minor, currency, status, flow, payment_token, fallbacks, refused_funding, replay_for_ms,
        offer_ends_at, conclusive_after, deadline_at, next_poll_at)
      SELECT o.id, a.merchant_id, a.mode, a.payment_id, o.number, o.kind, o.provider, o.account_id, o.provider_key,
        a.amount_minor, a.currency, 'planned', o.flow, o.payment_token, o.fallbacks, o.refused_funding,
        o.replay_for_ms, o.offer_ends_at, o.conclusive_after, o.deadline_at, a.created_at
        FROM accepted a, jsonb_to_record(a.operation) AS o (${plannedColumns})),
    event AS (
      INSERT INTO events (id, merchant_id, mode, payment_id, type, sequence, data)
      SELECT a.event ->> 'id', a.merchant_id, a.mode, a.payment_id, 'payment.created', 1, a.event -> 'data'
        FROM accepted a)
    SELECT count(*)::integer AS accepted FROM accepted`,
};

async function insertPayment(executor: Executor, payment: NewPayment): Promise<Acceptance> {
  const { accepted } = await runOne<{ accepted: number }>(executor, insertAll, [
    JSON.stringify(insertInput(payment)),
  ]);
  return { kind: accepted === 1 ? 'accepted' : 'replayed' };
}

function insertInput(payment: NewPayment): Record<string, unknown> {
  const { tenant, route, key } = payment.scope;
  return {
    merchant_id: tenant.merchantId,
    mode: tenant.mode,
    route,
    key,
    fingerprint: payment.fingerprint,
    payment_id: payment.id,
    payer_id: payment.payerId,
    payer_ip: payment.payerIp,
    payer_country: payment.payerCountry,
    routing_version: payment.routing?.version ?? null,
    routing_rule: payment.routing?.rule ?? null,
    amount_minor: payment.amountMinor,
    currency: payment.currency,
    method: payment.method,
    order_reference: payment.orderReference,
    return_url: payment.returnUrl,
    capture: payment.capture,
    metadata: payment.metadata,
    limit_day: payment.limitDay,
    created_at: new Date(payment.nowMs),
    expires_at: new Date(payment.expiresAtMs),
    due_at: new Date(payment.dueAtMs),
    lines: payment.lines.map((line) => ({
      position: line.position,
      product_id: line.product.id,
      product_type: line.product.type,
      quantity: line.quantity,
      amount_minor: line.amountMinor,
      repeatable: line.product.repeatable,
    })),
    operation: plannedInput(payment.operation),
    event: payment.createdEvent,
  };
}
