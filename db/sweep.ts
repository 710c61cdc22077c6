import type { Mode } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** A payment or a refund that nobody has looked at in time, or that has a notification nobody has applied. */
export interface DuePayment {
  readonly paymentId: string;
  readonly merchantId: string;
  readonly mode: Mode;
  readonly method: string;
  readonly provider: string;
  /** The notification's operation; null where the payment itself is due. */
  readonly operationId: string | null;
  /** The refund that is due, or that the notification is about. */
  readonly refund: { readonly id: string; readonly operationId: string } | null;
  readonly isEnded: boolean;
}

const columns = /* sql */ `p.id AS "paymentId", p.merchant_id AS "merchantId", p.mode, p.method,
  coalesce((SELECT o.provider FROM operations o WHERE o.payment_id = p.id ORDER BY o.number DESC LIMIT 1), 'none')
    AS provider, p.status IN ('succeeded', 'canceled') AS "isEnded"`;

const refund = /* sql */ `json_build_object('id', r.id, 'operationId', r.operation_id)`;

/** Due again ever later, so that a payment which waits long for its provider does not wake its workflow all the time. */
const takePayments: Statement = {
  name: 'sweep-payments',
  text: /* sql */ `
    WITH due AS (
      SELECT id FROM payments WHERE due_at <= now() ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED)
    UPDATE payments p SET due_at =
        now() + least(interval '10 minutes', greatest(make_interval(secs => ?), (now() - p.created_at) / 4))
      FROM due WHERE p.id = due.id
    RETURNING ${columns}, NULL AS "operationId", NULL AS refund`,
};

const takeNotifications: Statement = {
  name: 'sweep-notifications',
  text: /* sql */ `
    WITH due AS (
      SELECT id FROM notifications WHERE due_at <= now() AND processed_at IS NULL
       ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED)
    UPDATE notifications n SET due_at =
        now() + least(interval '10 minutes', greatest(make_interval(secs => ?), (now() - n.received_at) / 4))
      FROM due, payments p WHERE n.id = due.id AND p.id = n.payment_id
    RETURNING ${columns}, n.operation_id AS "operationId",
      (SELECT ${refund} FROM refunds r WHERE r.operation_id = n.operation_id) AS refund`,
};

const takeRefunds: Statement = {
  name: 'sweep-refunds',
  text: /* sql */ `
    WITH due AS (
      SELECT id FROM refunds WHERE due_at <= now() ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED)
    UPDATE refunds r SET due_at =
        now() + least(interval '10 minutes', greatest(make_interval(secs => ?), (now() - r.created_at) / 4))
      FROM due, payments p WHERE r.id = due.id AND p.id = r.payment_id
    RETURNING ${columns}, NULL AS "operationId", ${refund} AS refund`,
};

/** Takes what is due; it is due again after `againSeconds` at the soonest, unless it has moved on by then. */
export async function takeDue(
  executor: Executor,
  options: { limit: number; againSeconds: number },
): Promise<DuePayment[]> {
  const values = [options.limit, options.againSeconds];
  const notifications = await run<DuePayment>(executor, takeNotifications, values);
  const payments = await run<DuePayment>(executor, takePayments, values);
  const refunds = await run<DuePayment>(executor, takeRefunds, values);
  return [...notifications, ...payments, ...refunds];
}
