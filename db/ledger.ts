import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

const moneyPostedStatement: Statement = {
  name: 'ledger-money-posted',
  text: /* sql */ `
    SELECT coalesce(sum(e.amount_minor), 0) AS posted_minor
      FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
     WHERE t.operation_id = ? AND (t.fact = 'paid' OR t.fact LIKE 'more_paid:%')
       AND e.account LIKE 'provider:%' AND e.currency = ?`,
};

/** What the ledger has of the money that a provider took for an operation, in minor units of `currency`. */
export async function moneyPosted(
  executor: Executor,
  operationId: string,
  currency: string,
): Promise<number> {
  const [row] = await run<{ posted_minor: string }>(executor, moneyPostedStatement, [operationId, currency]);
  return Number(row?.posted_minor ?? 0);
}
