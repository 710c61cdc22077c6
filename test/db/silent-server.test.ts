import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isUnavailable } from '../../api/unavailable-database.js';
import { connectDatabase, type Database } from '../../db/connect.js';
import { inTransaction } from '../../db/transaction.js';
import { SilentServer } from '../silent-server.js';
import { until } from '../until.js';
import { openFreshDatabase, type FreshDatabase } from './fresh-database.js';

const STATEMENT_TIMEOUT_MS = 300;
/** With the two seconds that a server that says nothing is given beyond its own limit. */
const GIVEN_UP_AFTER_MS = STATEMENT_TIMEOUT_MS + 2_000;

let fresh: FreshDatabase;
let server: SilentServer;
let database: Database;

beforeAll(async () => {
  fresh = await openFreshDatabase();
  await fresh.owner.query('CREATE TABLE notes (id integer PRIMARY KEY)');
  await fresh.owner.query('GRANT ALL ON notes TO PUBLIC');
});
afterAll(() => fresh.close());
beforeEach(async () => {
  server = await SilentServer.open(fresh.urls.appUrl);
  database = open(STATEMENT_TIMEOUT_MS);
  await database.raw('SELECT 1');
});
afterEach(async () => {
  await database.destroy();
  await server.close();
});

/** Of one connection, so that one that is held for ever would be missed. */
const open = (statementTimeoutMs: number | null) =>
  connectDatabase({
    url: server.before(fresh.urls.appUrl),
    applicationName: 'silent',
    poolMax: 1,
    statementTimeoutMs,
  });

/** What it ended with, and after how many milliseconds. */
async function failureOf(work: Promise<unknown>): Promise<{ error: Error; afterMs: number }> {
  const startedAt = performance.now();
  const error = await work.then(
    () => new Error('it did not fail'),
    (fault: Error) => fault,
  );
  return { error, afterMs: performance.now() - startedAt };
}

describe('a server that says nothing', () => {
  it('is given up shortly after its own limit, and the next statement has another connection', async () => {
    server.silence();
    const { error, afterMs } = await failureOf(database.raw('SELECT 1'));
    expect(error.message).toBe('Query read timeout');
    expect(isUnavailable(error)).toBe(true);
    expect(afterMs).toBeGreaterThan(GIVEN_UP_AFTER_MS - 50);
    expect(afterMs).toBeLessThan(GIVEN_UP_AFTER_MS + 1_500);
    expect((await database.raw('SELECT 1')).rows).toHaveLength(1);
    expect(server.openConnections).toBe(1);
  });

  it('in the middle of a transaction is waited for once, and nothing of it stays', async () => {
    const work = inTransaction(database, async (trx) => {
      await trx.raw('INSERT INTO notes VALUES (1)');
      server.silence();
      await trx.raw('INSERT INTO notes VALUES (2)');
    });
    const { error, afterMs } = await failureOf(work);
    expect(error.message).toBe('Query read timeout');
    expect(afterMs).toBeLessThan(2 * GIVEN_UP_AFTER_MS - 500);
    expect((await fresh.owner.query('SELECT 1 FROM notes')).rows).toEqual([]);
    await until('its connection is closed', () => Promise.resolve(server.openConnections === 0));
  });

  it('to a connection that is being made is waited for three seconds', async () => {
    server.silence();
    server.isSilent = true;
    await failureOf(database.raw('SELECT 1'));
    const { error, afterMs } = await failureOf(database.raw('SELECT 1'));
    expect(isUnavailable(error)).toBe(true);
    expect(afterMs).toBeLessThan(4_500);
  });
});

describe('a server that lives', () => {
  it('ends a statement by itself before it is given up, on a connection that stays', async () => {
    const { error, afterMs } = await failureOf(database.raw('SELECT pg_sleep(30)'));
    expect(error).toMatchObject({ code: '57014' });
    expect(afterMs).toBeLessThan(GIVEN_UP_AFTER_MS - 500);
    expect(server.silence()).toBe(1);
  });

  it('may take its time where no limit is asked for', async () => {
    const patient = open(null);
    try {
      await patient.raw('SELECT pg_sleep(?)', [(GIVEN_UP_AFTER_MS + 200) / 1_000]);
      const { rows } = await patient.raw<{ limit: string }>(
        `SELECT current_setting('statement_timeout') AS limit`,
      );
      expect(rows).toEqual([{ limit: '0' }]);
    } finally {
      await patient.destroy();
    }
  });
});
