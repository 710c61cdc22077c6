import type { ActiveRules, RuleSet } from '../domain/routing-rules.js';
import type { Tenant } from '../domain/tenant.js';
import { recordAudit } from './audit.js';
import type { Executor } from './connect.js';
import { run, runOne, type Statement } from './statement.js';

/** One version of a tenant's routing rules: written once, never changed. */
export interface RoutingVersion {
  readonly version: number;
  readonly rules: RuleSet;
  readonly note: string | null;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly isActive: boolean;
  /** When it was last put in force; null where it never was. */
  readonly activatedAtMs: number | null;
}

/** Of merchant `m`: the version in force with its rules, as JSON; null where there is none. */
export const activeRulesOf = (m: string) => /* sql */ `
  (SELECT CASE WHEN v.version IS NOT NULL THEN v.rules || jsonb_build_object('version', v.version) END
     FROM (SELECT a.version FROM routing_activations a
            WHERE a.merchant_id = ${m}.id AND a.mode = ${m}.mode ORDER BY a.id DESC LIMIT 1) newest
     LEFT JOIN routing_versions v
       ON v.merchant_id = ${m}.id AND v.mode = ${m}.mode AND v.version = newest.version)`;

const columns = /* sql */ `v.version, v.rules, v.note, v.created_by AS "createdBy",
  floor(extract(epoch FROM v.created_at) * 1000)::bigint AS "createdAtMs",
  coalesce(v.version = (SELECT a.version FROM routing_activations a
     WHERE a.merchant_id = v.merchant_id AND a.mode = v.mode ORDER BY a.id DESC LIMIT 1), false) AS "isActive",
  (SELECT floor(extract(epoch FROM max(a.activated_at)) * 1000)::bigint FROM routing_activations a
    WHERE a.merchant_id = v.merchant_id AND a.mode = v.mode AND a.version = v.version) AS "activatedAtMs"`;

const lockTenant: Statement = {
  name: 'routing-lock',
  text: 'SELECT pg_advisory_xact_lock(hashtextextended(?, 1))',
};
const insertVersion: Statement = {
  name: 'routing-version-insert',
  text: /* sql */ `
    INSERT INTO routing_versions AS v (merchant_id, mode, version, rules, note, created_by)
    SELECT m.id, m.mode, coalesce((SELECT max(o.version) FROM routing_versions o
        WHERE o.merchant_id = m.id AND o.mode = m.mode), 0) + 1, ?, ?, ?
      FROM merchants m WHERE m.id = ? AND m.mode = ?
    RETURNING ${columns}`,
};

/** Adds the next version, which decides nothing before it is activated. Audited. */
export async function addRoutingVersion(
  trx: Executor,
  tenant: Tenant,
  rules: RuleSet,
  by: { readonly note: string | null; readonly actor: string },
): Promise<RoutingVersion> {
  const { merchantId, mode } = tenant;
  // Two that are written at once are two versions, one after the other.
  await run(trx, lockTenant, [JSON.stringify(['routing', merchantId, mode])]);
  const values = [JSON.stringify(rules), by.note, by.actor, merchantId, mode];
  const added = await runOne<RoutingVersion>(trx, insertVersion, values);
  await recordAudit(trx, {
    tenant,
    actor: by.actor,
    action: 'routing.version_added',
    detail: { version: added.version, note: added.note },
  });
  return added;
}

const insertActivation: Statement = {
  name: 'routing-activate',
  text: /* sql */ `
    INSERT INTO routing_activations (merchant_id, mode, version, activated_by) VALUES (?, ?, ?, ?)`,
};

/** Puts a version in force for every payment that is accepted from now on; null: none. Audited. */
export async function activateRouting(
  trx: Executor,
  tenant: Tenant,
  version: number | null,
  actor: string,
): Promise<void> {
  await run(trx, insertActivation, [tenant.merchantId, tenant.mode, version, actor]);
  await recordAudit(trx, { tenant, actor, action: 'routing.activated', detail: { version } });
}

const selectVersion: Statement = {
  name: 'routing-version',
  text: /* sql */ `
    SELECT ${columns} FROM routing_versions v WHERE v.merchant_id = ? AND v.mode = ? AND v.version = ?`,
};

export async function findRoutingVersion(
  executor: Executor,
  tenant: Tenant,
  version: number,
): Promise<RoutingVersion | undefined> {
  const values = [tenant.merchantId, tenant.mode, version];
  const [found] = await run<RoutingVersion>(executor, selectVersion, values);
  return found;
}

/** A page of a tenant's versions, newest first; cursors are version numbers. */
export async function listRoutingVersions(
  executor: Executor,
  tenant: Tenant,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<RoutingVersion[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? null;
  const statement: Statement = {
    name: backwards ? 'routing-versions-before' : 'routing-versions-after',
    text: /* sql */ `
      SELECT ${columns} FROM routing_versions v WHERE v.merchant_id = ? AND v.mode = ?
         AND (?::integer IS NULL OR v.version ${backwards ? '>' : '<'} ?::integer)
       ORDER BY v.version ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, cursor, cursor, page.limit];
  const rows = await run<RoutingVersion>(executor, statement, values);
  return backwards ? rows.reverse() : rows;
}

const selectActive: Statement = {
  name: 'routing-active',
  text: /* sql */ `SELECT ${activeRulesOf('m')} AS rules FROM merchants m WHERE m.id = ? AND m.mode = ?`,
};

/** The rules in force; null where payments go by the accounts' own priority. */
export async function findActiveRules(executor: Executor, tenant: Tenant): Promise<ActiveRules | null> {
  const values = [tenant.merchantId, tenant.mode];
  return (await runOne<{ rules: ActiveRules | null }>(executor, selectActive, values)).rules;
}
