import type { WebhookEventType } from '../domain/events.js';
import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, runOne, type Statement } from './statement.js';

/** Where a merchant wants its webhooks. The secret leaves the database only for signing. */
export interface WebhookEndpointRecord {
  readonly id: string;
  readonly url: string;
  readonly enabledEvents: readonly WebhookEventType[];
  readonly createdAtMs: number;
  readonly disabledAtMs: number | null;
}

interface EndpointRow {
  id: string;
  url: string;
  enabled_events: WebhookEventType[];
  created_at: Date;
  disabled_at: Date | null;
}

const columns = 'id, url, enabled_events, created_at, disabled_at';
/** Deleted ones stay as rows, because deliveries point at them, and are shown to nobody. */
const notDeleted = "disabled_because IS DISTINCT FROM 'deleted'";

/** Every event of a tenant is a row and a call for each of its endpoints. */
export const MOST_WEBHOOK_ENDPOINTS = 16;

/** Held to the end of the transaction: who counts next sees what this one has made. */
const lockTenant: Statement = {
  name: 'webhook-endpoints-lock',
  text: 'SELECT 1 AS locked FROM merchants WHERE id = ? AND mode = ? FOR NO KEY UPDATE',
};
const insert: Statement = {
  name: 'webhook-endpoint-insert',
  text: /* sql */ `
    INSERT INTO webhook_endpoints (id, merchant_id, mode, url, secret, enabled_events)
    SELECT i.* FROM (VALUES (?, ?, ?, ?, ?, ?::text[])) AS i (id, merchant_id, mode, url, secret, enabled_events)
     WHERE (SELECT count(*) FROM webhook_endpoints w
        WHERE w.merchant_id = i.merchant_id AND w.mode = i.mode AND ${notDeleted}) < ?
    RETURNING ${columns}`,
};

/** In the caller's transaction. Undefined where the tenant has as many as it may have. */
export async function insertWebhookEndpoint(
  executor: Executor,
  tenant: Tenant,
  endpoint: { id: string; url: string; secret: string; enabledEvents: readonly WebhookEventType[] },
): Promise<WebhookEndpointRecord | undefined> {
  const { id, url, secret, enabledEvents } = endpoint;
  await runOne(executor, lockTenant, [tenant.merchantId, tenant.mode]);
  const values = [id, tenant.merchantId, tenant.mode, url, secret, enabledEvents, MOST_WEBHOOK_ENDPOINTS];
  const [row] = await run<EndpointRow>(executor, insert, values);
  return row && fromRow(row);
}

const selectOne: Statement = {
  name: 'webhook-endpoint-by-id',
  text: `SELECT ${columns} FROM webhook_endpoints WHERE merchant_id = ? AND mode = ? AND id = ? AND ${notDeleted}`,
};

export async function findWebhookEndpoint(
  executor: Executor,
  tenant: Tenant,
  id: string,
): Promise<WebhookEndpointRecord | undefined> {
  const [row] = await run<EndpointRow>(executor, selectOne, [tenant.merchantId, tenant.mode, id]);
  return row && fromRow(row);
}

/** A page, newest first; cursors are endpoint ids. */
export async function listWebhookEndpoints(
  executor: Executor,
  tenant: Tenant,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<WebhookEndpointRecord[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const statement: Statement = {
    name: backwards ? 'webhook-endpoints-before' : 'webhook-endpoints-after',
    text: /* sql */ `
      SELECT ${columns} FROM webhook_endpoints WHERE merchant_id = ? AND mode = ? AND ${notDeleted}
         AND (? = '' OR id ${backwards ? '>' : '<'} ?) ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, cursor, cursor, page.limit];
  const rows = await run<EndpointRow>(executor, statement, values);
  return (backwards ? rows.reverse() : rows).map(fromRow);
}

const disable: Statement = {
  name: 'webhook-endpoint-delete',
  text: /* sql */ `
    UPDATE webhook_endpoints SET disabled_at = coalesce(disabled_at, now()), disabled_because = 'deleted'
     WHERE merchant_id = ? AND mode = ? AND id = ? AND ${notDeleted} RETURNING id`,
};

/** False where there is none of that id. */
export async function deleteWebhookEndpoint(
  executor: Executor,
  tenant: Tenant,
  id: string,
): Promise<boolean> {
  return (await run(executor, disable, [tenant.merchantId, tenant.mode, id])).length === 1;
}

function fromRow(row: EndpointRow): WebhookEndpointRecord {
  return {
    id: row.id,
    url: row.url,
    enabledEvents: row.enabled_events,
    createdAtMs: row.created_at.getTime(),
    disabledAtMs: row.disabled_at?.getTime() ?? null,
  };
}
