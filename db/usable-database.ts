import { appliedMigrations, assertSafeDatabase, type Database } from './connect.js';
import { migrations } from './migrations/index.js';

/** Why a process must not start on this database; its message is one sentence for an operator. */
export class UnusableDatabaseError extends Error {
  override readonly name = 'UnusableDatabaseError';
}

const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at its host and port; start PostgreSQL, or correct them',
  ENOTFOUND: 'its host has no address; correct the name',
  '28P01': 'the server refuses its role or password; correct them',
  '28000': 'the server does not let its role in; create the role, or let it in by pg_hba.conf',
  '3D000': 'the server has no database of this name; create it, then run npm run migrate',
};

/** Refuses a schema that is behind, a database that could lose a payment, and one that cannot be reached. */
export async function requireUsableDatabase(database: Database): Promise<void> {
  try {
    await assertSafeDatabase(database);
    const applied = new Set(await appliedMigrations(database));
    const isBehind = migrations.some((migration) => !applied.has(migration.name));
    if (isBehind) throw new UnusableDatabaseError('the database schema is behind; run npm run migrate');
  } catch (error) {
    if (error instanceof UnusableDatabaseError) throw error;
    const { code, message } = error as { code?: unknown; message: string };
    if (code === '42P01') {
      throw new UnusableDatabaseError('the database has no schema; run npm run migrate');
    }
    if (code === undefined) throw new UnusableDatabaseError(message);
    const reason = typeof code === 'string' ? code : 'unknown';
    const hint = hints[reason];
    throw new UnusableDatabaseError(`DATABASE_URL cannot be used (${reason})${hint ? `: ${hint}` : ''}`);
  }
}
