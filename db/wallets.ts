import { MAX_AMOUNT_MINOR } from '../domain/money.js';
import type { Tenant } from '../domain/tenant.js';
import {
  walletFundingAccount,
  type Wallet,
  type WalletMovement,
  type WalletMovementKind,
} from '../domain/wallet.js';
import { recordAudit } from './audit.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';
import { movementRow } from './wallet-movement-parts.js';

const walletColumns = /* sql */ `payer_id AS "payerId", currency, balance_minor AS "balanceMinor",
  held_minor AS "heldMinor", credit_limit_minor AS "creditLimitMinor"`;

const selectWallets: Statement = {
  name: 'wallets-of-payer',
  text: `SELECT ${walletColumns} FROM wallets WHERE merchant_id = ? AND mode = ? AND payer_id = ? ORDER BY currency`,
};

/** A payer's wallets at a merchant, one for each currency. */
export function findWallets(executor: Executor, tenant: Tenant, payerId: string): Promise<Wallet[]> {
  return run<Wallet>(executor, selectWallets, [tenant.merchantId, tenant.mode, payerId]);
}

/** What a merchant does to a payer's wallet; `actor` is the API key. */
export interface MerchantMovement {
  readonly id: string;
  readonly payerId: string;
  readonly currency: string;
  readonly movement: WalletMovement;
  readonly actor: string;
  readonly description: string | null;
}

export interface MovementRecord {
  readonly id: string;
  readonly payerId: string;
  readonly currency: string;
  readonly kind: WalletMovementKind;
  readonly balanceChangeMinor: number;
  readonly heldChangeMinor: number;
  /** The payment whose operation did it; null where the merchant did. */
  readonly paymentId: string | null;
  readonly description: string | null;
  readonly createdAtMs: number;
}

