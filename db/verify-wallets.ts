import type { Executor } from './connect.js';
import { run, runOne, type Statement } from './statement.js';

const selectDifferences: Statement = {
  name: 'wallets-verify',
  text: /* sql */ `
    WITH entries AS (
      SELECT merchant_id, mode, currency, account, sum(amount_minor) AS total FROM ledger_entries
       WHERE account ^@ 'wallet:' OR account ^@ 'wallet_held:' OR account ^@ 'provider:wallet:'
       GROUP BY merchant_id, mode, currency, account),
    movements AS (
      SELECT merchant_id, mode, currency, payer_id, sum(balance_change_minor) AS balance,
             sum(held_change_minor) AS held
        FROM wallet_movements GROUP BY merchant_id, mode, currency, payer_id),
    expected AS (
      SELECT merchant_id, mode, currency, 'wallet:' || payer_id AS account, -balance_minor AS total FROM wallets
       UNION ALL
      SELECT merchant_id, mode, currency, 'wallet_held:' || payer_id, -held_minor FROM wallets),
    moved AS (
      SELECT merchant_id, mode, currency, 'wallet:' || payer_id AS account, -balance AS total FROM movements
       UNION ALL
      SELECT merchant_id, mode, currency, 'wallet_held:' || payer_id, -held FROM movements)
    SELECT merchant_id AS "merchantId", mode, currency, account, coalesce(x.total, 0)::text AS "rowMinor",
           coalesce(m.total, 0)::text AS "movementsMinor", coalesce(e.total, 0)::text AS "entriesMinor"
      FROM expected x FULL JOIN moved m USING (merchant_id, mode, currency, account)
      FULL JOIN entries e USING (merchant_id, mode, currency, account)
     WHERE coalesce(e.total, 0) <> coalesce(x.total, 0) OR coalesce(m.total, 0) <> coalesce(x.total, 0)
     ORDER BY 1, 2, 3, 4`,
};

/** An account whose balance is not what its entries add up to: nothing but a defect makes one. */
export interface WalletDifference {
  readonly merchantId: string;
  readonly mode: string;
  readonly currency: string;
  readonly account: string;
  /** What the three say of one account: its row, its movements and its ledger entries, which owe the payer below zero. */
  readonly rowMinor: string;
  readonly movementsMinor: string;
  readonly entriesMinor: string;
}

/**
 * Computes every wallet's balance again from its movements and from its ledger entries, all in one snapshot. The
 * wallet as a provider owes nobody anything: what a payment was posted with is booked by the same statement.
 */
export async function verifyWallets(
  executor: Executor,
): Promise<{ wallets: number; differences: WalletDifference[] }> {
  const differences = await run<WalletDifference>(executor, selectDifferences, []);
  const { wallets } = await runOne<{ wallets: number }>(executor, countWallets, []);
  return { wallets, differences };
}

const countWallets: Statement = { name: 'wallets-count', text: 'SELECT count(*) AS wallets FROM wallets' };
