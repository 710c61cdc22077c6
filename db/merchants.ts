import type { Mode, Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

export interface NewMerchant {
  readonly tenant: Tenant;
  readonly name: string;
  readonly defaultCurrency: string;
  readonly timeZone: string;
}

const insertMerchant: Statement = {
  name: 'merchant-insert',
  text: /* sql */ `
    INSERT INTO merchants (id, mode, name, default_currency, time_zone) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
};

/** Leaves a merchant that is there already as it is. */
export async function ensureMerchant(executor: Executor, merchant: NewMerchant): Promise<void> {
  const { tenant, name, defaultCurrency, timeZone } = merchant;
  await run(executor, insertMerchant, [tenant.merchantId, tenant.mode, name, defaultCurrency, timeZone]);
}

const selectMerchant: Statement = {
  name: 'merchant-exists',
  text: 'SELECT 1 AS found FROM merchants WHERE id = ? AND mode = ?',
};

export async function merchantExists(executor: Executor, tenant: Tenant): Promise<boolean> {
  return (await run(executor, selectMerchant, [tenant.merchantId, tenant.mode])).length === 1;
}

const upsertLimits: Statement = {
  name: 'merchant-limits-upsert',
  text: /* sql */ `
    INSERT INTO merchant_limits (merchant_id, mode, currency, per_payment_minor, per_day_minor)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (merchant_id, mode, currency) DO UPDATE
      SET per_payment_minor = coalesce(excluded.per_payment_minor, merchant_limits.per_payment_minor),
          per_day_minor = coalesce(excluded.per_day_minor, merchant_limits.per_day_minor)`,
};

/** Limits in minor units of `currency`. Null leaves a limit as it is: leaving one out never takes it away. */
export async function setLimits(
  executor: Executor,
  tenant: Tenant,
  limits: { currency: string; perPaymentMinor: number | null; perDayMinor: number | null },
): Promise<void> {
  const { currency, perPaymentMinor, perDayMinor } = limits;
  await run(executor, upsertLimits, [tenant.merchantId, tenant.mode, currency, perPaymentMinor, perDayMinor]);
}

const insertBlocked: Statement = {
  name: 'payer-block',
  text: /* sql */ `
    INSERT INTO blocked_payers (merchant_id, mode, payer_id, reason) VALUES (?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
};
const deleteBlocked: Statement = {
  name: 'payer-unblock',
  text: 'DELETE FROM blocked_payers WHERE merchant_id = ? AND mode = ? AND payer_id = ?',
};

export async function blockPayer(
  executor: Executor,
  tenant: Tenant,
  payerId: string,
  reason: string,
): Promise<void> {
  await run(executor, insertBlocked, [tenant.merchantId, tenant.mode, payerId, reason]);
}

export async function unblockPayer(executor: Executor, tenant: Tenant, payerId: string): Promise<void> {
  await run(executor, deleteBlocked, [tenant.merchantId, tenant.mode, payerId]);
}

/** A merchant's account at a provider. */
export interface ProviderAccount {
  readonly id: string;
  readonly tenant: Tenant;
  readonly provider: string;
  readonly credential: string;
}

interface AccountRow {
  id: string;
  merchant_id: string;
  mode: Mode;
  provider: string;
  credential: string;
}

const selectAccount: Statement = {
  name: 'provider-account-by-id',
  text: 'SELECT id, merchant_id, mode, provider, credential FROM provider_accounts WHERE id = ?',
};

/** Disabled ones too: what was sold through them may still be paid. */
export async function findProviderAccount(
  executor: Executor,
  accountId: string,
): Promise<ProviderAccount | undefined> {
  const [row] = await run<AccountRow>(executor, selectAccount, [accountId]);
  return row && fromRow(row);
}

const selectAccountFor: Statement = {
  name: 'provider-account-for',
  text: /* sql */ `
    SELECT id, merchant_id, mode, provider, credential FROM provider_accounts
     WHERE merchant_id = ? AND mode = ? AND provider = ? AND method = ? AND credential = ? AND disabled_at IS NULL
     ORDER BY created_at LIMIT 1`,
};
const insertAccount: Statement = {
  name: 'provider-account-insert',
  text: /* sql */ `
    INSERT INTO provider_accounts (id, merchant_id, mode, provider, method, credential, currencies)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
};

/** The account that the merchant has for this method and credential; made where there is none. Returns its id. */
export async function ensureProviderAccount(
  executor: Executor,
  account: ProviderAccount & { readonly method: string; readonly currencies: readonly string[] },
): Promise<string> {
  const { tenant, provider, method, credential } = account;
  const { merchantId, mode } = tenant;
  const values = [merchantId, mode, provider, method, credential];
  const [known] = await run<AccountRow>(executor, selectAccountFor, values);
  if (known) return known.id;
  await run(executor, insertAccount, [account.id, ...values, account.currencies]);
  return account.id;
}

function fromRow(row: AccountRow): ProviderAccount {
  return {
    id: row.id,
    tenant: { merchantId: row.merchant_id, mode: row.mode },
    provider: row.provider,
    credential: row.credential,
  };
}