const ensureWallet: Statement = {
  name: 'wallet-ensure',
  text: /* sql */ `
    INSERT INTO wallets (merchant_id, mode, payer_id, currency) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
};

const bookMovement: Statement = {
  name: 'wallet-book',
  text: /* sql */ `
    WITH m AS MATERIALIZED (SELECT * FROM jsonb_to_record(?) AS m (merchant_id text, mode text, id text, kind text,
      payer_id text, currency text, balance_change bigint, held_change bigint, entries jsonb, actor text,
      description text, most bigint)),
    wallet AS (
      UPDATE wallets w SET balance_minor = w.balance_minor + m.balance_change, updated_at = now()
        FROM m
       WHERE w.merchant_id = m.merchant_id AND w.mode = m.mode AND w.payer_id = m.payer_id
         AND w.currency = m.currency
         AND w.balance_minor + m.balance_change BETWEEN -w.credit_limit_minor AND m.most
      RETURNING w.merchant_id, w.mode),
    movement AS (
      INSERT INTO wallet_movements (id, merchant_id, mode, payer_id, currency, kind, balance_change_minor,
        held_change_minor, actor, description)
      SELECT m.id, w.merchant_id, w.mode, m.payer_id, m.currency, m.kind, m.balance_change, m.held_change, m.actor,
        m.description
        FROM wallet w, m
      RETURNING created_at),
    posting AS (
      INSERT INTO ledger_transactions (merchant_id, mode, wallet_movement_id, fact)
      SELECT w.merchant_id, w.mode, m.id, 'wallet_' || m.kind FROM wallet w, m RETURNING id),
    entry AS (
      INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
      SELECT w.merchant_id, w.mode, posting.id, e.account, e.currency, e."amountMinor"
        FROM wallet w, posting, m,
          jsonb_to_recordset(m.entries) AS e (account text, currency text, "amountMinor" bigint))
    SELECT floor(extract(epoch FROM created_at) * 1000)::bigint AS "createdAtMs" FROM movement`,
};

/**
 * Books what a merchant does to a wallet (which is made where there is none), against what the merchant has put behind
 * it. Undefined, with nothing written, where the wallet does not cover it or would hold more than one may. Audited.
 */
export async function moveByMerchant(
  trx: Executor,
  tenant: Tenant,
  { movement, actor, description, ...of }: MerchantMovement,
): Promise<MovementRecord | undefined> {
  const { merchantId, mode } = tenant;
  const { id, payerId, currency } = of;
  await run(trx, ensureWallet, [merchantId, mode, payerId, currency]);
  const counterAccount = walletFundingAccount(merchantId);
  const row = movementRow(id, movement, { payerId, currency, counterAccount });
  const input = { ...row, merchant_id: merchantId, mode, actor, description, most: MAX_AMOUNT_MINOR };
  const [booked] = await run<{ createdAtMs: number }>(trx, bookMovement, [JSON.stringify(input)]);
  if (!booked) return undefined;
  const action = `wallet.${movement.kind}`;
  const detail = { id, payer: payerId, currency, amount: movement.balanceChangeMinor, description };
  await recordAudit(trx, { tenant, actor, action, detail });
  return { ...of, ...movement, ...booked, paymentId: null, description };
}

const updateCredit: Statement = {
  name: 'wallet-credit',
  text: /* sql */ `
    UPDATE wallets w SET credit_limit_minor = i.credit, updated_at = now()
      FROM (SELECT ?::bigint AS credit) i
     WHERE w.merchant_id = ? AND w.mode = ? AND w.payer_id = ? AND w.currency = ? AND w.balance_minor >= -i.credit
    RETURNING ${walletColumns}`,
};

/** Undefined, and nothing is changed, where more credit than that is in use. Audited. */
export async function setCreditLimit(
  trx: Executor,
  tenant: Tenant,
  credit: { payerId: string; currency: string; limitMinor: number; actor: string },
): Promise<Wallet | undefined> {
  const { payerId, currency, limitMinor, actor } = credit;
  const key = [tenant.merchantId, tenant.mode, payerId, currency];
  await run(trx, ensureWallet, key);
  const [wallet] = await run<Wallet>(trx, updateCredit, [limitMinor, ...key]);
  if (!wallet) return undefined;
  const detail = { payer: payerId, currency, credit_limit: limitMinor };
  await recordAudit(trx, { tenant, actor, action: 'wallet.credit_limit_set', detail });
  return wallet;
}

/** A page of what happened to a payer's wallets, newest first; cursors are movement ids. */
export async function listMovements(
  executor: Executor,
  tenant: Tenant,
  payerId: string,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<MovementRecord[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const statement: Statement = {
    name: backwards ? 'wallet-movements-before' : 'wallet-movements-after',
    text: /* sql */ `
      SELECT m.id, m.payer_id AS "payerId", m.currency, m.kind, m.balance_change_minor AS "balanceChangeMinor",
             m.held_change_minor AS "heldChangeMinor", o.payment_id AS "paymentId", m.description,
             floor(extract(epoch FROM m.created_at) * 1000)::bigint AS "createdAtMs"
        FROM wallet_movements m LEFT JOIN operations o ON o.id = m.operation_id
       WHERE m.merchant_id = ? AND m.mode = ? AND m.payer_id = ?
         AND (? = '' OR m.id ${backwards ? '>' : '<'} ?) ORDER BY m.id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, payerId, cursor, cursor, page.limit];
  const rows = await run<MovementRecord>(executor, statement, values);
  return backwards ? rows.reverse() : rows;
}

const selectBooked: Statement = {
  name: 'wallet-booked',
  text: /* sql */ `
    SELECT m.kind, m.balance_change_minor AS "balanceChangeMinor", m.held_change_minor AS "heldChangeMinor",
           floor(extract(epoch FROM m.created_at) * 1000)::bigint AS "bookedAtMs",
           coalesce(sum(later.balance_change_minor) FILTER (WHERE later.kind = 'refund'), 0)::bigint
             AS "refundedMinor",
           max(later.kind) FILTER (WHERE later.kind IN ('capture', 'release')) AS "endedBy"
      FROM operations o JOIN wallet_movements m ON m.operation_id = o.id
      LEFT JOIN operations f ON f.of_operation_id = o.id
      LEFT JOIN wallet_movements later ON later.operation_id = f.id
     WHERE o.account_id = ? AND o.provider_key = ?
     GROUP BY m.id`,
};

interface Booked extends WalletMovement {
  readonly bookedAtMs: number;
  readonly refundedMinor: number;
  readonly endedBy: 'capture' | 'release' | null;
}

/** The wallet as a provider reads its own books. */
export function createWalletBook(executor: Executor) {
  return {
    async find(accountId: string, providerKey: string): Promise<Booked | undefined> {
      return (await run<Booked>(executor, selectBooked, [accountId, providerKey]))[0];
    },
  };
}
