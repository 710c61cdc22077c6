import type { PaymentFacts } from '../domain/payment-facts.js';
import { isEnded } from '../domain/payment.js';
import type { Database } from './connect.js';
import { recordEvents } from './events.js';
import { run, type Statement } from './statement.js';
import { ConcurrentChangeError, inTransaction } from './transaction.js';

const cancel: Statement = {
  name: 'operator-cancel',
  text: /* sql */ `
    WITH polled AS (
      UPDATE operations SET next_poll_at = ? WHERE payment_id = ?
         AND status IN ('planned', 'sent', 'action_required', 'pending', 'unknown', 'review'))
    UPDATE payments SET cancel_requested_at = ?, cancel_requested_by = 'operator', sequence = ?, due_at = ?
     WHERE id = ? AND sequence = ? AND cancel_requested_at IS NULL AND ended_at IS NULL RETURNING id`,
};

/** Does nothing where a cancel was asked for already or the payment has ended. Throws ConcurrentChangeError. */
export async function requestCancelByOperator(
  database: Database,
  payment: PaymentFacts,
  nowMs: number,
): Promise<PaymentFacts> {
  if (payment.cancelRequested || isEnded(payment.record.status)) return payment;
  const { id, sequence } = payment.record;
  const after: PaymentFacts = {
    ...payment,
    cancelRequested: true,
    record: { ...payment.record, sequence: sequence + 1 },
  };
  const now = new Date(nowMs);
  return inTransaction(database, async (trx) => {
    const rows = await run(trx, cancel, [now, id, now, sequence + 1, now, id, sequence]);
    if (rows.length !== 1) throw new ConcurrentChangeError(`payment ${id} was changed by somebody else`);
    await recordEvents(trx, after, [{ type: 'payment.cancel_requested' }], nowMs);
    return after;
  });
}
