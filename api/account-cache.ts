import type { Database } from '../db/connect.js';
import { findProviderAccount, type ProviderAccount } from '../db/merchants.js';

const KEPT_MS = 5_000;
/** Anybody may name accounts that do not exist: what is remembered of them has an end. */
const MOST_ENTRIES = 1_000;

/** Provider accounts by id, each read at most once in five seconds. */
export function createAccountCache(database: Database, clock: () => number) {
  const entries = new Map<string, { account: ProviderAccount | undefined; untilMs: number }>();
  return {
    async find(id: string): Promise<ProviderAccount | undefined> {
      const known = entries.get(id);
      if (known && clock() < known.untilMs) return known.account;
      const account = await findProviderAccount(database, id);
      if (entries.size >= MOST_ENTRIES) entries.clear();
      entries.set(id, { account, untilMs: clock() + KEPT_MS });
      return account;
    },
  };
}

export type AccountCache = ReturnType<typeof createAccountCache>;
