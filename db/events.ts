import { randomBytes } from 'node:crypto';
import type { NewEvent } from '../domain/events.js';
import { makeId } from '../domain/ids.js';
import type { PaymentFacts } from '../domain/payment-facts.js';
import { toInstant, toPaymentResource } from '../domain/payment-resource.js';
import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

const insertEvents: Statement = {
  name: 'events-insert',
  text: /* sql */ `
    WITH fresh AS (
      INSERT INTO events (id, merchant_id, mode, payment_id, type, sequence, data)
      SELECT id, ?, ?, ?, type, sequence, data
        FROM jsonb_to_recordset(?) AS e (id text, type text, sequence integer, data jsonb)
      RETURNING id, type)
    INSERT INTO webhook_deliveries (merchant_id, mode, event_id, endpoint_id, due_at)
    SELECT w.merchant_id, w.mode, fresh.id, w.id, now()
      FROM fresh JOIN webhook_endpoints w
        ON w.merchant_id = ? AND w.mode = ? AND w.disabled_at IS NULL AND fresh.type = ANY (w.enabled_events)`,
};

/**
 * Adds to a payment's timeline, and to the outbox of every endpoint that asked for the type, in the caller's
 * transaction. `payment` is the state after the change; its `sequence` is the last event's.
 */
export async function recordEvents(
  executor: Executor,
  payment: PaymentFacts,
  events: readonly NewEvent[],
  nowMs: number,
): Promise<void> {
  if (events.length === 0) return;
  const { tenant, record } = payment;
  await run(executor, insertEvents, [
    tenant.merchantId,
    tenant.mode,
    record.id,
    JSON.stringify(eventRows(payment, events, nowMs)),
    tenant.merchantId,
    tenant.mode,
  ]);
}

/** As `recordEvents` writes them, for a statement that writes more than events. */
export function eventRows(payment: PaymentFacts, events: readonly NewEvent[], nowMs: number) {
  const first = payment.record.sequence - events.length + 1;
  return events.map((event, index) => ({
    id: makeId('event', nowMs, randomBytes(10)),
    type: event.type,
    sequence: first + index,
    data: eventData(payment, event, first + index),
  }));
}

function eventData(payment: PaymentFacts, event: NewEvent, sequence: number): Record<string, unknown> {
  if (event.type.startsWith('payment.')) {
    return { object: { ...toPaymentResource(payment.record), sequence }, ...event.detail };
  }
  return { object: { ...event.detail, payment: payment.record.id, sequence } };
}

export interface TimelineEvent {
  readonly id: string;
  readonly type: string;
  readonly sequence: number;
  readonly created_at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const selectTimeline: Statement = {
  name: 'events-of-payment',
  text: /* sql */ `
    SELECT id, type, sequence, data, created_at FROM events
     WHERE merchant_id = ? AND mode = ? AND payment_id = ? ORDER BY sequence, id`,
};

/** A payment's story, oldest first. */
export async function paymentTimeline(
  executor: Executor,
  tenant: Tenant,
  paymentId: string,
): Promise<TimelineEvent[]> {
  const values = [tenant.merchantId, tenant.mode, paymentId];
  const rows = await run<Omit<TimelineEvent, 'created_at'> & { created_at: Date }>(
    executor,
    selectTimeline,
    values,
  );
  return rows.map((row) => ({ ...row, created_at: toInstant(row.created_at.getTime()) }));
}
