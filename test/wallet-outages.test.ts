import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectDatabase } from '../db/connect.js';
import { verifyWallets } from '../db/verify-wallets.js';
import { startPostgres, type RunningPostgres } from '../scripts/postgres/postgres.js';
import { House, type Service } from './house.js';
import { untilInLine } from './lock-waiters.js';
import type { Answer } from './merchant.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

vi.setConfig({ testTimeout: 120_000 });

const PRICE = 100_000;
const PART = 60_000;
/** Of those who ask at once, so many can be served. */
const AFFORDABLE = 5;
const ASKED = 12;

let folder: string;
let postgres: RunningPostgres;
let house: House;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quittance-wallet-outage-'));
  postgres = await startPostgres({ directory: join(folder, 'postgres') });
  house = await House.open({
    superuserUrl: postgres.superuserUrl,
    env: { RATE_LIMIT_PER_SECOND: '0', REPLY_TIMEOUT_MS: '4000' },
  });
  await accountAt(house, 'wallet-test');
});
afterAll(async () => {
  await house.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The same request under the same key, until somebody is there to answer it. */
async function patiently(path: string, body: unknown): Promise<Answer> {
  const key = randomUUID();
  return until(
    `${path} is answered`,
    async () => {
      const answer = await house.merchant.post(path, body, key);
      return answer.status < 500 && answer;
    },
    60_000,
  );
}

const pay = (payer: string, change: Record<string, unknown> = {}) =>
  patiently('/v1/payments', { amount: PRICE, method: 'WALLET', payer: { id: payer }, ...change });

async function payerWith(amount: number): Promise<string> {
  const payer = `payer-${randomUUID()}`;
  expect((await patiently(`/v1/wallets/${payer}/top_ups`, { amount })).status).toBe(201);
  return payer;
}

const ends = (id: string, status: string) =>
  until(`${id} is ${status}`, async () => (await house.merchant.payment(id))['status'] === status, 60_000);

async function reachStatus(payer: string, status: string, change = {}): Promise<string> {
  const id = (await pay(payer, change)).body['id'] as string;
  await ends(id, status);
  return id;
}

async function movementsOf(payer: string): Promise<Record<string, number[]>> {
  const { rows } = await house.sql.query<{ kind: string; changes: string[] }>(
    `SELECT kind, array_agg((balance_change_minor + held_change_minor)::text ORDER BY id) AS changes
       FROM wallet_movements WHERE payer_id = $1 GROUP BY kind`,
    [payer],
  );
  return Object.fromEntries(rows.map(({ kind, changes }) => [kind, changes.map(Number)]));
}

async function balanceOf(payer: string): Promise<unknown> {
  return (await house.merchant.get(`/v1/wallets/${payer}`)).body['balances'][0];
}

async function expectBooksRight(): Promise<void> {
  const url = house.env['DATABASE_URL'] ?? '';
  const database = connectDatabase({ url, applicationName: 'test' });
  try {
    expect((await verifyWallets(database)).differences).toEqual([]);
  } finally {
    await database.destroy();
  }
  const { rows } = await house.sql.query('SELECT sum(amount_minor)::text AS sum FROM ledger_entries');
  expect(rows).toEqual([{ sum: '0' }]);
}

interface Strike {
  /** Everything stands still in mid-transaction when it comes; `goOn` lets the database go on. */
  readonly run: (goOn: () => Promise<void>) => Promise<void>;
}

const killed = (service: Service): Strike => ({
  run: async (goOn) => {
    await house.kill(service);
    // What it has sent is carried out without it.
    await goOn();
    await house.start(service);
  },
});

async function killPostgres(): Promise<void> {
  postgres.kill('SIGKILL');
  await postgres.exited;
}

async function revivePostgres(): Promise<void> {
  postgres = await startPostgres({ directory: join(folder, 'postgres'), port: postgres.port });
}

const strikes: readonly (readonly [string, Strike])[] = [
  [
    'PostgreSQL is killed',
    {
      run: async () => {
        await killPostgres();
        await revivePostgres();
      },
    },
  ],
  [
    'PostgreSQL is away',
    {
      run: async () => {
        await killPostgres();
        // Until worker and API have noticed, and refuse what comes meanwhile.
        await until('it is missed', async () => (await fetch(`${house.apiUrl}/readyz`)).status === 503);
        const refused = await house.merchant.post('/v1/wallets/nobody/top_ups', { amount: 1 });
        expect(refused.status).toBe(503);
        await revivePostgres();
      },
    },
  ],
  ['the worker is killed', killed('worker')],
  ['the API is killed', killed('api')],
];

/** Holds every wallet, so that whatever moves money waits in the middle of its transaction. */
async function holdWallets(): Promise<() => Promise<void>> {
  const client = await house.sql.connect();
  // It dies with PostgreSQL, which is no error of the test's.
  client.on('error', () => undefined);
  await client.query('BEGIN');
  await client.query('SELECT FROM wallets FOR UPDATE');
  let isHeld = true;
  return async () => {
    if (!isHeld) return;
    isHeld = false;
    await client.query('COMMIT').catch(() => undefined);
    client.release(true);
  };
}

describe.each(strikes)('while %s', (_, { run }) => {
  test('parallel spends of one balance take what there is, each once; a hold, a capture, a release and a refund are whole or not at all', async () => {
    const spender = await payerWith(AFFORDABLE * PRICE + 1);
    const other = await payerWith(10 * PRICE);
    const held = [
      await reachStatus(other, 'requires_capture', { capture: 'manual' }),
      await reachStatus(other, 'requires_capture', { capture: 'manual' }),
    ] as const;
    const paid = await reachStatus(other, 'succeeded');

    const goOn = await holdWallets();
    const spends = Array.from({ length: ASKED }, () => pay(spender));
    const acts = [
      patiently(`/v1/payments/${held[0]}/capture`, { amount: PART }),
      patiently(`/v1/payments/${held[1]}/cancel`, {}),
      patiently('/v1/refunds', { payment: paid, amount: PART }),
      pay(other, { capture: 'manual' }),
    ];
    await untilInLine(house.sql, 3);
    await run(goOn);
    await goOn();
    const [answers, followed] = [await Promise.all(spends), await Promise.all(acts)];
    expect(followed.map(({ status }) => status < 300)).toEqual([true, true, true, true]);

    const ids = answers.filter(({ status }) => status < 300).map(({ body }) => body['id'] as string);
    const statuses = await until(
      'every payment has its end',
      async () => {
        const seen = await Promise.all(ids.map((id) => house.merchant.payment(id)));
        return seen.every(({ status }) => status !== 'processing') && seen;
      },
      60_000,
    );
    expect(statuses.filter(({ status }) => status === 'succeeded')).toHaveLength(AFFORDABLE);
    const charges = Array.from({ length: AFFORDABLE }, () => -PRICE);
    expect(await movementsOf(spender)).toEqual({ top_up: [AFFORDABLE * PRICE + 1], charge: charges });
    expect(await balanceOf(spender)).toMatchObject({ balance: 1, held: 0 });

    await ends(held[0], 'succeeded');
    await ends(held[1], 'canceled');
    await ends(followed[3]?.body['id'] as string, 'requires_capture');
    await until('the refund has ended', async () => {
      const { body } = await house.merchant.get(`/v1/refunds/${followed[2]?.body['id'] as string}`);
      return body['status'] === 'succeeded';
    });
    // One was captured in part, one let go, one paid and given back in part, and one is held.
    const spentMinor = PART + (PRICE - PART) + PRICE;
    expect(await balanceOf(other)).toMatchObject({ balance: 10 * PRICE - spentMinor, held: PRICE });
    expect(
      Object.fromEntries(
        Object.entries(await movementsOf(other)).map(([kind, { length }]) => [kind, length]),
      ),
    ).toEqual({
      ...{ top_up: 1, hold: 3, charge: 1, capture: 1, release: 1, refund: 1 },
    });
    await expectBooksRight();
  });
});
