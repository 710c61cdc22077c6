import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** Something that a person may have to look up later; append-only. `detail` holds no secrets. */
export interface AuditEntry {
  readonly tenant: Tenant | null;
  readonly actor: string;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

const insertEntry: Statement = {
  name: 'audit-insert',
  text: 'INSERT INTO audit_log (merchant_id, mode, actor, action, detail) VALUES (?, ?, ?, ?, ?)',
};

export async function recordAudit(executor: Executor, entry: AuditEntry): Promise<void> {
  const { tenant, actor, action, detail } = entry;
  await run(executor, insertEntry, [
    tenant?.merchantId ?? null,
    tenant?.mode ?? null,
    actor,
    action,
    JSON.stringify(detail),
  ]);
}
