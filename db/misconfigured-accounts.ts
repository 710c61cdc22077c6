import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

/** Accounts whose provider says that they are set up wrongly: no payment goes there until a probe or a person says otherwise. */
export interface AccountToProbe {
  readonly accountId: string;
  readonly provider: string;
  readonly credential: string;
}

/** An account that was marked, came back and is marked again within an hour is probed ever more rarely, once an hour at least. */
const mark: Statement = {
  name: 'account-misconfigured',
  text: /* sql */ `
    WITH marked AS (
      UPDATE provider_accounts SET misconfigured_at = now(), misconfigured_because = ?,
        probe_pause_s = CASE WHEN restored_at > now() - interval '1 hour' THEN least(3600, probe_pause_s * 2) ELSE 60 END,
        probe_due_at = now() + make_interval(secs =>
          CASE WHEN restored_at > now() - interval '1 hour' THEN least(3600, probe_pause_s * 2) ELSE 60 END)
       WHERE id = ? AND misconfigured_at IS NULL
      RETURNING id, merchant_id, mode, provider, misconfigured_because)
    INSERT INTO audit_log (merchant_id, mode, actor, action, detail)
    SELECT merchant_id, mode, 'worker', 'account.misconfigured',
           jsonb_build_object('account', id, 'provider', provider, 'because', misconfigured_because)
      FROM marked RETURNING id`,
};

/** True where it was not marked before. Audited. */
export async function markMisconfigured(
  executor: Executor,
  accountId: string,
  because: { readonly code: string; readonly message: string },
): Promise<boolean> {
  return (await run(executor, mark, [JSON.stringify(because), accountId])).length === 1;
}

const restore: Statement = {
  name: 'account-restored',
  text: /* sql */ `
    WITH restored AS (
      UPDATE provider_accounts
         SET misconfigured_at = NULL, misconfigured_because = NULL, probe_due_at = NULL, restored_at = now()
       WHERE id = ? AND misconfigured_at IS NOT NULL RETURNING id, merchant_id, mode, provider)
    INSERT INTO audit_log (merchant_id, mode, actor, action, detail)
    SELECT merchant_id, mode, ?, 'account.restored', jsonb_build_object('account', id, 'provider', provider)
      FROM restored RETURNING id`,
};

/** False where it was not marked. Audited. */
export async function restoreAccount(executor: Executor, accountId: string, actor: string): Promise<boolean> {
  return (await run(executor, restore, [accountId, actor])).length === 1;
}

const listMarked: Statement = {
  name: 'accounts-misconfigured',
  text: /* sql */ `
    SELECT id AS "accountId", provider FROM provider_accounts WHERE misconfigured_at IS NOT NULL
     ORDER BY misconfigured_at LIMIT ?`,
};

/** Those that were marked first. */
export function listMisconfigured(
  executor: Executor,
  limit: number,
): Promise<Pick<AccountToProbe, 'accountId' | 'provider'>[]> {
  return run(executor, listMarked, [limit]);
}

const takeDue: Statement = {
  name: 'accounts-to-probe',
  text: /* sql */ `
    WITH due AS (
      SELECT id FROM provider_accounts WHERE misconfigured_at IS NOT NULL AND probe_due_at <= now()
       ORDER BY probe_due_at LIMIT ? FOR UPDATE SKIP LOCKED)
    UPDATE provider_accounts a
       SET probe_due_at = now() + make_interval(secs => a.probe_pause_s), probe_pause_s = least(3600, a.probe_pause_s * 2)
      FROM due WHERE a.id = due.id
    RETURNING a.id AS "accountId", a.provider, a.credential`,
};

/** Each is due again, later every time, unless it is restored by then. */
export function takeDueProbes(executor: Executor, limit: number): Promise<AccountToProbe[]> {
  return run<AccountToProbe>(executor, takeDue, [limit]);
}
