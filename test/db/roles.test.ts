import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { recordAudit } from '../../db/audit.js';
import { assertSafeDatabase, connectDatabase } from '../../db/connect.js';
import { inTransaction } from '../../db/transaction.js';
import { prepareDatabase } from '../../scripts/postgres/prepare-database.js';
import {
  acceptedPayment,
  countOf,
  openFreshDatabase,
  refusalOf,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';
import { post } from './post.js';

let database: FreshDatabase;

beforeAll(async () => {
  database = await openFreshDatabase();
  // As production does: a clone has its template's tables, but not the rights of its database.
  const name = new URL(database.urls.ownerUrl).pathname.slice(1);
  const passwords = { ownerPassword: inject('ownerPassword'), appPassword: inject('appPassword') };
  await prepareDatabase({ superuserUrl: inject('superuserUrl'), ...passwords, database: name });
  const payment = await acceptedPayment(database);
  const entries = [1, -1].map((amountMinor) => ({ account: 'a', currency: 'CNY', amountMinor }));
  await inTransaction(database.app, (trx) =>
    post(trx, tenant, payment.operations[0]!.id, { fact: 'paid', entries }),
  );
  await recordAudit(database.app, { tenant, actor: 'test', action: 'test', detail: {} });
});
afterAll(() => database.close());

const asApp = (sql: string) => refusalOf(database.app.raw(sql));
const asOwner = (sql: string) => refusalOf(database.owner.query(sql));
const appendOnly = ['ledger_transactions', 'ledger_entries', 'events', 'audit_log'];
const kept = [
  'payments',
  'operations',
  'idempotency_keys',
  'notifications',
  'reviews',
  'entitlements',
  'merchants',
  'order_lines',
];

describe("the application's role", () => {
  it.each(appendOnly)('can add to %s, and change or take away nothing', async (table) => {
    const before = await countOf(database, table);
    expect(before).toBeGreaterThan(0);
    const column = table === 'ledger_entries' ? 'account' : 'merchant_id';
    for (const sql of [
      `UPDATE ${table} SET ${column} = 'x'`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table} CASCADE`,
      `SELECT * FROM ${table} FOR UPDATE`,
      `MERGE INTO ${table} t USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE`,
    ]) {
      expect([sql, await asApp(sql)]).toEqual([sql, expect.stringMatching(/^42501: .*permission denied/)]);
    }
    expect(await countOf(database, table)).toBe(before);
  });

  it.each(kept)('can delete nothing from %s', async (table) => {
    expect(await asApp(`DELETE FROM ${table}`)).toMatch(/^42501/);
    expect(await asApp(`TRUNCATE ${table} CASCADE`)).toMatch(/^42501/);
  });

  it.each([
    'CREATE TABLE mine (id integer)',
    'CREATE TEMPORARY TABLE ledger_entries (id integer)',
    'CREATE SCHEMA mine',
    'ALTER TABLE payments ADD COLUMN mine integer',
    'DROP TABLE ledger_entries',
    'CREATE INDEX mine ON payments (payer_id)',
    'DROP TRIGGER ledger_entries_balanced ON ledger_entries',
    'ALTER TABLE ledger_entries DISABLE TRIGGER ALL',
    'ALTER TABLE ledger_entries DISABLE TRIGGER ledger_entries_balanced',
    'CREATE RULE mine AS ON INSERT TO ledger_entries DO INSTEAD NOTHING',
    'CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$',
    `CREATE OR REPLACE FUNCTION ledger_transaction_is_balanced() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    'DROP FUNCTION refuse_change() CASCADE',
    'SET session_replication_role = replica',
    'SET ROLE quittance_owner',
    `INSERT INTO schema_migrations (name) VALUES ('9999')`,
    `COPY payments TO PROGRAM 'true'`,
  ])('cannot: %s', async (sql) => {
    expect(await asApp(sql)).toMatch(/^(42501|42809): /);
  });

  it('cannot defer, skip or choose the ledger numbers', async () => {
    expect(await asApp('ALTER TABLE ledger_entries ALTER id RESTART')).toMatch(/^42501/);
    expect(await asApp(`SELECT setval(pg_get_serial_sequence('ledger_entries', 'id'), 1)`)).toMatch(/^42501/);
  });

  it('cannot hand on what it may do, nor take more', async () => {
    const rights = async () => {
      const { rows } = await database.owner.query<{ acl: string }>(
        `SELECT relacl::text AS acl FROM pg_class WHERE relname = 'ledger_entries'`,
      );
      return rows[0]?.acl;
    };
    const before = await rights();
    // PostgreSQL answers these with a warning, and grants nothing.
    await asApp('GRANT DELETE ON ledger_entries TO PUBLIC');
    await asApp('GRANT ALL ON ledger_entries TO quittance_app');
    expect(await rights()).toBe(before);
  });

  it('owns nothing at all', async () => {
    const { rows } = await database.owner.query(
      `SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'quittance_app'`,
    );
    expect(rows).toEqual([]);
  });
});

describe("the owner's role", () => {
  it.each(['ledger_transactions', 'ledger_entries'])(
    'is refused as well when it changes %s',
    async (table) => {
      const before = await countOf(database, table);
      for (const sql of [
        `UPDATE ${table} SET mode = mode`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table} CASCADE`,
      ]) {
        expect([sql, await asOwner(sql)]).toEqual([
          sql,
          expect.stringMatching(/append-only: correct it by a new row/),
        ]);
      }
      expect(await countOf(database, table)).toBe(before);
    },
  );
});

describe('the application starts', () => {
  const safety = async (url: string) => {
    const pool = connectDatabase({ url, applicationName: 'test', poolMax: 1 });
    try {
      await assertSafeDatabase(pool);
      return 'safe';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await pool.destroy();
    }
  };
  const withSetting = (url: string, setting: string) =>
    `${url}?options=${encodeURIComponent(`-c ${setting}`)}`;

  it('as its own role', async () => {
    expect(await safety(database.urls.appUrl)).toBe('safe');
  });

  it('never as the owner, a superuser, or a member of the owner', async () => {
    const superuser = new URL(inject('superuserUrl'));
    superuser.pathname = new URL(database.urls.appUrl).pathname;
    for (const url of [database.urls.ownerUrl, superuser.href])
      expect(await safety(url)).toMatch(/owns the ledger/);
    const member = await memberOfOwner(superuser.href);
    expect(await safety(member)).toMatch(/owns the ledger/);
  });

  it('never where a commit could be lost', async () => {
    for (const value of ['off', 'local']) {
      const answer = await safety(withSetting(database.urls.appUrl, `synchronous_commit=${value}`));
      expect(answer).toContain(`synchronous_commit = ${value}`);
    }
    expect(await safety(withSetting(database.urls.appUrl, 'synchronous_commit=on'))).toBe('safe');
  });
});

async function memberOfOwner(superuserUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  const role = `member_${new URL(superuserUrl).pathname.slice(1)}`;
  await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret' IN ROLE quittance_owner`);
  await client.end();
  const url = new URL(superuserUrl);
  url.username = role;
  url.password = 'secret';
  return url.href;
}
