import type { PaymentStatus } from '../domain/payment.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** The operation that a payer comes back from, as far as the way back needs to know it. */
export interface ReturnTarget {
  readonly paymentId: string;
  readonly operationId: string;
  readonly method: string;
  readonly paymentStatus: PaymentStatus;
  /** The merchant's page; null where they named none. */
  readonly returnUrl: string | null;
}

const selectTarget: Statement = {
  name: 'return-target',
  text: /* sql */ `
    SELECT p.id AS "paymentId", o.id AS "operationId", p.method, p.status AS "paymentStatus",
           p.return_url AS "returnUrl"
      FROM operations o JOIN payments p ON p.id = o.payment_id
     WHERE o.account_id = ? AND o.provider_key = ?`,
};

/** Undefined where no operation of that account has that reference. */
export async function findReturnTarget(
  executor: Executor,
  accountId: string,
  providerKey: string,
): Promise<ReturnTarget | undefined> {
  const [target] = await run<ReturnTarget>(executor, selectTarget, [accountId, providerKey]);
  return target;
}

/**
 * The provider is asked at once, unless it just was: a page that is loaded again and again is no reason to ask again
 * and again.
 */
const askNow: Statement = {
  name: 'return-ask-now',
  text: /* sql */ `
    UPDATE operations SET next_poll_at = ?
     WHERE id = ? AND status IN ('sent', 'action_required', 'pending', 'unknown')
       AND (asked_at IS NULL OR asked_at < now() - interval '1 second')`,
};

export async function pollAfterReturn(executor: Executor, operationId: string, nowMs: number): Promise<void> {
  await run(executor, askNow, [new Date(nowMs), operationId]);
}
