import knexFactory, { type Knex } from 'knex';
import pg from 'pg';

/** A pool, or one transaction taken from it: what every statement runs on. */
export type Database = Knex;
export type Executor = Knex | Knex.Transaction;

/** Amounts are bigint in PostgreSQL and safe integers here; a value beyond 2^53 is a defect, never rounded. */
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond 2^53`);
  return value;
});

export interface DatabaseOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly poolMax?: number;
  /** Sees the text of every statement that is sent; the benchmark counts with it. */
  readonly onStatement?: (text: string) => void;
}

const STATEMENT_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** A pool of connections. Nothing is connected until the first statement. */
export function connectDatabase(options: DatabaseOptions): Database {
  const knex = knexFactory({
    client: 'pg',
    connection: {
      connectionString: options.url,
      application_name: options.applicationName,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    },
    acquireConnectionTimeout: CONNECT_TIMEOUT_MS,
    pool: { min: 0, max: options.poolMax ?? 16 },
  });
  const { onStatement } = options;
  if (onStatement) knex.on('query', (query: { sql: string }) => onStatement(query.sql));
  return knex;
}

/**
 * Refuses to work on a database that could lose a commit, or as a role that could rewrite history.
 * Throws an Error whose message says what to change.
 */
export async function assertSafeDatabase(database: Database): Promise<void> {
  const { rows: settings } = await database.raw<{ rows: { name: string; setting: string }[] }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  const unsafe = settings.filter((setting) => setting.setting === 'off' || setting.setting === 'local');
  if (unsafe.length > 0) {
    const names = unsafe.map((setting) => `${setting.name} = ${setting.setting}`).join(', ');
    throw new Error(`PostgreSQL could lose committed payments (${names}); switch these on`);
  }
  const { rows: owned } = await database.raw<{ rows: { relname: string }[] }>(
    `SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.rolname = current_user
      WHERE c.relname = 'ledger_entries' AND (pg_has_role(r.oid, c.relowner, 'USAGE') OR r.rolsuper)`,
  );
  if (owned.length > 0) {
    throw new Error(
      'DATABASE_URL names a role that owns the ledger; the application needs the role without ownership ' +
        '(migrations run under MIGRATION_DATABASE_URL)',
    );
  }
}

/** The names of the migrations that this database has; fails where the schema was never made. */
export async function appliedMigrations(database: Database): Promise<string[]> {
  const { rows } = await database.raw<{ rows: { name: string }[] }>(
    'SELECT name FROM schema_migrations ORDER BY name',
  );
  return rows.map((row) => row.name);
}
