import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** A merchant's account as routing, its merchant and its operators see it. */
export interface AccountRecord {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly credential: string;
  readonly currencies: readonly string[];
  readonly priority: number;
  readonly isDisabled: boolean;
  /** A kill switch stops the sales of it. */
  readonly isStopped: boolean;
  readonly misconfiguredAtMs: number | null;
  /** In the provider's words. */
  readonly misconfiguredBecause: { readonly code: string; readonly message: string } | null;
  readonly createdAtMs: number;
}

const selectAccounts: Statement = {
  name: 'provider-accounts',
  text: /* sql */ `
    SELECT a.id, a.provider, a.method, a.credential, a.currencies, a.priority,
           a.disabled_at IS NOT NULL AS "isDisabled",
           is_stopped(a.merchant_id, a.mode, a.provider, a.method, ?) AS "isStopped",
           floor(extract(epoch FROM a.misconfigured_at) * 1000)::bigint AS "misconfiguredAtMs",
           a.misconfigured_because AS "misconfiguredBecause",
           floor(extract(epoch FROM a.created_at) * 1000)::bigint AS "createdAtMs"
      FROM provider_accounts a WHERE a.merchant_id = ? AND a.mode = ? ORDER BY a.priority, a.id`,
};

/** All of a tenant's accounts, best first. */
export function listAccounts(
  executor: Executor,
  tenant: Tenant,
  kind: 'sale' | 'authorize' = 'sale',
): Promise<AccountRecord[]> {
  return run<AccountRecord>(executor, selectAccounts, [kind, tenant.merchantId, tenant.mode]);
}
