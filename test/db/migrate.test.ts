import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { appliedMigrations, connectDatabase } from '../../db/connect.js';
import { runMigrations } from '../../db/migrate.js';
import { migrations } from '../../db/migrations/index.js';
import { APP_ROLE, OWNER_ROLE } from '../../scripts/postgres/prepare-database.js';
import {
  acceptedPayment,
  countOf,
  mustLoad,
  openFreshDatabase,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;
const names = migrations.map(({ name }) => name);

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

/** An empty database of the owner's, in the same cluster. */
async function emptyDatabase(): Promise<string> {
  const url = new URL(database.urls.ownerUrl);
  url.pathname += '_empty' + Math.random().toString(36).slice(2, 8);
  const client = new pg.Client({ connectionString: inject('superuserUrl') });
  await client.connect();
  await client.query(`CREATE DATABASE ${url.pathname.slice(1)} OWNER ${OWNER_ROLE}`);
  await client.end();
  return url.href;
}

async function schemaOf(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(`
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY 1, 2`);
  const { rows: grants } = await client.query(`
    SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = '${APP_ROLE}' ORDER BY 1, 2`);
  await client.end();
  return { rows, grants };
}

describe('migrations', () => {
  it('run a second time change nothing, and keep what is there', async () => {
    const payment = await acceptedPayment(database);
    const before = await schemaOf(database.urls.ownerUrl);
    expect(await runMigrations({ ownerUrl: database.urls.ownerUrl, appRole: APP_ROLE })).toEqual([]);
    expect(await schemaOf(database.urls.ownerUrl)).toEqual(before);
    expect(await mustLoad(database, payment.record.id)).toEqual(payment);
    expect(await countOf(database, 'schema_migrations')).toBe(names.length);
  });

  it('run by four processes at once are applied once', async () => {
    const ownerUrl = await emptyDatabase();
    const applied = await Promise.all(
      Array.from({ length: 4 }, () => runMigrations({ ownerUrl, appRole: APP_ROLE })),
    );
    expect(applied.flat().sort()).toEqual([...names].sort());
    expect(await schemaOf(ownerUrl)).toEqual(await schemaOf(database.urls.ownerUrl));
  });

  it('that fail leave nothing half done', async () => {
    const ownerUrl = await emptyDatabase();
    await expect(runMigrations({ ownerUrl, appRole: 'no_such_role' })).rejects.toThrow(/no_such_role/);
    expect(await schemaOf(ownerUrl)).toEqual({ rows: [], grants: [] });
    expect(await runMigrations({ ownerUrl, appRole: APP_ROLE })).toEqual(names);
  });

  it('refuse a role whose name could be SQL', async () => {
    for (const appRole of ['a"; DROP TABLE payments; --', 'a b', '', 'A', '1a']) {
      await expect(runMigrations({ ownerUrl: database.urls.ownerUrl, appRole })).rejects.toThrow(
        /plain SQL name/,
      );
    }
  });

  it('are told to the application, and their absence too', async () => {
    expect(await appliedMigrations(database.app)).toEqual([...names].sort());
    const pool = connectDatabase({ url: await emptyDatabase(), applicationName: 'test', poolMax: 1 });
    await expect(appliedMigrations(pool)).rejects.toThrow(/schema_migrations/);
    await pool.destroy();
  });

  it('cannot be run by the application itself', async () => {
    await expect(runMigrations({ ownerUrl: database.urls.appUrl, appRole: APP_ROLE })).rejects.toThrow(
      /permission denied/,
    );
  });
});
