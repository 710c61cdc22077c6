import knexFactory, { type Knex } from 'knex';
import { migrations } from './migrations/index.js';

/** Two processes that migrate at once take turns by this advisory lock (an arbitrary, fixed number). */
const MIGRATION_LOCK = 7_013_001;

/**
 * Brings the schema up to date as its owner; each migration is one transaction.
 * Returns the names of those it applied. Throws what PostgreSQL throws, with nothing half done.
 */
export async function runMigrations(options: { ownerUrl: string; appRole: string }): Promise<string[]> {
  if (!/^[a-z_][a-z0-9_]*$/.test(options.appRole)) {
    throw new Error(`the application's role must be a plain SQL name, not ${options.appRole}`);
  }
  const knex = knexFactory({ client: 'pg', connection: options.ownerUrl, pool: { min: 0, max: 1 } });
  try {
    return await knex.transaction(async (trx) => {
      await trx.raw('SELECT pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
      return await applyMissing(trx, options.appRole);
    });
  } finally {
    await knex.destroy();
  }
}

async function applyMissing(trx: Knex.Transaction, appRole: string): Promise<string[]> {
  await trx.raw(
    `CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const { rows } = await trx.raw<{ rows: { name: string }[] }>('SELECT name FROM schema_migrations');
  const applied = new Set(rows.map((row) => row.name));
  const missing = migrations.filter((migration) => !applied.has(migration.name));
  for (const migration of missing) {
    await migration.up(trx, appRole);
    await trx.raw('INSERT INTO schema_migrations (name) VALUES (?)', [migration.name]);
  }
  await trx.raw('GRANT SELECT ON schema_migrations TO ??', [appRole]);
  return missing.map((migration) => migration.name);
}
