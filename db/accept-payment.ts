import type { OrderLine, PricedProduct } from '../domain/pricing.js';
import type { RoutingChoice } from '../domain/payment-resource.js';
import type { ActiveRules } from '../domain/routing-rules.js';
import type { CollectingKind, PlannedOperation } from '../domain/plan-operation.js';
import type { Wallet } from '../domain/wallet.js';
import type { Database, Executor } from './connect.js';
import { findIdempotencyRecord, type IdempotencyRecord, type IdempotencyScope } from './idempotency.js';
import { plannedColumns, plannedInput } from './planned-operation.js';
import { activeRulesOf } from './routing.js';
import { run, runOne, type Statement } from './statement.js';
import { inTransaction, uniqueViolation } from './transaction.js';

/** All that verifying a request for a payment needs from the database, read in one statement. */
export interface AcceptanceFacts {
  readonly replay: IdempotencyRecord | null;
  readonly payerBlocked: boolean;
  readonly limits: { readonly perPaymentMinor: number | null; readonly perDayMinor: number | null } | null;
  readonly timeZone: string;
  readonly products: ReadonlyMap<string, PricedProduct>;
  /** Products of this order that the payer owns or is buying, and in which payment. */
  readonly claims: readonly { readonly product: string; readonly paymentId: string }[];
  /** The routing rules in force. */
  readonly rules: ActiveRules | null;
  readonly accounts: readonly AccountChoice[];
  /** The payer's wallet in the payment's currency. */
  readonly wallet: Wallet | null;
}

/** A provider account that serves the method, best first. */
export interface AccountChoice {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly credential: string;
  readonly currencies: readonly string[];
  readonly isMisconfigured: boolean;
  /** A kill switch stops its charges. */
  readonly isStopped: boolean;
}

const selectFacts: Statement = {
  name: 'acceptance-facts',
  text: /* sql */ `
    SELECT
      (SELECT json_build_object('fingerprint', encode(k.fingerprint, 'hex'), 'objectId', k.object_id,
          'paymentId', k.payment_id, 'accepted', k.accepted_at IS NOT NULL,
          'answer', CASE WHEN k.status IS NULL THEN NULL ELSE json_build_object('status', k.status, 'body', k.body) END)
         FROM idempotency_keys k
        WHERE k.merchant_id = m.id AND k.mode = m.mode AND k.route = ? AND k.key = ?) AS replay,
      EXISTS (SELECT FROM blocked_payers b
        WHERE b.merchant_id = m.id AND b.mode = m.mode AND b.payer_id = ?) AS payer_blocked,
      (SELECT json_build_object('perPaymentMinor', l.per_payment_minor, 'perDayMinor', l.per_day_minor)
         FROM merchant_limits l
        WHERE l.merchant_id = m.id AND l.mode = m.mode AND l.currency = ?) AS limits,
      m.time_zone,
      (SELECT json_agg(json_build_object('id', r.id, 'name', r.name, 'type', r.type, 'priceMinor', r.price_minor,
          'currency', r.currency, 'repeatable', r.repeatable, 'active', r.active))
         FROM products r WHERE r.merchant_id = m.id AND r.mode = m.mode AND r.id = ANY (?)) AS products,
      (SELECT json_agg(json_build_object('product', c.product_id, 'paymentId', c.payment_id))
         FROM purchase_claims c WHERE c.merchant_id = m.id AND c.mode = m.mode AND c.payer_id = ?
          AND c.product_id = ANY (?)) AS claims,
      ${activeRulesOf('m')} AS rules,
      (SELECT json_agg(json_build_object('id', a.id, 'provider', a.provider, 'method', a.method,
          'credential', a.credential, 'currencies', a.currencies, 'isMisconfigured', a.misconfigured_at IS NOT NULL,
          'isStopped', is_stopped(m.id, m.mode, a.provider, a.method, ?)) ORDER BY a.priority, a.id)
         FROM provider_accounts a
        WHERE a.merchant_id = m.id AND a.mode = m.mode AND a.method = ? AND a.disabled_at IS NULL) AS accounts,
      (SELECT json_build_object('payerId', w.payer_id, 'currency', w.currency, 'balanceMinor', w.balance_minor,
          'heldMinor', w.held_minor, 'creditLimitMinor', w.credit_limit_minor)
         FROM wallets w WHERE w.merchant_id = m.id AND w.mode = m.mode AND w.payer_id = ? AND w.currency = ?) AS wallet
      FROM merchants m WHERE m.id = ? AND m.mode = ?`,
};

interface FactsRow {
  replay: IdempotencyRecord | null;
  payer_blocked: boolean;
  limits: AcceptanceFacts['limits'];
  time_zone: string;
  products: PricedProduct[] | null;
  claims: { product: string; paymentId: string }[] | null;
  rules: ActiveRules | null;
  accounts: AccountChoice[] | null;
  wallet: Wallet | null;
}

export interface FactsRequest {
  readonly payerId: string;
  readonly currency: string;
  readonly method: string;
  readonly productIds: readonly string[];
  /** The kind of operation that would collect: a kill switch may stop one and not the other. */
  readonly kind?: CollectingKind;
}

export async function readAcceptanceFacts(
  executor: Executor,
  scope: IdempotencyScope,
  request: FactsRequest,
): Promise<AcceptanceFacts> {
  const { tenant, route, key } = scope;
  const { payerId, currency, method, productIds, kind = 'sale' } = request;
  const row = await runOne<FactsRow>(executor, selectFacts, [
    route,
    key,
    payerId,
    currency,
    productIds,
    payerId,
    productIds,
    kind,
    method,
    payerId,
    currency,
    tenant.merchantId,
    tenant.mode,
  ]);
  return {
    replay: row.replay,
    payerBlocked: row.payer_blocked,
    limits: row.limits,
    timeZone: row.time_zone,
    products: new Map((row.products ?? []).map((product) => [product.id, product])),
    claims: row.claims ?? [],
    rules: row.rules,
    accounts: row.accounts ?? [],
    wallet: row.wallet,
  };
}

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
      amount_minor bigint, currency text, method text, order_reference text, return_url text, metadata jsonb,
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
        return_url, payer_ip, payer_country, routing_version, routing_rule, metadata, status, limit_day, created_at,
        expires_at, due_at)
      SELECT payment_id, merchant_id, mode, payer_id, amount_minor, currency, method, order_reference,
        return_url, payer_ip, payer_country, routing_version, routing_rule, metadata, 'processing', limit_day,
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
