import { toInstant } from '../domain/payment-resource.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** One event on its way to one endpoint. */
export interface WebhookDelivery {
  readonly id: string;
  readonly eventId: string;
  readonly endpointId: string;
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly isDisabled: boolean;
  readonly isRetrying: boolean;
  /** The exact body, the same on each try. */
  readonly body: string;
}

interface DeliveryRow {
  id: string;
  event_id: string;
  endpoint_id: string;
  url: string;
  secret: string;
  is_disabled: boolean;
  status: string;
  type: string;
  created_at: Date;
  data: unknown;
}

const columns = /* sql */ `d.id::text AS id, d.event_id, d.endpoint_id, w.url, w.secret,
  w.disabled_at IS NOT NULL AS is_disabled, d.status, e.type, e.created_at, e.data`;

/**
 * Takes what is due, for as long as the lease runs: whoever dies with it leaves it to be taken again. One
 * statement, so that workers side by side share the work without waiting for each other.
 */
const claim: Statement = {
  name: 'webhooks-claim',
  text: /* sql */ `
    WITH due AS (
      SELECT id FROM webhook_deliveries WHERE due_at <= now() AND endpoint_id <> ALL (?::text[])
       ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED)
    UPDATE webhook_deliveries d SET due_at = now() + make_interval(secs => ?), attempts = d.attempts + 1
      FROM due, events e, webhook_endpoints w
     WHERE d.id = due.id AND e.id = d.event_id AND w.id = d.endpoint_id
    RETURNING ${columns}`,
};

export async function claimWebhooks(
  executor: Executor,
  options: { limit: number; leaseSeconds: number; exceptEndpoints?: readonly string[] },
): Promise<WebhookDelivery[]> {
  const rows = await run<DeliveryRow>(executor, claim, [
    options.exceptEndpoints ?? [],
    options.limit,
    options.leaseSeconds,
  ]);
  return rows.map(fromRow);
}

const selectOne: Statement = {
  name: 'webhook-by-id',
  text: /* sql */ `
    SELECT ${columns} FROM webhook_deliveries d JOIN events e ON e.id = d.event_id
      JOIN webhook_endpoints w ON w.id = d.endpoint_id
     WHERE d.id = ?::bigint AND d.status IN ('pending', 'retrying')`,
};

/** Undefined where there is nothing left to deliver. */
export async function findOpenWebhook(executor: Executor, id: string): Promise<WebhookDelivery | undefined> {
  const [row] = await run<DeliveryRow>(executor, selectOne, [id]);
  return row && fromRow(row);
}

function fromRow(row: DeliveryRow): WebhookDelivery {
  const created_at = toInstant(row.created_at.getTime());
  return {
    id: row.id,
    eventId: row.event_id,
    endpointId: row.endpoint_id,
    url: row.url,
    secret: row.secret,
    isDisabled: row.is_disabled,
    isRetrying: row.status === 'retrying',
    body: JSON.stringify({ id: row.event_id, type: row.type, created_at, data: row.data }),
  };
}

export interface WebhookMark {
  readonly id: string;
  readonly status: 'delivered' | 'retrying' | 'abandoned';
  readonly result: string;
}

/** A retry schedule that a lost workflow never finished is begun again after this long. */
const RETRY_SCHEDULE_SECONDS = 80 * 3600;

const mark: Statement = {
  name: 'webhooks-mark',
  text: /* sql */ `
    UPDATE webhook_deliveries d SET status = m.status, last_result = m.result,
      delivered_at = CASE WHEN m.status = 'delivered' THEN now() END,
      due_at = CASE WHEN m.status = 'retrying' THEN now() + make_interval(secs => ?) END
      FROM jsonb_to_recordset(?) AS m (id bigint, status text, result text)
     -- The list says how few they are: by the join alone, the whole table is read until it is long.
     WHERE d.id = ANY (?::bigint[]) AND d.id = m.id AND d.status IN ('pending', 'retrying')`,
};

export async function markWebhooks(executor: Executor, marks: readonly WebhookMark[]): Promise<void> {
  if (marks.length === 0) return;
  const ids = marks.map(({ id }) => id);
  await run(executor, mark, [RETRY_SCHEDULE_SECONDS, JSON.stringify(marks), ids]);
}

const disable: Statement = {
  name: 'webhook-endpoint-disable',
  text: /* sql */ `
    UPDATE webhook_endpoints SET disabled_at = now(), disabled_because = ? WHERE id = ? AND disabled_at IS NULL`,
};

/** An endpoint that answers 410 Gone wants no more (Standard Webhooks). */
export async function disableEndpoint(executor: Executor, id: string, because: string): Promise<void> {
  await run(executor, disable, [because, id]);
}
