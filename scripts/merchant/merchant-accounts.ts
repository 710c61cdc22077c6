import type { Executor } from '../../db/connect.js';
import { listAccounts } from '../../db/provider-accounts.js';
import { toAccountResource } from '../../api/routing-resource.js';
import type { Tenant } from '../../domain/tenant.js';

/** A merchant's accounts as the API shows them, with the names of their credentials, one JSON object a line. */
export async function printAccounts(
  executor: Executor,
  tenant: Tenant,
  print: (line: string) => void,
): Promise<void> {
  for (const account of await listAccounts(executor, tenant)) {
    print(JSON.stringify({ ...toAccountResource(account), credential: account.credential }));
  }
}
