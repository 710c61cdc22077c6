import type { PlannedFollowUp } from '../domain/follow-up.js';
import type { NewEvent } from '../domain/events.js';
import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import type { Database, Executor } from './connect.js';
import { recordEvents } from './events.js';
import { lockOperations, updateGuarded } from './operations.js';
import { insertKey, unlessKeyTaken, withSequence } from './payment-requests.js';
import type { PaymentRequest, RequestResult } from './payment-requests.js';
import { run, type Statement } from './statement.js';
import { ConcurrentChangeError, inTransaction, uniqueViolation } from './transaction.js';

const insert: Statement = {
  name: 'follow-up-insert',
  text: /* sql */ `
    INSERT INTO operations (id, merchant_id, mode, payment_id, number, kind, of_operation_id, provider, account_id,
      provider_key, amount_minor, currency, status, replay_for_ms, offer_ends_at, conclusive_after, deadline_at,
      next_poll_at)
    SELECT ?, merchant_id, mode, payment_id, ?, ?, id, provider, account_id, ?, ?, currency, 'planned', ?, ?, ?, ?, ?
      FROM operations WHERE id = ?`,
};

/** In the caller's transaction, which has locked the payment's operations. */
export async function insertFollowUp(trx: Executor, planned: PlannedFollowUp, nowMs: number): Promise<void> {
  const { id, number, kind, providerKey, amountMinor, replayForMs } = planned;
  const instants = [planned.sendableUntilMs, planned.conclusiveAfterMs, planned.deadlineMs, nowMs];
  await run(trx, insert, [
    ...[id, number, kind, providerKey, amountMinor, replayForMs],
    ...instants.map((instant) => new Date(instant)),
    planned.ofOperationId,
  ]);
}

const captureRequested: Statement = {
  name: 'request-capture-payment',
  text: /* sql */ `
    UPDATE payments SET sequence = ?, due_at = ?, status = 'processing', last_error = NULL
     WHERE id = ? AND sequence = ? AND status = 'requires_capture' AND cancel_requested_at IS NULL RETURNING id`,
};

/**
 * Records that held money is to be taken, and plans the capture. Throws ConcurrentChangeError where the payment is no
 * longer as read; so it does where a void came first.
 */
export function requestCapture(
  database: Database,
  payment: PaymentFacts,
  request: PaymentRequest,
  planned: PlannedFollowUp,
): Promise<RequestResult> {
  const { record } = payment;
  const { id, number, kind, provider, accountId, amountMinor } = planned;
  const status = 'planned' as const;
  const operation = { id, number, kind, provider, accountId, amountMinor, status, lastError: null };
  const operations = [...record.operations, { ...operation, offer: null, captureBeforeMs: null }];
  const changed = {
    ...payment,
    record: { ...record, status: 'processing' as const, lastError: null, operations },
  };
  const after = withSequence(changed, 1);
  const detail = { operation: id, amount: amountMinor };
  return unlessKeyTaken(() =>
    planning(() =>
      inTransaction(database, async (trx) => {
        await insertKey(trx, payment, request, { successStatus: 200, accepted: false });
        await lockOperations(trx, record.id);
        const due = new Date(request.dueAtMs);
        await updateGuarded(trx, captureRequested, [after.record.sequence, due, record.id, record.sequence]);
        await insertFollowUp(trx, planned, request.nowMs);
        await recordEvents(trx, after, [{ type: 'payment.capture_requested', detail }], request.nowMs);
        return { kind: 'requested', payment: after };
      }),
    ),
  );
}

const nextSequence: Statement = {
  name: 'payment-held-next-sequence',
  text: /* sql */ `
    UPDATE payments SET sequence = ? WHERE id = ? AND sequence = ? AND status = 'requires_capture' RETURNING id`,
};

/** Plans that held money is let go. Throws ConcurrentChangeError where the payment is no longer as read. */
export function planVoid(
  database: Database,
  payment: PaymentFacts,
  planned: PlannedFollowUp,
  nowMs: number,
): Promise<void> {
  const { id, sequence } = payment.record;
  const events: NewEvent[] = [{ type: 'operation.void_planned', detail: { id: planned.id } }];
  return planning(() =>
    inTransaction(database, async (trx) => {
      await lockOperations(trx, id);
      await updateGuarded(trx, nextSequence, [sequence + 1, id, sequence]);
      await insertFollowUp(trx, planned, nowMs);
      await recordEvents(trx, withSequence(payment, 1), events, nowMs);
    }),
  );
}

/** The unique index spoke first: somebody else has planned what excludes this. */
async function planning<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const constraint = uniqueViolation(error);
    if (constraint === 'operations_one_settling' || constraint === 'operations_payment_id_number_key') {
      throw new ConcurrentChangeError('another act on the same money was planned first');
    }
    throw error;
  }
}

const recordPollStatement: Statement = {
  name: 'follow-up-polled',
  text: /* sql */ `
    WITH operation AS (
      UPDATE operations SET next_poll_at = ?, poll_count = poll_count + 1, asked_at = ?
       WHERE id = ? AND date_trunc('milliseconds', next_poll_at) = ? RETURNING id, payment_id, kind),
    refund AS (
      UPDATE refunds r SET due_at = ? FROM operation WHERE r.operation_id = operation.id AND r.due_at IS NOT NULL)
    UPDATE payments p SET due_at = ?
      FROM operation WHERE p.id = operation.payment_id AND operation.kind <> 'refund' AND p.due_at IS NOT NULL`,
};

/** The provider was asked and said nothing new: when to ask again, and when the sweeper steps in. */
export async function recordFollowUpPoll(
  executor: Executor,
  operation: OperationFacts,
  poll: { askedAtMs: number; nextPollMs: number; dueAtMs: number },
): Promise<void> {
  const due = new Date(poll.dueAtMs);
  const asked = [new Date(poll.nextPollMs), new Date(poll.askedAtMs)];
  await run(executor, recordPollStatement, [
    ...asked,
    operation.id,
    new Date(operation.nextPollMs),
    due,
    due,
  ]);
}
