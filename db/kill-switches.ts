import type { KillSwitch, SwitchScope } from '../domain/kill-switch.js';
import type { Tenant } from '../domain/tenant.js';
import { recordAudit } from './audit.js';
import type { Executor } from './connect.js';
import { run, runOne, type Statement } from './statement.js';

const columns = /* sql */ `id, merchant_id AS "merchantId", mode, provider, method, operation, reason,
  thrown_by AS "thrownBy", floor(extract(epoch FROM thrown_at) * 1000)::bigint AS "thrownAtMs",
  lifted_by AS "liftedBy", floor(extract(epoch FROM lifted_at) * 1000)::bigint AS "liftedAtMs"`;

const insert: Statement = {
  name: 'kill-switch-insert',
  text: /* sql */ `
    INSERT INTO kill_switches (id, merchant_id, mode, provider, method, operation, reason, thrown_by)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING ${columns}`,
};

/** In force, once committed, for every payment that is accepted and every charge that is sent. Audited. */
export async function throwSwitch(
  trx: Executor,
  id: string,
  scope: SwitchScope,
  by: { readonly reason: string; readonly actor: string },
): Promise<KillSwitch> {
  const { merchantId, mode, provider, method, operation } = scope;
  const values = [id, merchantId, mode, provider, method, operation, by.reason, by.actor];
  const thrown = await runOne<KillSwitch>(trx, insert, values);
  await audit(trx, thrown, by.actor, 'kill_switch.thrown');
  return thrown;
}

const lift: Statement = {
  name: 'kill-switch-lift',
  text: /* sql */ `
    UPDATE kill_switches SET lifted_by = ?, lifted_at = now()
     WHERE id = ? AND lifted_at IS NULL AND (?::text IS NULL OR (merchant_id = ? AND mode = ?))
    RETURNING ${columns}`,
};

/** Undefined where there is no such switch that is on. A tenant lifts only its own. Audited. */
export async function liftSwitch(
  trx: Executor,
  id: string,
  actor: string,
  tenant: Tenant | null,
): Promise<KillSwitch | undefined> {
  const merchantId = tenant?.merchantId ?? null;
  const values = [actor, id, merchantId, merchantId, tenant?.mode ?? null];
  const [lifted] = await run<KillSwitch>(trx, lift, values);
  if (lifted) await audit(trx, lifted, actor, 'kill_switch.lifted');
  return lifted;
}

const listAll: Statement = {
  name: 'kill-switches',
  text: `SELECT ${columns} FROM kill_switches WHERE lifted_at IS NULL ORDER BY id DESC`,
};

/** Every switch that is on, newest first: for operators. */
export function listAllSwitches(executor: Executor): Promise<KillSwitch[]> {
  return run<KillSwitch>(executor, listAll, []);
}

/** A page of a tenant's own switches that are on, newest first. */
export async function listSwitches(
  executor: Executor,
  tenant: Tenant,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<KillSwitch[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const statement: Statement = {
    name: backwards ? 'kill-switches-before' : 'kill-switches-after',
    text: /* sql */ `
      SELECT ${columns} FROM kill_switches WHERE lifted_at IS NULL AND merchant_id = ? AND mode = ?
         AND (? = '' OR id ${backwards ? '>' : '<'} ?) ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, cursor, cursor, page.limit];
  const rows = await run<KillSwitch>(executor, statement, values);
  return backwards ? rows.reverse() : rows;
}

async function audit(trx: Executor, thrown: KillSwitch, actor: string, action: string): Promise<void> {
  const { merchantId, mode, id, provider, method, operation, reason } = thrown;
  const tenant = merchantId === null ? null : ({ merchantId, mode } as Tenant);
  await recordAudit(trx, { tenant, actor, action, detail: { id, provider, method, operation, reason } });
}
