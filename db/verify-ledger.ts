import type { Executor } from './connect.js';
import { run, runOne, type Statement } from './statement.js';

const selectDifferences: Statement = {
  name: 'ledger-verify',
  text: /* sql */ `
    SELECT merchant_id AS "merchantId", mode, transaction_id AS "transactionId", currency,
           sum(amount_minor)::text AS "sumMinor"
      FROM ledger_entries GROUP BY merchant_id, mode, transaction_id, currency HAVING sum(amount_minor) <> 0
     ORDER BY transaction_id, currency`,
};

const countTransactions: Statement = {
  name: 'ledger-count',
  text: 'SELECT count(*) AS transactions FROM ledger_transactions',
};

/** A transaction that does not sum to zero. The database refuses one; the verifier does not take its word. */
export interface LedgerDifference {
  readonly merchantId: string;
  readonly mode: string;
  readonly transactionId: number;
  readonly currency: string;
  readonly sumMinor: string;
}

export async function verifyLedger(
  executor: Executor,
): Promise<{ transactions: number; differences: LedgerDifference[] }> {
  const differences = await run<LedgerDifference>(executor, selectDifferences, []);
  const { transactions } = await runOne<{ transactions: number }>(executor, countTransactions, []);
  return { transactions, differences };
}
