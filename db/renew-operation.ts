import type { PaymentFacts } from '../domain/payment-facts.js';
import type { PlannedOperation } from '../domain/renew-attempt.js';
import type { Database } from './connect.js';
import { recordEvents } from './events.js';
import { run, type Statement } from './statement.js';
import { ConcurrentChangeError, inTransaction } from './transaction.js';

const renew: Statement = {
  name: 'operation-renew',
  text: /* sql */ `
    WITH old AS (
      UPDATE operations SET status = 'canceled', ended_at = now()
       WHERE id = ? AND status = 'planned' AND offer IS NULL RETURNING payment_id)
    UPDATE payments SET sequence = ? WHERE id = (SELECT payment_id FROM old) AND sequence = ? AND ended_at IS NULL
    RETURNING id`,
};

const insert: Statement = {
  name: 'operation-renew-insert',
  text: /* sql */ `
    INSERT INTO operations (id, merchant_id, mode, payment_id, number, kind, provider, account_id, provider_key,
      amount_minor, currency, status, offer_ends_at, conclusive_after, deadline_at, next_poll_at)
    SELECT ?, merchant_id, mode, id, ?, ?, ?, ?, ?, amount_minor, currency, 'planned', ?, ?, ?, ?
      FROM payments WHERE id = ?`,
};

/**
 * Cancels a planned operation that was never offered, and plans the next, in one transaction (payment model,
 * rule 1). Throws ConcurrentChangeError where the payment is no longer as it was read.
 */
export async function renewOperation(
  database: Database,
  payment: PaymentFacts,
  oldId: string,
  next: PlannedOperation,
  nowMs: number,
): Promise<void> {
  const { id, sequence } = payment.record;
  const after = { ...payment, record: { ...payment.record, sequence: sequence + 1 } };
  await inTransaction(database, async (trx) => {
    const renewed = await run(trx, renew, [oldId, sequence + 1, sequence]);
    if (renewed.length !== 1) throw new ConcurrentChangeError(`payment ${id} was changed by somebody else`);
    const what = [next.id, next.number, next.kind, next.provider, next.accountId, next.providerKey];
    const instants = [next.offerEndsAtMs, next.conclusiveAfterMs, next.deadlineMs, nowMs];
    await run(trx, insert, [...what, ...instants.map((instant) => new Date(instant)), id]);
    await recordEvents(
      trx,
      after,
      [{ type: 'operation.canceled', detail: { id: oldId, renewed_by: next.id } }],
      nowMs,
    );
  });
}
