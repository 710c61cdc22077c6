import type { PlannedFollowUp } from '../domain/follow-up.js';
import type { LedgerFact } from '../domain/ledger.js';
import type { OperationStatus } from '../domain/operation.js';
import type { RefundTerms, PaymentFacts } from '../domain/payment-facts.js';
import type { Holding, RefundFacts } from '../domain/payment-refunds.js';
import type { PaymentError } from '../domain/problem-codes.js';
import { toRefundResource, type RefundRecord } from '../domain/refund-resource.js';
import type { Tenant } from '../domain/tenant.js';
import type { Database, Executor } from './connect.js';
import { recordEvents } from './events.js';
import { insertFollowUp } from './follow-ups.js';
import { findIdempotencyRecord } from './idempotency.js';
import { updateGuarded } from './operations.js';
import { KeyTaken, unlessKeyTaken, withSequence, type PaymentRequest } from './payment-requests.js';
import { loadPayment } from './payments.js';
import { run, runOne, type Statement } from './statement.js';
import { inTransaction } from './transaction.js';

const selectFacts: Statement = {
  name: 'refund-facts',
  text: /* sql */ `
    WITH entries AS (
      -- Of an operation that took money, and of the refunds of it; in the payment's own currency.
      SELECT CASE WHEN o.kind = 'refund' THEN o.of_operation_id ELSE o.id END AS operation_id, e.account,
             sum(e.amount_minor) AS total
        FROM payments p JOIN operations o ON o.payment_id = p.id
        JOIN ledger_transactions t ON t.operation_id = o.id JOIN ledger_entries e ON e.transaction_id = t.id
       WHERE p.id = ? AND e.currency = p.currency GROUP BY 1, 2)
    SELECT (SELECT json_agg(h) FROM (
              SELECT operation_id AS "operationId",
                coalesce(-sum(total) FILTER (WHERE account LIKE 'merchant:%:payable'), 0)::bigint AS "payableMinor",
                coalesce(-sum(total) FILTER (WHERE account LIKE 'merchant:%:suspense'), 0)::bigint AS "suspenseMinor"
                FROM entries GROUP BY operation_id ORDER BY operation_id) AS h) AS holdings,
           (SELECT json_agg(json_build_object('operationId', r.operation_id, 'reason', r.reason))
              FROM reviews r WHERE r.payment_id = ? AND r.status = 'open') AS open_reviews`,
};

/** What the ledger and the open reviews say of a payment. To be read after the payment itself, whose guard then holds. */
export async function loadRefundFacts(executor: Executor, paymentId: string): Promise<RefundFacts> {
  const row = await runOne<{ holdings: Holding[] | null; open_reviews: RefundFacts['openReviews'] | null }>(
    executor,
    selectFacts,
    [paymentId, paymentId],
  );
  return { holdings: row.holdings ?? [], openReviews: row.open_reviews ?? [] };
}

/**
 * Whoever changes a payment writes its row, so that nobody does until this is committed. Its operations are not locked:
 * none of them is written here.
 */
const lockPayment: Statement = {
  name: 'payment-lock',
  text: 'SELECT id FROM payments WHERE id = ? FOR NO KEY UPDATE',
};

const nextSequence: Statement = {
  name: 'payment-refund-requested',
  text: 'UPDATE payments SET sequence = ? WHERE id = ? AND sequence = ? RETURNING id',
};

const insertRefund: Statement = {
  name: 'refund-insert',
  text: /* sql */ `
    INSERT INTO refunds (id, merchant_id, mode, payment_id, operation_id, reason, metadata, requested_by, created_at,
      due_at)
    SELECT ?, merchant_id, mode, payment_id, id, ?, ?, ?, ?, ? FROM operations WHERE id = ?`,
};

const insertKey: Statement = {
  name: 'refund-insert-key',
  text: /* sql */ `
    INSERT INTO idempotency_keys (merchant_id, mode, route, key, fingerprint, object_id, success_status)
    VALUES (?, ?, ?, ?, decode(?, 'hex'), ?, 201) ON CONFLICT DO NOTHING RETURNING 1 AS inserted`,
};

export interface PlannedRefund {
  readonly terms: RefundTerms;
  readonly operation: PlannedFollowUp;
}

/**
 * Records a request for a refund and plans its operation, in one transaction in which nobody else changes the payment:
 * `plan` sees what can be given back with all that is under way, and throws what it refuses. `replayed`
 * where the key was used before, or is being used: nothing was written.
 */
export function requestRefund(
  database: Database,
  paymentId: string,
  request: PaymentRequest,
  plan: (payment: PaymentFacts, facts: RefundFacts) => PlannedRefund,
): Promise<{ kind: 'requested'; payment: PaymentFacts; planned: PlannedRefund } | { kind: 'replayed' }> {
  return unlessKeyTaken(() =>
    inTransaction(database, async (trx) => {
      await run(trx, lockPayment, [paymentId]);
      // What used up the money may be this very request, sent twice at once: the same key has the same answer.
      if (await findIdempotencyRecord(trx, request.scope)) throw new KeyTaken();
      const payment = await loadPayment(trx, paymentId);
      if (!payment) throw new Error(`there is no payment ${paymentId}`);
      const planned = plan(payment, await loadRefundFacts(trx, paymentId));
      await write(trx, payment, request, planned);
      return { kind: 'requested', payment, planned };
    }),
  );
}

