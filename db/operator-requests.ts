import type { PaymentFacts } from '../domain/payment-facts.js';
import { isEnded } from '../domain/payment.js';
import type { Database } from './connect.js';
import { recordCancel } from './payment-requests.js';
import { inTransaction } from './transaction.js';

/** Does nothing where a cancel was asked for already or the payment has ended. Throws ConcurrentChangeError. */
export async function requestCancelByOperator(
  database: Database,
  payment: PaymentFacts,
  nowMs: number,
): Promise<PaymentFacts> {
  if (payment.cancelRequested || isEnded(payment.record.status)) return payment;
  const request = { requestedBy: 'operator', nowMs, dueAtMs: nowMs };
  return inTransaction(database, (trx) => recordCancel(trx, payment, request));
}
