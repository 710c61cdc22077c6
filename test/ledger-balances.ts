import type { House } from './house.js';

/** What the ledger holds for one payment, by account; accounts at zero are left out. */
export async function ledgerBalances(house: House, paymentId: string): Promise<Record<string, number>> {
  const { rows } = await house.sql.query<{ account: string; total: string }>(
    `SELECT e.account, sum(e.amount_minor)::text AS total
       FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
       JOIN operations o ON o.id = t.operation_id
      WHERE o.payment_id = $1 GROUP BY e.account HAVING sum(e.amount_minor) <> 0`,
    [paymentId],
  );
  return Object.fromEntries(rows.map((row) => [row.account, Number(row.total)]));
}

/** Invariant I1: whatever happened, everything sums to zero, and the provider account equals the journal. */
export async function ledgerTotals(house: House): Promise<{ sum: number; provider: number }> {
  const { rows } = await house.sql.query<{ sum: string; provider: string }>(
    `SELECT coalesce(sum(amount_minor), 0)::text AS sum,
            coalesce(sum(amount_minor) FILTER (WHERE account LIKE 'provider:%'), 0)::text AS provider
       FROM ledger_entries`,
  );
  return { sum: Number(rows[0]?.sum), provider: Number(rows[0]?.provider) };
}
