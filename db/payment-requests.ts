import type { NewEvent } from '../domain/events.js';
import { openOperation, type PaymentFacts } from '../domain/payment-facts.js';
import type { RoutingChoice } from '../domain/payment-resource.js';
import type { PlannedOperation } from '../domain/plan-operation.js';
import type { Database, Executor } from './connect.js';
import { recordEvents } from './events.js';
import type { IdempotencyScope } from './idempotency.js';
import { cancelUnoffered, insertOperation, lockOperations, updateGuarded } from './operations.js';
import { run, type Statement } from './statement.js';
import { inTransaction, uniqueViolation } from './transaction.js';

/** A merchant's request about a payment that exists: who asks, under which key, and when it falls due. */
export interface PaymentRequest {
  readonly scope: IdempotencyScope;
  readonly fingerprint: string;
  /** The API key's id. */
  readonly requestedBy: string;
  readonly nowMs: number;
  /** When the sweeper steps in, should the workflow not have heard of it by then. */
  readonly dueAtMs: number;
}

/** `replayed`: this key was used before, or is being used; nothing was written. */
export type RequestResult = { kind: 'requested'; payment: PaymentFacts } | { kind: 'replayed' };

export class KeyTaken extends Error {}

/**
 * Records that a payment is to be canceled. The answer is a 202 by nature (the provider has to confirm first),
 * so its key is marked as accepted at once. Throws ConcurrentChangeError where the payment is no longer as read.
 */
export function requestCancel(
  database: Database,
  payment: PaymentFacts,
  request: PaymentRequest,
): Promise<RequestResult> {
  return unlessKeyTaken(() =>
    inTransaction(database, async (trx) => {
      await insertKey(trx, payment, request, { successStatus: 200, accepted: true });
      if (payment.cancelRequested) return { kind: 'requested', payment };
      return { kind: 'requested', payment: await recordCancel(trx, payment, request) };
    }),
  );
}

/** The cancel itself, whoever asks for it. Throws ConcurrentChangeError where the payment is no longer as read. */
export async function recordCancel(
  trx: Executor,
  payment: PaymentFacts,
  request: Pick<PaymentRequest, 'requestedBy' | 'nowMs' | 'dueAtMs'>,
): Promise<PaymentFacts> {
  await lockOperations(trx, payment.record.id);
  const after = withSequence({ ...payment, cancelRequested: true }, 1);
  await updateGuarded(trx, cancelPayment, [
    new Date(request.nowMs),
    request.requestedBy,
    after.record.sequence,
    new Date(request.dueAtMs),
    payment.record.id,
    payment.record.sequence,
  ]);
  await run(trx, pollNow, [new Date(request.nowMs), payment.record.id]);
  await recordEvents(trx, after, [{ type: 'payment.cancel_requested' }], request.nowMs);
  return after;
}

export interface NextAttempt {
  readonly method: string;
  /** Null leaves the payment's own as it is. */
  readonly returnUrl: string | null;
  readonly routing: RoutingChoice | null;
  readonly operation: PlannedOperation;
}

/**
 * Plans the next attempt. An operation that is open must be one whose offer was never committed; it is canceled
 * in the same transaction (payment model, rule 1), and a later answer to it is dropped. `attempt_open` where
 * another attempt came first. Throws ConcurrentChangeError where the payment is no longer as read.
 */
export async function confirmPayment(
  database: Database,
  payment: PaymentFacts,
  request: PaymentRequest,
  next: NextAttempt,
): Promise<RequestResult | { kind: 'attempt_open' }> {
  const abandoned = openOperation(payment);
  const events: NewEvent[] = [{ type: 'payment.confirmed' }];
  if (abandoned) {
    events.unshift({ type: 'operation.canceled', detail: { id: abandoned.id, status: 'canceled' } });
  }
  const after = afterConfirm(payment, next, abandoned?.id, events.length);
  try {
    return await unlessKeyTaken(() =>
      inTransaction(database, async (trx) => {
        await insertKey(trx, payment, request, { successStatus: 200, accepted: false });
        await lockOperations(trx, payment.record.id);
        if (abandoned) await cancelUnoffered(trx, abandoned);
        await updateGuarded(trx, reopenPayment, [
          next.method,
          next.returnUrl,
          next.routing?.version ?? null,
          next.routing?.rule ?? null,
          after.record.sequence,
          new Date(request.dueAtMs),
          payment.record.id,
          payment.record.sequence,
        ]);
        await insertOperation(trx, payment, next.operation, request.nowMs);
        await recordEvents(trx, after, events, request.nowMs);
        return { kind: 'requested', payment: after };
      }),
    );
  } catch (error) {
    if (uniqueViolation(error) === 'operations_one_open') return { kind: 'attempt_open' };
    throw error;
  }
}

