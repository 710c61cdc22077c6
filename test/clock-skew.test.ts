import { afterEach, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { until } from './until.js';

const SKEW_S = 8;
let house: House;
afterEach(() => house.close());

/** A house whose database host has another time than all the other hosts. */
async function openWithDatabaseClock(aheadSeconds: number): Promise<void> {
  house = await House.open({ without: ['api', 'worker'] });
  const { rows } = await house.sql.query<{ name: string }>('SELECT current_database() AS name');
  await house.sql.query(
    `CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE
       AS $$ SELECT pg_catalog.now() + interval '${aheadSeconds} s' $$`,
  );
  // Found before PostgreSQL's own by every connection from now on.
  await house.sql.query(`ALTER DATABASE ${rows[0]?.name} SET search_path = public, pg_catalog`);
  await house.start('api', { REPLY_TIMEOUT_MS: '500' });
}

const CALLS = 1_000_000;
const countCalls = () => house.sandbox.fault('precreate', 'slow', { delay_ms: 0, times: CALLS });
async function calls(): Promise<number> {
  const { faults } = (await house.sandbox.call('GET', '/faults')) as { faults: { times: number }[] };
  return CALLS - (faults[0]?.times ?? 0);
}
const becomes = (id: string, status: string) =>
  until(
    `${id} is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    40_000,
  );

describe('clocks that differ', () => {
  test.each([
    ['ahead', SKEW_S],
    ['behind', -SKEW_S],
  ])(
    "an offer that is over by one clock and not by the other, the database's %s, is not asked for in a hurry",
    async (_which, aheadSeconds) => {
      await openWithDatabaseClock(aheadSeconds);
      await countCalls();
      const { body } = await house.merchant.pay({ expires_in: 10 });
      const id = body['id'] as string;
      const overMs = Date.parse(body['expires_at'] as string) - Math.max(0, aheadSeconds) * 1_000;
      await until('it is over for the faster clock', async () => Date.now() > overMs);
      await house.start('worker');
      await becomes(id, 'canceled');
      expect(await calls()).toBeLessThan(25);
    },
  );
});
