import type pg from 'pg';

export interface StatementCalls {
  /** As PostgreSQL keeps it: constants are replaced by $1, $2, … */
  readonly text: string;
  readonly calls: number;
  readonly rows: number;
  readonly executionMs: number;
  /** Part of a function in the database: nobody sent it. Checks that are due at COMMIT are kept as if sent. */
  readonly isOfFunction: boolean;
}

export type StatementSnapshot = ReadonlyMap<string, StatementCalls>;

/** Every statement that `role` has sent to the database of `client` so far (pg_stat_statements). */
export async function snapshotStatements(client: pg.ClientBase, role: string): Promise<StatementSnapshot> {
  const { rows } = await client.query<StatementCalls & { id: string }>(
    `SELECT s.queryid::text AS id, s.query AS text, s.calls::float8 AS calls, s.rows::float8 AS rows,
            s.total_exec_time AS "executionMs",
            EXISTS (SELECT FROM pg_proc p WHERE position(s.query IN p.prosrc) > 0) AS "isOfFunction"
       FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid JOIN pg_database d ON d.oid = s.dbid
      WHERE r.rolname = $1 AND d.datname = current_database()`,
    [role],
  );
  return new Map(rows.map(({ id, ...statement }) => [id, statement]));
}

/** What was sent between two snapshots. */
export function statementsBetween(before: StatementSnapshot, after: StatementSnapshot): StatementCalls[] {
  return [...after]
    .map(([id, now]) => {
      const then = before.get(id);
      return {
        text: now.text,
        isOfFunction: now.isOfFunction,
        calls: now.calls - (then?.calls ?? 0),
        rows: now.rows - (then?.rows ?? 0),
        executionMs: now.executionMs - (then?.executionMs ?? 0),
      };
    })
    .filter(({ calls }) => calls > 0);
}

export type StatementKind = 'own' | 'transaction' | 'dispatcher' | 'sweeper' | 'function';

/** A statement that none of these knows counts as the payment's own: a changed text is noticed, not lost. */
const kinds: readonly (readonly [Exclude<StatementKind, 'own' | 'function'>, RegExp])[] = [
  ['transaction', /^\s*(BEGIN|COMMIT|ROLLBACK|SET|START TRANSACTION)\b/i],
  ['dispatcher', /\bUPDATE webhook_deliveries d SET (due_at|status)\b/],
  ['sweeper', /\bFROM (payments|notifications)\s+WHERE due_at <= now\(\)/],
  ['sweeper', /\bFROM provider_accounts WHERE misconfigured_at IS NOT NULL AND probe_due_at <= now\(\)/],
];

export function kindOf({ text, isOfFunction }: StatementCalls): StatementKind {
  if (isOfFunction) return 'function';
  return kinds.find(([, pattern]) => pattern.test(text))?.[0] ?? 'own';
}

export function countCalls(statements: readonly StatementCalls[], kind: StatementKind): number {
  return statements
    .filter((statement) => kindOf(statement) === kind)
    .reduce((total, { calls }) => total + calls, 0);
}
