import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import type { PlannedOperation } from '../domain/plan-operation.js';
import type { Database } from './connect.js';
import { recordEvents } from './events.js';
import { cancelUnoffered, insertOperation, lockOperations, updateGuarded } from './operations.js';
import type { Statement } from './statement.js';
import { inTransaction } from './transaction.js';

const nextSequence: Statement = {
  name: 'payment-next-sequence',
  text: /* sql */ `
    UPDATE payments SET sequence = ? WHERE id = ? AND sequence = ? AND ended_at IS NULL RETURNING id`,
};

/**
 * Cancels a planned operation that was never offered, and plans the next, in one transaction (payment model,
 * rule 1). Throws ConcurrentChangeError where the payment is no longer as it was read.
 */
export async function renewOperation(
  database: Database,
  payment: PaymentFacts,
  old: OperationFacts,
  next: PlannedOperation,
  nowMs: number,
): Promise<void> {
  const { id, sequence } = payment.record;
  const after = { ...payment, record: { ...payment.record, sequence: sequence + 1 } };
  const detail = { id: old.id, renewed_by: next.id };
  await inTransaction(database, async (trx) => {
    await lockOperations(trx, id);
    await cancelUnoffered(trx, old);
    await updateGuarded(trx, nextSequence, [sequence + 1, id, sequence]);
    await insertOperation(trx, payment, next, nowMs);
    await recordEvents(trx, after, [{ type: 'operation.canceled', detail }], nowMs);
  });
}
