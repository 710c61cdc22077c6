import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** Idempotency keys: one record per tenant, route and key, which lives as long as the object it made. */
export interface IdempotencyScope {
  readonly tenant: Tenant;
  /** Method and path template: `POST /v1/payments`, `POST /v1/payments/:id/cancel`. */
  readonly route: string;
  readonly key: string;
}

export interface IdempotencyRecord {
  /** SHA-256 of method, path and the RFC 8785 form of the body, in hex. */
  readonly fingerprint: string;
  readonly objectId: string;
  readonly paymentId: string | null;
  /** The first answer; null while the first call still runs, or after a 202. */
  readonly answer: { readonly status: number; readonly body: string } | null;
  /** A 202 was sent: replays render the object as it now is. */
  readonly accepted: boolean;
}

interface IdempotencyRow {
  fingerprint: string;
  object_id: string;
  payment_id: string | null;
  status: number | null;
  body: string | null;
  accepted: boolean;
}

const selectRecord: Statement = {
  name: 'idempotency-record',
  text: /* sql */ `
    SELECT encode(fingerprint, 'hex') AS fingerprint, object_id, payment_id, status, body,
           accepted_at IS NOT NULL AS accepted
      FROM idempotency_keys WHERE merchant_id = ? AND mode = ? AND route = ? AND key = ?`,
};

export async function findIdempotencyRecord(
  executor: Executor,
  scope: IdempotencyScope,
): Promise<IdempotencyRecord | undefined> {
  const { tenant, route, key } = scope;
  const [row] = await run<IdempotencyRow>(executor, selectRecord, [
    tenant.merchantId,
    tenant.mode,
    route,
    key,
  ]);
  if (!row) return undefined;
  return {
    fingerprint: row.fingerprint,
    objectId: row.object_id,
    paymentId: row.payment_id,
    answer: row.status === null || row.body === null ? null : { status: row.status, body: row.body },
    accepted: row.accepted,
  };
}

const insertAnswered: Statement = {
  name: 'idempotency-insert-answered',
  text: /* sql */ `
    INSERT INTO idempotency_keys
      (merchant_id, mode, route, key, fingerprint, object_id, payment_id, success_status, status, body)
    VALUES (?, ?, ?, ?, decode(?, 'hex'), ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING RETURNING 1 AS inserted`,
};

/**
 * Stores the answer of a request that is done at once, in the transaction that makes it true.
 * Returns false where the key was taken in the meantime: roll back, and replay.
 */
export async function insertAnsweredKey(
  executor: Executor,
  scope: IdempotencyScope,
  request: { fingerprint: string; objectId: string; paymentId: string | null; status: number; body: string },
): Promise<boolean> {
  const { tenant, route, key } = scope;
  const { fingerprint, objectId, paymentId, status, body } = request;
  const values = [
    tenant.merchantId,
    tenant.mode,
    route,
    key,
    fingerprint,
    objectId,
    paymentId,
    status,
    status,
    body,
  ];
  return (await run(executor, insertAnswered, values)).length === 1;
}

const markAccepted: Statement = {
  name: 'idempotency-mark-accepted',
  text: /* sql */ `
    UPDATE idempotency_keys SET accepted_at = now()
     WHERE merchant_id = ? AND mode = ? AND route = ? AND key = ? AND status IS NULL RETURNING 1 AS marked`,
};

/**
 * Before a 202 goes out: from now on no other answer may be stored under this key. False where an answer was
 * stored in the meantime: that one is to be sent.
 */
export async function markAnsweredAccepted(executor: Executor, scope: IdempotencyScope): Promise<boolean> {
  const { tenant, route, key } = scope;
  return (await run(executor, markAccepted, [tenant.merchantId, tenant.mode, route, key])).length === 1;
}
