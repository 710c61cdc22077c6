import { randomBytes } from 'node:crypto';
import { makeId } from '../domain/ids.js';
import type { PaymentFacts } from '../domain/payment-facts.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

const insertEntitlements: Statement = {
  name: 'entitlements-grant',
  text: /* sql */ `
    INSERT INTO entitlements
      (id, merchant_id, mode, payer_id, product_id, payment_id, line_position, repeatable, status)
    SELECT e.id, ?, ?, ?, e.product, ?, e.position, e.repeatable, 'granted'
      FROM jsonb_to_recordset(?) AS e (id text, product text, position integer, repeatable boolean)`,
};

/** Opens what was bought: one entitlement per order line, in the transaction that makes the payment paid. */
export async function grantEntitlements(
  executor: Executor,
  payment: PaymentFacts,
  nowMs: number,
): Promise<void> {
  if (payment.lines.length === 0) return;
  const rows = payment.lines.map((line) => ({
    id: makeId('entitlement', nowMs, randomBytes(10)),
    product: line.product,
    position: line.position,
    repeatable: line.repeatable,
  }));
  const { merchantId, mode } = payment.tenant;
  const { id, payerId } = payment.record;
  await run(executor, insertEntitlements, [merchantId, mode, payerId, id, JSON.stringify(rows)]);
}

const deleteClaims: Statement = {
  name: 'claims-release',
  text: 'DELETE FROM purchase_claims WHERE payment_id = ?',
};

/** Gives back the reservations of a payment that ended unpaid, so that the payer can buy again. */
export async function releaseClaims(executor: Executor, paymentId: string): Promise<void> {
  await run(executor, deleteClaims, [paymentId]);
}