async function write(
  trx: Executor,
  payment: PaymentFacts,
  request: PaymentRequest,
  { terms, operation }: PlannedRefund,
): Promise<void> {
  const { tenant, route, key } = request.scope;
  const keyValues = [tenant.merchantId, tenant.mode, route, key, request.fingerprint, terms.id];
  if ((await run(trx, insertKey, keyValues)).length === 0) throw new KeyTaken();
  const after = withSequence(payment, 1);
  const { id, sequence } = payment.record;
  await updateGuarded(trx, nextSequence, [sequence + 1, id, sequence]);
  await insertFollowUp(trx, operation, request.nowMs);
  await run(trx, insertRefund, [
    ...[terms.id, terms.reason, JSON.stringify(terms.metadata), request.requestedBy],
    ...[new Date(terms.createdAtMs), new Date(request.dueAtMs), operation.id],
  ]);
  const detail = toRefundResource(recordOf(payment, terms, operation));
  await recordEvents(trx, after, [{ type: 'refund.requested', detail }], request.nowMs);
}

function recordOf(payment: PaymentFacts, terms: RefundTerms, { amountMinor }: PlannedFollowUp): RefundRecord {
  const { id: paymentId, currency } = payment.record;
  return { terms, paymentId, amountMinor, currency, operationStatus: 'planned', posted: [], lastError: null };
}

const settle: Statement = {
  name: 'refund-settled',
  text: 'UPDATE refunds SET due_at = NULL WHERE operation_id = ? AND due_at IS NOT NULL',
};

/** Nothing is left to be asked about it: the sweeper need not come again. */
export async function settleRefund(executor: Executor, operationId: string): Promise<void> {
  await run(executor, settle, [operationId]);
}

interface RefundRow {
  id: string;
  payment_id: string;
  operation_id: string;
  provider: string;
  method: string;
  amount_minor: number;
  currency: string;
  status: OperationStatus;
  posted: LedgerFact[];
  last_error: PaymentError | null;
  reason: string | null;
  metadata: Record<string, string>;
  created_at: Date;
}

/** A refund with what its workflow is started by. */
export interface StoredRefund extends RefundRecord {
  readonly operationId: string;
  readonly provider: string;
  readonly method: string;
}

const columns = /* sql */ `
  r.id, r.payment_id, r.operation_id, o.provider, p.method, o.amount_minor, o.currency, o.status, o.last_error,
  r.reason, r.metadata, r.created_at,
  ARRAY(SELECT t.fact FROM ledger_transactions t WHERE t.operation_id = o.id ORDER BY t.id) AS posted
  FROM refunds r JOIN operations o ON o.id = r.operation_id JOIN payments p ON p.id = r.payment_id`;

const selectOne: Statement = {
  name: 'refund-by-id',
  text: `SELECT ${columns} WHERE r.merchant_id = ? AND r.mode = ? AND r.id = ?`,
};

export async function findRefund(
  executor: Executor,
  tenant: Tenant,
  id: string,
): Promise<StoredRefund | undefined> {
  const [row] = await run<RefundRow>(executor, selectOne, [tenant.merchantId, tenant.mode, id]);
  return row && fromRow(row);
}

/** A page of a tenant's refunds, of one payment or of all, newest first; cursors are refund ids. */
export async function listRefunds(
  executor: Executor,
  tenant: Tenant,
  page: {
    limit: number;
    paymentId?: string | undefined;
    startingAfter?: string | undefined;
    endingBefore?: string | undefined;
  },
): Promise<StoredRefund[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const paymentId = page.paymentId ?? '';
  const statement: Statement = {
    name: backwards ? 'refunds-before' : 'refunds-after',
    text: /* sql */ `
      SELECT ${columns} WHERE r.merchant_id = ? AND r.mode = ? AND (? = '' OR r.payment_id = ?)
         AND (? = '' OR r.id ${backwards ? '>' : '<'} ?) ORDER BY r.id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, paymentId, paymentId, cursor, cursor, page.limit];
  const rows = await run<RefundRow>(executor, statement, values);
  return (backwards ? rows.reverse() : rows).map(fromRow);
}

function fromRow(row: RefundRow): StoredRefund {
  const { id, reason, metadata } = row;
  return {
    terms: { id, reason, metadata, createdAtMs: row.created_at.getTime() },
    paymentId: row.payment_id,
    operationId: row.operation_id,
    provider: row.provider,
    method: row.method,
    amountMinor: row.amount_minor,
    currency: row.currency,
    operationStatus: row.status,
    posted: row.posted,
    lastError: row.last_error,
  };
}