function afterConfirm(
  payment: PaymentFacts,
  next: NextAttempt,
  abandonedId: string | undefined,
  events: number,
): PaymentFacts {
  const { id, number, kind, provider, accountId } = next.operation;
  const { amountMinor } = payment.record;
  const known = payment.record.operations.map((operation) =>
    operation.id === abandonedId ? { ...operation, status: 'canceled' as const } : operation,
  );
  const asPlanned = { status: 'planned' as const, amountMinor, offer: null, lastError: null };
  const planned = { id, number, provider, accountId, kind, ...asPlanned, captureBeforeMs: null };
  return withSequence(
    {
      ...payment,
      record: {
        ...payment.record,
        method: next.method,
        routing: next.routing,
        status: 'processing',
        outcome: payment.record.outcome === 'review' ? 'review' : 'known',
        lastError: null,
        operations: [...known, planned],
      },
    },
    events,
  );
}

export function withSequence(payment: PaymentFacts, events: number): PaymentFacts {
  return { ...payment, record: { ...payment.record, sequence: payment.record.sequence + events } };
}

export async function unlessKeyTaken<T>(work: () => Promise<T>): Promise<T | { kind: 'replayed' }> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof KeyTaken) return { kind: 'replayed' };
    throw error;
  }
}

const insertKeyStatement: Statement = {
  name: 'request-insert-key',
  text: /* sql */ `
    INSERT INTO idempotency_keys
      (merchant_id, mode, route, key, fingerprint, object_id, payment_id, success_status, accepted_at)
    VALUES (?, ?, ?, ?, decode(?, 'hex'), ?, ?, ?, CASE WHEN ?::boolean THEN now() END)
    ON CONFLICT DO NOTHING RETURNING 1 AS inserted`,
};

export async function insertKey(
  trx: Executor,
  payment: PaymentFacts,
  request: PaymentRequest,
  answer: { successStatus: number; accepted: boolean },
): Promise<void> {
  const { tenant, route, key } = request.scope;
  const { id } = payment.record;
  const values = [tenant.merchantId, tenant.mode, route, key, request.fingerprint, id, id];
  const inserted = await run(trx, insertKeyStatement, [...values, answer.successStatus, answer.accepted]);
  if (inserted.length === 0) throw new KeyTaken();
}

const cancelPayment: Statement = {
  name: 'request-cancel-payment',
  text: /* sql */ `
    UPDATE payments SET cancel_requested_at = ?, cancel_requested_by = ?, sequence = ?, due_at = ?
     WHERE id = ? AND sequence = ? AND cancel_requested_at IS NULL AND ended_at IS NULL RETURNING id`,
};

const pollNow: Statement = {
  name: 'request-poll-now',
  text: /* sql */ `
    UPDATE operations SET next_poll_at = ?
     WHERE payment_id = ? AND status IN ('planned', 'sent', 'action_required', 'pending', 'unknown', 'review')`,
};

const reopenPayment: Statement = {
  name: 'request-confirm-payment',
  text: /* sql */ `
    UPDATE payments SET method = ?, return_url = coalesce(?, return_url), routing_version = ?, routing_rule = ?,
           sequence = ?, due_at = ?,
           status = 'processing', outcome = CASE outcome WHEN 'review' THEN outcome ELSE 'known' END, last_error = NULL
     WHERE id = ? AND sequence = ? AND cancel_requested_at IS NULL AND ended_at IS NULL RETURNING id`,
};
