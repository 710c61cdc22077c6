import type { PaymentFacts } from '../domain/payment-facts.js';
import type { PlannedOperation } from '../domain/plan-operation.js';
import type { Executor } from './connect.js';
import { plannedColumns, plannedInput } from './planned-operation.js';
import { run, type Statement } from './statement.js';
import { ConcurrentChangeError } from './transaction.js';

const lock: Statement = {
  name: 'operations-lock',
  text: 'SELECT id FROM operations WHERE payment_id = ? ORDER BY number FOR NO KEY UPDATE',
};

/** Operations before the payment, as everybody who writes both: the other order could deadlock. */
export async function lockOperations(trx: Executor, paymentId: string): Promise<void> {
  await run(trx, lock, [paymentId]);
}

const insert: Statement = {
  name: 'operation-insert',
  text: /* sql */ `
    INSERT INTO operations (id, merchant_id, mode, payment_id, number, kind, provider, account_id, provider_key,
      amount_minor, currency, status, flow, payment_token, fallbacks, refused_funding, replay_for_ms, offer_ends_at,
      conclusive_after, deadline_at, next_poll_at)
    SELECT o.id, p.merchant_id, p.mode, p.id, o.number, o.kind, o.provider, o.account_id, o.provider_key,
      p.amount_minor, p.currency, 'planned', o.flow, o.payment_token, o.fallbacks, o.refused_funding, o.replay_for_ms,
      o.offer_ends_at, o.conclusive_after, o.deadline_at, ?
      FROM payments p, jsonb_to_record(?) AS o (${plannedColumns}) WHERE p.id = ?`,
};

/** Plans an operation that collects the whole of its payment. */
export async function insertOperation(
  trx: Executor,
  payment: PaymentFacts,
  planned: PlannedOperation,
  nowMs: number,
): Promise<void> {
  const values = [new Date(nowMs), JSON.stringify(plannedInput(planned)), payment.record.id];
  await run(trx, insert, values);
}

const cancel: Statement = {
  name: 'operation-cancel',
  text: /* sql */ `
    UPDATE operations SET status = 'canceled', ended_at = now(), payment_token = NULL, fallbacks = NULL,
        return_details = NULL
     WHERE id = ? AND status = ? AND offer IS NULL AND advance_taken_at IS NULL RETURNING id`,
};

/** Ends an operation whose offer, if there is one, nobody can have seen (payment model, rule 1). */
export async function cancelUnoffered(
  trx: Executor,
  operation: { readonly id: string; readonly status: string },
): Promise<void> {
  await updateGuarded(trx, cancel, [operation.id, operation.status]);
}

/** Throws ConcurrentChangeError where the one row is not as it was read. */
export async function updateGuarded(
  trx: Executor,
  statement: Statement,
  values: Parameters<typeof run>[2],
): Promise<void> {
  const rows = await run(trx, statement, values);
  if (rows.length !== 1) throw new ConcurrentChangeError(`${statement.name} found the payment changed`);
}
