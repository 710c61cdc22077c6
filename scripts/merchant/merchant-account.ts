import { randomBytes } from 'node:crypto';
import type { Executor } from '../../db/connect.js';
import { ensureProviderAccount } from '../../db/merchants.js';
import { makeId } from '../../domain/ids.js';
import type { Tenant } from '../../domain/tenant.js';
import { createConnectors } from '../../providers/registry.js';

export interface AccountToMake {
  readonly tenant: Tenant;
  readonly provider: string;
  readonly credential: string;
  readonly currencies: readonly string[];
}

/** A merchant's account at a provider, for each method that it serves; made where there is none. Returns the first's id. */
export async function makeAccount(trx: Executor, account: AccountToMake): Promise<string> {
  const ids: string[] = [];
  for (const method of methodsOf(account.provider)) {
    const id = makeId('providerAccount', Date.now(), randomBytes(10));
    ids.push(await ensureProviderAccount(trx, { id, method, ...account }));
  }
  return ids[0] ?? '';
}

function methodsOf(provider: string): readonly string[] {
  const nobodyCalls = (): never => {
    throw new Error('no provider is called here');
  };
  const connectors = createConnectors({
    credentials: nobodyCalls,
    now: Date.now,
    wallets: { find: nobodyCalls },
  });
  return connectors.get(provider).capabilities.methods;
}
