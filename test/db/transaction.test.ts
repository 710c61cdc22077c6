import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectDatabase, type Database, type Executor } from '../../db/connect.js';
import { inTransaction } from '../../db/transaction.js';
import { openFreshDatabase, type FreshDatabase } from './fresh-database.js';

let fresh: FreshDatabase;
/** One connection, so that what becomes of it is seen. */
let database: Database;

beforeAll(async () => {
  fresh = await openFreshDatabase();
  await fresh.owner.query(
    'CREATE TABLE notes (id integer PRIMARY KEY, note text UNIQUE DEFERRABLE INITIALLY DEFERRED)',
  );
  await fresh.owner.query('GRANT ALL ON notes TO PUBLIC');
  database = connectDatabase({ url: fresh.urls.appUrl, applicationName: 'one', poolMax: 1 });
});
afterAll(async () => {
  await database.destroy();
  await fresh.close();
});
beforeEach(() => fresh.owner.query('DELETE FROM notes'));

const add = (executor: Executor, id: number, note = `note ${id}`) =>
  executor.raw('INSERT INTO notes VALUES (?, ?)', [id, note]);
const notes = async () =>
  (await fresh.owner.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).rows.map(({ id }) => id);
const backend = async () =>
  (await database.raw<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
const kill = (pid: number) => fresh.app.raw('SELECT pg_terminate_backend(?)', [pid]);

describe('a transaction', () => {
  it('is committed as a whole, and gives its result', async () => {
    const work = async (trx: Executor) => [await add(trx, 1), await add(trx, 2)].length;
    expect(await inTransaction(database, work)).toBe(2);
    expect(await notes()).toEqual([1, 2]);
  });

  it('whose work fails is rolled back, on a connection that stays', async () => {
    const pid = await backend();
    const work = inTransaction(database, async (trx) => {
      await add(trx, 1);
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect([await notes(), await backend()]).toEqual([[], pid]);
  });

  it('that swallows a failed statement is not taken for committed', async () => {
    const work = inTransaction(database, async (trx) => {
      await add(trx, 1);
      await add(trx, 1).catch(() => undefined);
    });
    await expect(work).rejects.toThrow('the transaction was not committed: ROLLBACK');
    expect(await notes()).toEqual([]);
  });

  it('that is refused at its COMMIT is an error, on a connection that stays', async () => {
    const pid = await backend();
    const work = inTransaction(database, async (trx) => [
      await add(trx, 1, 'same'),
      await add(trx, 2, 'same'),
    ]);
    await expect(work).rejects.toMatchObject({ code: '23505' });
    expect([await notes(), await backend()]).toEqual([[], pid]);
  });

  it('whose connection is lost is an error, and the connection is not used again', async () => {
    const pid = await backend();
    const work = inTransaction(database, async (trx) => {
      await add(trx, 1);
      await kill(pid);
      await pause(50);
    });
    await expect(work).rejects.toThrow();
    expect(await notes()).toEqual([]);
    expect(await backend()).not.toBe(pid);
  });

  it('takes no statement after its end', async () => {
    let kept: Executor | undefined;
    await inTransaction(database, (trx) => Promise.resolve((kept = trx)));
    await expect(add(kept!, 1)).rejects.toThrow('the transaction has ended');
    expect(await notes()).toEqual([]);
  });
});

describe('a connection', () => {
  it('that breaks while nothing runs on it is replaced, and ends no process', async () => {
    const pid = await backend();
    await kill(pid);
    await pause(100);
    expect(await backend()).not.toBe(pid);
  });

  it('stays after a statement that PostgreSQL refused', async () => {
    const pid = await backend();
    await add(database, 1);
    await expect(add(database, 1)).rejects.toMatchObject({ code: '23505' });
    expect(await backend()).toBe(pid);
  });

  it('is waited for three seconds at most', async () => {
    const held = inTransaction(database, () => pause(3_500));
    await expect(database.raw('SELECT 1')).rejects.toThrow('timeout exceeded when trying to connect');
    await held;
  });

  it('ends a statement that runs for more than ten seconds', async () => {
    const { rows } = await database.raw<{ t: string; i: string }>(
      `SELECT current_setting('statement_timeout') AS t,
              current_setting('idle_in_transaction_session_timeout') AS i`,
    );
    expect(rows).toEqual([{ t: '10s', i: '10s' }]);
  });
});
