import type { PaymentOutcome, PaymentStatus } from '../domain/payment.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** As much of a payment as waiting callers need to know. */
export interface PaymentProgress {
  readonly paymentId: string;
  readonly status: PaymentStatus;
  readonly outcome: PaymentOutcome;
  /** Some request's answer is still to be stored. */
  readonly isUnanswered: boolean;
}

const selectProgress: Statement = {
  name: 'payments-progress',
  text: /* sql */ `
    SELECT p.id AS "paymentId", p.status, p.outcome,
           EXISTS (SELECT FROM idempotency_keys k WHERE k.payment_id = p.id AND k.status IS NULL
             AND k.accepted_at IS NULL) AS "isUnanswered"
      FROM payments p WHERE p.id = ANY (?)`,
};

export function readProgress(executor: Executor, paymentIds: readonly string[]): Promise<PaymentProgress[]> {
  return run<PaymentProgress>(executor, selectProgress, [paymentIds]);
}
