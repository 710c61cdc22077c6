import type { PaymentStatus } from '../domain/payment.js';
import type { PaidEvidence, Told } from '../domain/outcome.js';
import type { Executor } from './connect.js';
import type { ProviderAccount } from './merchants.js';
import { runOne, type Statement } from './statement.js';

/** A provider's verified callback, as it is kept. */
export interface IncomingNotification {
  readonly account: ProviderAccount;
  readonly dedupeKey: string;
  readonly providerKey: string;
  readonly says: string;
  readonly paid: PaidEvidence | null;
  readonly told: Told | null;
  /** The provider's own id of a capture, a void or a refund: which of ours it is, before our own reference says so. */
  readonly providerReference: string | null;
  readonly rawBody: Buffer;
  /** When the sweeper steps in, should nobody have applied it by then; milliseconds since the epoch. */
  readonly dueAtMs: number;
}

export interface StoredNotification {
  /** False for one that is there already. */
  readonly isNew: boolean;
  /** A transaction has applied it: there is nobody to wake. */
  readonly isProcessed: boolean;
  /** Null for an orphan: no operation of ours has that reference at this account. */
  readonly target: {
    readonly paymentId: string;
    readonly operationId: string;
    readonly provider: string;
    readonly method: string;
    readonly paymentStatus: PaymentStatus;
    /** The refund that it is about, if it is about one. */
    readonly refundId: string | null;
  } | null;
}

const store: Statement = {
  name: 'notification-store',
  text: /* sql */ `
    WITH input AS (SELECT ?::text AS account_id, ?::text AS dedupe_key, ?::text AS provider_key,
      ?::text AS merchant_id, ?::text AS mode, ?::text AS says, ?::jsonb AS paid, ?::bytea AS raw_body,
      ?::timestamptz AS due_at, ?::jsonb AS told, ?::text AS provider_reference),
    target AS (
      SELECT o.payment_id, o.id AS operation_id, o.provider, p.method, p.status,
             CASE WHEN o.kind = 'refund' THEN (SELECT r.id FROM refunds r WHERE r.operation_id = o.id) END AS refund_id
        FROM input i JOIN operations o ON o.id = coalesce(
          (SELECT act.id FROM operations act WHERE act.account_id = i.account_id
              AND act.provider_reference = i.provider_reference AND act.kind IN ('capture', 'void', 'refund') LIMIT 1),
          (SELECT named.id FROM operations named
            WHERE named.account_id = i.account_id AND named.provider_key = i.provider_key))
        JOIN payments p ON p.id = o.payment_id),
    stored AS (
      INSERT INTO notifications (account_id, dedupe_key, provider_key, merchant_id, mode, payment_id, operation_id,
        says, paid, told, raw_body, due_at, result)
      SELECT i.account_id, i.dedupe_key, i.provider_key, i.merchant_id, i.mode, t.payment_id, t.operation_id,
        i.says, i.paid, i.told, i.raw_body, CASE WHEN t.payment_id IS NULL THEN NULL ELSE i.due_at END,
        CASE WHEN t.payment_id IS NULL THEN 'orphan' END
        FROM input i LEFT JOIN target t ON true
      ON CONFLICT (account_id, dedupe_key) DO NOTHING RETURNING id)
    SELECT EXISTS (SELECT FROM stored) AS is_new,
           coalesce((SELECT n.processed_at IS NOT NULL FROM notifications n
              WHERE n.account_id = i.account_id AND n.dedupe_key = i.dedupe_key), false) AS is_processed,
           t.payment_id, t.operation_id, t.provider, t.method, t.status, t.refund_id
      FROM input i LEFT JOIN target t ON true`,
};

interface StoredRow {
  is_new: boolean;
  is_processed: boolean;
  payment_id: string | null;
  operation_id: string;
  provider: string;
  method: string;
  status: PaymentStatus;
  refund_id: string | null;
}

/** Keeps a notification once, however often it comes. When this returns it is committed, and may be acknowledged. */
export async function storeNotification(
  executor: Executor,
  notification: IncomingNotification,
): Promise<StoredNotification> {
  const { account, dedupeKey, providerKey, says, paid, told, rawBody, dueAtMs } = notification;
  const row = await runOne<StoredRow>(executor, store, [
    account.id,
    dedupeKey,
    providerKey,
    account.tenant.merchantId,
    account.tenant.mode,
    says,
    paid === null ? null : JSON.stringify(paid),
    rawBody,
    new Date(dueAtMs),
    told === null ? null : JSON.stringify(told),
    notification.providerReference,
  ]);
  return {
    isNew: row.is_new,
    isProcessed: row.is_processed,
    target:
      row.payment_id === null
        ? null
        : {
            paymentId: row.payment_id,
            operationId: row.operation_id,
            provider: row.provider,
            method: row.method,
            paymentStatus: row.status,
            refundId: row.refund_id,
          },
  };
}
