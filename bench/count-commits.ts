import type pg from 'pg';

/** A place in the write-ahead log, as PostgreSQL writes it: 0/1A2B3C4D. */
export type LogPosition = string;

export interface CommitCount {
  /** Transactions that were written down durably and changed at least one table that counts. */
  readonly own: number;
  /** Those that touched nothing but the given tables. */
  readonly background: number;
}

/**
 * A marker written to the log and flushed, so that everything before it can be read and the place is the
 * border of a record. It belongs to no transaction, so it is no commit.
 */
export async function markLog(client: pg.ClientBase): Promise<LogPosition> {
  const { rows } = await client.query<{ lsn: string }>(
    `SELECT pg_logical_emit_message(false, 'quittance.bench', '', true) AS lsn`,
  );
  return rows[0]?.lsn ?? '0/0';
}

/**
 * One row for each transaction that committed and changed or locked a row of this database, with the tables of
 * those rows. Pruning and hint bits are written by whoever happens to read a page, so they say nothing.
 */
const committedTransactions = /* sql */ `
  WITH committed AS (
    SELECT DISTINCT xid::text FROM pg_get_wal_records_info($1, $2)
     WHERE resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%'),
  touched AS (
    SELECT DISTINCT c.xid, b.relfilenode
      FROM pg_get_wal_block_info($1, $2) b JOIN committed c ON c.xid = b.xid::text
     WHERE b.reldatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND (b.resource_manager = 'Heap' OR b.resource_manager = 'Heap2' AND b.record_type !~ '^(PRUNE|VISIBLE)'))
  SELECT t.xid, array_agg(DISTINCT coalesce(owner.relname, c.relname)::text) AS tables
    FROM touched t LEFT JOIN pg_class c ON c.relfilenode = t.relfilenode
      -- The overflow table of long values counts as the table it belongs to.
      LEFT JOIN pg_class owner ON c.relkind = 't' AND owner.reltoastrelid = c.oid
   GROUP BY t.xid`;

/**
 * Durable commits of the database that `client` (a superuser, with pg_walinspect) is connected to, between two
 * marks. Autovacuum has to be off meanwhile: its statistics are transactions as well.
 */
export async function countCommits(
  client: pg.ClientBase,
  from: LogPosition,
  to: LogPosition,
  backgroundTables: readonly string[],
): Promise<CommitCount> {
  const { rows } = await client.query<{ tables: (string | null)[] }>(committedTransactions, [from, to]);
  const isBackground = (tables: readonly (string | null)[]) =>
    tables.every((table) => table !== null && backgroundTables.includes(table));
  const background = rows.filter(({ tables }) => isBackground(tables)).length;
  return { own: rows.length - background, background };
}
