import pg from 'pg';
import { toPositional } from './placeholders.js';

/** Amounts are bigint in PostgreSQL and safe integers here; a value beyond 2^53 is a defect, never rounded. */
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond 2^53`);
  return value;
});

/** As node-postgres takes it: placeholders are `$1`, `$2`, …; with a name it is prepared once per connection. */
export interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
}

/** What every statement runs on: the pool, or one transaction taken from it. */
export abstract class Executor {
  abstract send<Row>(query: Query): Promise<Row[]>;

  /** One statement without a name, for what runs seldom; placeholders are `?`. */
  async raw<Row>(text: string, values: readonly unknown[] = []): Promise<{ rows: Row[] }> {
    return { rows: await this.send<Row>({ text: toPositional(text), values }) };
  }
}

export interface DatabaseOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly poolMax?: number;
  /** After so many milliseconds PostgreSQL ends a statement, or a transaction that sends none; null: never (10000). */
  readonly statementTimeoutMs?: number | null;
  /** Sees the text of every statement that is sent; the benchmark counts with it. */
  readonly onStatement?: (text: string) => void;
}

const STATEMENT_TIMEOUT_MS = 10_000;
/**
 * Added to that before a server that says nothing is given up, so that one that lives is heard first. Both together are
 * less than a phase may take (`workflows/activity-proxies.ts`, 14 s).
 */
const SILENCE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 3_000;
const IDLE_TIMEOUT_MS = 30_000;

/** A pool of connections. Nothing is connected until the first statement. */
export class Database extends Executor {
  readonly #pool: pg.Pool;
  readonly #onStatement: ((text: string) => void) | undefined;

  constructor(options: DatabaseOptions) {
    super();
    this.#onStatement = options.onStatement;
    const { statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
    this.#pool = new pg.Pool({
      connectionString: options.url,
      application_name: options.applicationName,
      ...(statementTimeoutMs === null ? {} : timeLimits(statementTimeoutMs)),
      // For a connection to be made, and also for one to become free.
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      keepAlive: true,
      max: options.poolMax ?? 16,
    });
    // A connection that breaks while nothing runs on it, in the pool or in a transaction, only has to be thrown
    // away, which the pool does; without listeners the process would end.
    this.#pool.on('error', ignore);
    this.#pool.on('connect', (client) => client.on('error', ignore));
  }

  send<Row>(query: Query): Promise<Row[]> {
    return this.withConnection((connection) => connection.send<Row>(query));
  }

  /** Gives the connection back when `work` has ended, or closes it where it may be broken. */
  async withConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const connection = new Connection(client, this.#onStatement);
    try {
      return await work(connection);
    } finally {
      client.release(connection.isBroken);
    }
  }

  /** Waits for what is running, and closes all connections. */
  async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

function timeLimits(statementTimeoutMs: number): pg.PoolConfig {
  return {
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
  };
}

/** One connection out of the pool, for as long as somebody has it. */
export class Connection extends Executor {
  /** Its state is not known: it must not go back to the pool. */
  isBroken = false;
  /** A statement on it had no answer: whatever is sent after it would wait as long. */
  isLost = false;

  constructor(
    private readonly client: pg.PoolClient,
    private readonly onStatement: ((text: string) => void) | undefined,
  ) {
    super();
  }

  async send<Row>(query: Query): Promise<Row[]> {
    return (await this.ask(query)).rows as Row[];
  }

  /** What PostgreSQL says it did: `COMMIT`, but also `ROLLBACK` where a COMMIT found the transaction failed. */
  async command(text: string): Promise<string> {
    return (await this.ask({ text, values: [] })).command;
  }

  private async ask(query: Query): Promise<pg.QueryResult> {
    this.onStatement?.(query.text);
    try {
      return await this.client.query(query as pg.QueryConfig);
    } catch (error) {
      if (!isRefusal(error)) this.isBroken = this.isLost = true;
      throw error;
    }
  }
}

/** PostgreSQL's own no to a statement, after which the connection is as good as before. */
export function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === 'ERROR';
}

function ignore(): void {
  // What runs on the connection fails by itself.
}

export function connectDatabase(options: DatabaseOptions): Database {
  return new Database(options);
}

/**
 * Refuses to work on a database that could lose a commit, or as a role that could rewrite history.
 * Throws an Error whose message says what to change.
 */
export async function assertSafeDatabase(database: Database): Promise<void> {
  const { rows: settings } = await database.raw<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  const unsafe = settings.filter((setting) => setting.setting === 'off' || setting.setting === 'local');
  if (unsafe.length > 0) {
    const names = unsafe.map((setting) => `${setting.name} = ${setting.setting}`).join(', ');
    throw new Error(`PostgreSQL could lose committed payments (${names}); switch these on`);
  }
  const { rows: owned } = await database.raw<{ relname: string }>(
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
  const { rows } = await database.raw<{ name: string }>('SELECT name FROM schema_migrations ORDER BY name');
  return rows.map((row) => row.name);
}
