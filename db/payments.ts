import type { LineFacts, NotificationFacts, OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import type { CardFacts } from '../domain/outcome.js';
import type { CaptureMode, PaymentOutcome, PaymentStatus } from '../domain/payment.js';
import type { PaymentError } from '../domain/problem-codes.js';
import type { Mode, Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

interface PaymentRow {
  id: string;
  merchant_id: string;
  mode: Mode;
  payer_id: string;
  amount_minor: number;
  currency: string;
  method: string;
  order_reference: string;
  return_url: string | null;
  metadata: Record<string, string>;
  status: PaymentStatus;
  outcome: PaymentOutcome;
  amount_received_minor: number;
  amount_refunded_minor: number;
  last_error: PaymentError | null;
  sequence: number;
  created_at: Date;
  expires_at: Date;
  cancel_requested_at: Date | null;
  capture: CaptureMode;
  payer_ip: string | null;
  payer_country: string | null;
  routing_version: number | null;
  routing_rule: string | null;
  card: CardFacts | null;
  operations: OperationFacts[] | null;
  lines: LineFacts[] | null;
  notifications: NotificationFacts[] | null;
}

const columns = /* sql */ `
  p.id, p.merchant_id, p.mode, p.payer_id, p.amount_minor, p.currency, p.method, p.order_reference, p.return_url,
  p.metadata, p.status, p.outcome, p.amount_received_minor, p.amount_refunded_minor, p.last_error, p.sequence,
  p.created_at, p.expires_at, p.cancel_requested_at, p.capture, p.payer_ip, p.payer_country,
  p.routing_version, p.routing_rule, p.card,
  (SELECT json_agg(json_build_object(
      'id', o.id, 'number', o.number, 'kind', o.kind, 'provider', o.provider, 'accountId', o.account_id,
      'credential', a.credential, 'providerKey', o.provider_key, 'amountMinor', o.amount_minor,
      'currency', o.currency, 'status', o.status, 'sentAtMs', floor(extract(epoch FROM o.sent_at) * 1000),
      'offer', o.offer, 'offerEndsAtMs', floor(extract(epoch FROM o.offer_ends_at) * 1000),
      'conclusiveAfterMs', floor(extract(epoch FROM o.conclusive_after) * 1000),
      'deadlineMs', floor(extract(epoch FROM o.deadline_at) * 1000),
      'nextPollMs', floor(extract(epoch FROM o.next_poll_at) * 1000), 'pollCount', o.poll_count,
      'askedAtMs', floor(extract(epoch FROM o.asked_at) * 1000), 'lastError', o.last_error,
      'plannedAtMs', floor(extract(epoch FROM o.created_at) * 1000), 'providerReference', o.provider_reference,
      'flow', o.flow, 'paymentToken', o.payment_token, 'ofOperationId', o.of_operation_id,
      'refusedFunding', o.refused_funding, 'isMisconfigured', a.misconfigured_at IS NOT NULL,
      'fallbacks', CASE WHEN o.fallbacks IS NULL THEN '[]'::json ELSE (
        SELECT coalesce(json_agg(json_build_object('terms', f.terms, 'credential', b.credential,
            'isUsable', b.disabled_at IS NULL AND b.misconfigured_at IS NULL
              AND NOT is_stopped(p.merchant_id, p.mode, b.provider, p.method, o.kind)) ORDER BY f.position), '[]')
          FROM jsonb_array_elements(o.fallbacks) WITH ORDINALITY AS f (terms, position)
          JOIN provider_accounts b ON b.merchant_id = p.merchant_id AND b.mode = p.mode
           AND b.id = f.terms ->> 'accountId') END,
      'replayForMs', o.replay_for_ms,
      'approvedAtMs', floor(extract(epoch FROM o.approved_at) * 1000), 'returnDetails', o.return_details,
      'advanceTakenAtMs', floor(extract(epoch FROM o.advance_taken_at) * 1000),
      'advanceReplayUntilMs', floor(extract(epoch FROM o.advance_replay_until) * 1000),
      'advanceCount', o.advance_count,
      'isStopped', is_stopped(p.merchant_id, p.mode, o.provider, p.method, o.kind), 'captureBeforeMs', floor(extract(epoch FROM o.capture_before) * 1000),
      'movedMinor', o.moved_minor,
      'posted', ARRAY(SELECT t.fact FROM ledger_transactions t WHERE t.operation_id = o.id ORDER BY t.id),
      'refund', CASE WHEN o.kind = 'refund' THEN (
         SELECT json_build_object('id', r.id, 'reason', r.reason, 'metadata', r.metadata,
             'createdAtMs', floor(extract(epoch FROM r.created_at) * 1000))
           FROM refunds r WHERE r.operation_id = o.id) END)
      ORDER BY o.number)
     FROM operations o JOIN provider_accounts a ON a.id = o.account_id WHERE o.payment_id = p.id) AS operations,
  (SELECT json_agg(json_build_object(
      'position', l.position, 'product', l.product_id, 'productType', l.product_type, 'quantity', l.quantity,
      'amountMinor', l.amount_minor, 'repeatable', l.repeatable) ORDER BY l.position)
     FROM order_lines l WHERE l.payment_id = p.id) AS lines,
  (SELECT json_agg(json_build_object(
      'id', n.id, 'operationId', n.operation_id, 'says', n.says,
      'receivedAtMs', floor(extract(epoch FROM n.received_at) * 1000), 'paid', n.paid, 'told', n.told) ORDER BY n.id)
     FROM notifications n WHERE n.payment_id = p.id AND n.processed_at IS NULL) AS notifications`;

const selectById: Statement = {
  name: 'payment-by-id',
  text: `SELECT ${columns} FROM payments p WHERE p.id = ?`,
};
const selectByTenant: Statement = {
  name: 'payment-by-tenant',
  text: `SELECT ${columns} FROM payments p WHERE p.merchant_id = ? AND p.mode = ? AND p.id = ?`,
};
const selectByReference: Statement = {
  name: 'payment-by-reference',
  text: `SELECT ${columns} FROM payments p WHERE p.merchant_id = ? AND p.mode = ? AND p.order_reference = ?`,
};

/** For workflows, which know a payment by nothing but its id. Undefined where there is none. */
export async function loadPayment(executor: Executor, paymentId: string): Promise<PaymentFacts | undefined> {
  const [row] = await run<PaymentRow>(executor, selectById, [paymentId]);
  return row && fromRow(row);
}

/** For callers of the API, who see their own tenant's payments only. */
export async function findPayment(
  executor: Executor,
  tenant: Tenant,
  paymentId: string,
): Promise<PaymentFacts | undefined> {
  const values = [tenant.merchantId, tenant.mode, paymentId];
  const [row] = await run<PaymentRow>(executor, selectByTenant, values);
  return row && fromRow(row);
}

export async function findPaymentByReference(
  executor: Executor,
  tenant: Tenant,
  orderReference: string,
): Promise<PaymentFacts | undefined> {
  const values = [tenant.merchantId, tenant.mode, orderReference];
  const [row] = await run<PaymentRow>(executor, selectByReference, values);
  return row && fromRow(row);
}

/** A page of a tenant's payments, newest first. Cursors are payment ids; `limit` rows at most. */
export async function listPayments(
  executor: Executor,
  tenant: Tenant,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<PaymentFacts[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const statement: Statement = {
    name: backwards ? 'payments-before' : 'payments-after',
    text: `SELECT ${columns} FROM payments p WHERE p.merchant_id = ? AND p.mode = ?
             AND (? = '' OR p.id ${backwards ? '>' : '<'} ?) ORDER BY p.id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, cursor, cursor, page.limit];
  const rows = await run<PaymentRow>(executor, statement, values);
  return (backwards ? rows.reverse() : rows).map(fromRow);
}

function fromRow(row: PaymentRow): PaymentFacts {
  const operations = row.operations ?? [];
  const lines = row.lines ?? [];
  return {
    tenant: { merchantId: row.merchant_id, mode: row.mode },
    returnUrl: row.return_url,
    payerIp: row.payer_ip,
    payerCountry: row.payer_country,
    cancelRequested: row.cancel_requested_at !== null,
    lines,
    operations,
    notifications: row.notifications ?? [],
    record: {
      id: row.id,
      status: row.status,
      outcome: row.outcome,
      amountMinor: row.amount_minor,
      amountReceivedMinor: row.amount_received_minor,
      amountRefundedMinor: row.amount_refunded_minor,
      currency: row.currency,
      method: row.method,
      payerId: row.payer_id,
      orderReference: row.order_reference,
      lines,
      lastError: row.last_error,
      card: row.card,
      capture: row.capture,
      routing: row.routing_version === null ? null : { version: row.routing_version, rule: row.routing_rule },
      metadata: row.metadata,
      sequence: row.sequence,
      createdAtMs: row.created_at.getTime(),
      expiresAtMs: row.expires_at.getTime(),
      operations,
    },
  };
}
