import { walletEntries, type WalletMovement } from '../domain/wallet.js';

/** An act on a wallet as statements take it: what it changes, and its double entry. */
export function movementRow(
  id: string,
  movement: WalletMovement,
  of: { readonly payerId: string; readonly currency: string; readonly counterAccount: string },
) {
  const { kind, balanceChangeMinor, heldChangeMinor } = movement;
  return {
    id,
    kind,
    payer_id: of.payerId,
    currency: of.currency,
    balance_change: balanceChangeMinor,
    held_change: heldChangeMinor,
    entries: walletEntries(movement, of),
  };
}

const asRow = /* sql */ `jsonb_to_record(i.movement) AS m (id text, kind text, payer_id text, currency text,
          balance_change bigint, held_change bigint, entries jsonb)`;

/**
 * A part of the statement that changes a payment. The wallet is locked after the operation and before anything is
 * written, and its row is matched again after any wait for that lock: what two payments see of one balance is never
 * the same.
 */
export const coveredWallet = {
  table: /* sql */ `,
    wallet_as_read AS MATERIALIZED (
      SELECT w.payer_id FROM operation_as_read r JOIN operations o ON o.id = r.id, input i, ${asRow}, wallets w
       WHERE w.merchant_id = o.merchant_id AND w.mode = o.mode AND w.payer_id = m.payer_id
         AND w.currency = m.currency AND w.held_minor + m.held_change >= 0
         -- Giving back is never refused.
         AND (m.balance_change >= 0 OR w.balance_minor + m.balance_change >= -w.credit_limit_minor)
         FOR NO KEY UPDATE OF w)`,
  condition: `
         AND EXISTS (SELECT FROM wallet_as_read)`,
};

export const bookedMovement = /* sql */ `
    wallet AS (
      UPDATE wallets w SET balance_minor = w.balance_minor + m.balance_change,
        held_minor = w.held_minor + m.held_change, updated_at = now()
        FROM payment, input i, ${asRow}
       WHERE w.merchant_id = payment.merchant_id AND w.mode = payment.mode AND w.payer_id = m.payer_id
         AND w.currency = m.currency
      RETURNING w.merchant_id, w.mode, m.id, m.kind, m.payer_id, m.currency, m.balance_change, m.held_change,
        m.entries),
    wallet_movement AS (
      INSERT INTO wallet_movements (id, merchant_id, mode, payer_id, currency, kind, balance_change_minor,
        held_change_minor, operation_id)
      SELECT w.id, w.merchant_id, w.mode, w.payer_id, w.currency, w.kind, w.balance_change, w.held_change, c.id
        FROM wallet w, operation_change c),
    wallet_posting AS (
      INSERT INTO ledger_transactions (merchant_id, mode, wallet_movement_id, fact)
      SELECT w.merchant_id, w.mode, w.id, 'wallet_' || w.kind FROM wallet w RETURNING id),
    wallet_entry AS (
      INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
      SELECT w.merchant_id, w.mode, t.id, e.account, e.currency, e."amountMinor"
        FROM wallet w, wallet_posting t,
          jsonb_to_recordset(w.entries) AS e (account text, currency text, "amountMinor" bigint))`;
