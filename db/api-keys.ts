import type { Mode, Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** Whom an API key stands for. */
export interface KeyHolder {
  readonly keyId: string;
  readonly tenant: Tenant;
  readonly defaultCurrency: string;
  /** Expired or revoked: to be refused, and told apart from an unknown key only in our own log. */
  readonly usable: boolean;
}

interface KeyRow {
  id: string;
  merchant_id: string;
  mode: Mode;
  default_currency: string;
  usable: boolean;
}

const selectKey: Statement = {
  name: 'api-key-by-hash',
  text: /* sql */ `
    SELECT k.id, k.merchant_id, k.mode, m.default_currency,
           k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AS usable
      FROM api_keys k JOIN merchants m ON m.id = k.merchant_id AND m.mode = k.mode
     WHERE k.key_hash = ?`,
};

/** `keyHash` is the key's SHA-256: the key itself is nowhere in the database. */
export async function findKeyHolder(executor: Executor, keyHash: Buffer): Promise<KeyHolder | undefined> {
  const [row] = await run<KeyRow>(executor, selectKey, [keyHash]);
  if (!row) return undefined;
  return {
    keyId: row.id,
    tenant: { merchantId: row.merchant_id, mode: row.mode },
    defaultCurrency: row.default_currency,
    usable: row.usable,
  };
}

const insertKey: Statement = {
  name: 'api-key-insert',
  text: /* sql */ `
    INSERT INTO api_keys (id, merchant_id, mode, key_hash, display, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
};

export async function insertApiKey(
  executor: Executor,
  tenant: Tenant,
  key: { id: string; hash: Buffer; display: string; expiresAtMs: number | null },
): Promise<void> {
  const expiresAt = key.expiresAtMs === null ? null : new Date(key.expiresAtMs);
  await run(executor, insertKey, [key.id, tenant.merchantId, tenant.mode, key.hash, key.display, expiresAt]);
}
