import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { connectDatabase, type Database } from '../db/connect.js';
import { verifyWallets } from '../db/verify-wallets.js';
import { hasStatus, payPatiently } from './crash-scenarios.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import type { Answer, Merchant } from './merchant.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

vi.setConfig({ testTimeout: 60_000 });

const PRICE = 100_000;
const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const newPayer = () => `payer-${randomUUID()}`;

let house: House;
let merchant: Merchant;
let database: Database;
let account: string;

beforeAll(async () => {
  // One merchant sends all there is to send.
  house = await House.open({ env: { RATE_LIMIT_PER_SECOND: '0' } });
  ({ merchant } = house);
  database = connectDatabase({ url: house.env['DATABASE_URL'] ?? '', applicationName: 'test' });
  await merchant.addCourse();
  account = await accountAt(house, 'wallet-test');
});
afterAll(async () => {
  await database.destroy();
  await house.close();
});

const topUp = (payer: string, amount: number, key?: string) =>
  merchant.post(`/v1/wallets/${payer}/top_ups`, { amount }, key);
const payBy = (payer: string, change: Record<string, unknown> = {}, key?: string) =>
  merchant.pay({ method: 'WALLET', payer: { id: payer }, ...change }, key);

async function payerWith(amount: number): Promise<string> {
  const payer = newPayer();
  expect((await topUp(payer, amount)).status).toBe(201);
  return payer;
}

async function balanceOf(payer: string): Promise<Record<string, number>> {
  const { body, status } = await merchant.get(`/v1/wallets/${payer}`);
  expect(status).toBe(200);
  return body['balances'][0];
}

const statusOf = ({ status, body }: Answer) => [status, body['code'] ?? body['status']];

/** Every balance row is what its movements and its entries add up to, and all entries together are nothing. */
async function expectBooksRight(): Promise<void> {
  expect((await verifyWallets(database)).differences).toEqual([]);
  const { rows } = await house.sql.query(
    `SELECT coalesce(sum(amount_minor), 0)::text AS sum FROM ledger_entries`,
  );
  expect(rows).toEqual([{ sum: '0' }]);
}

async function expectChargedOnce(paymentId: string): Promise<void> {
  const { rows } = await house.sql.query(
    `SELECT m.kind, m.balance_change_minor::text AS change FROM wallet_movements m
       JOIN operations o ON o.id = m.operation_id WHERE o.payment_id = $1`,
    [paymentId],
  );
  expect(rows).toEqual([{ kind: 'charge', change: String(-PRICE) }]);
  expect(await ledgerBalances(house, paymentId)).toEqual({
    [`provider:wallet:${account}`]: PRICE,
    [`merchant:${merchant.id}:payable`]: -PRICE,
  });
}

describe('a purchase by wallet', () => {
  test('has succeeded with its answer, and the course is open', async () => {
    const payer = await payerWith(250_000);
    const made = await payBy(payer, { order });
    expect(statusOf(made)).toEqual([201, 'succeeded']);
    expect(made.body['amount_received']).toBe(PRICE);
    expect(made.body['next_action']).toEqual({ type: 'none' });
    const { body } = await merchant.get(`/v1/entitlements?payer=${payer}`);
    expect(body['data']).toEqual([expect.objectContaining({ product: 'course-ts', status: 'granted' })]);
    expect(await balanceOf(payer)).toMatchObject({ balance: 150_000, held: 0, available: 150_000 });
    await expectChargedOnce(made.body['id']);
    await expectBooksRight();
  });

  test('answers a repetition with the same bytes, and charges once', async () => {
    const payer = await payerWith(250_000);
    const key = randomUUID();
    const first = await payBy(payer, { order }, key);
    const again = await Promise.all([1, 2, 3].map(() => payBy(payer, { order }, key)));
    for (const answer of again)
      expect([answer.text, answer.headers.get('idempotent-replayed')]).toEqual([first.text, 'true']);
    expect(await balanceOf(payer)).toMatchObject({ balance: 150_000 });
    await expectChargedOnce(first.body['id']);
  });

  test('is refused before acceptance where balance or credit cannot cover it', async () => {
    const [poor, stranger] = [await payerWith(PRICE - 1), newPayer()];
    for (const payer of [poor, stranger]) {
      const refused = await payBy(payer);
      expect(statusOf(refused)).toEqual([422, 'insufficient_balance']);
      expect(refused.body['errors']).toEqual([expect.objectContaining({ pointer: '/amount' })]);
    }
    await merchant.post(`/v1/wallets/${poor}`, { credit_limit: 500 });
    expect(statusOf(await payBy(poor, { amount: PRICE + 500 }))).toEqual([422, 'insufficient_credit']);
    expect((await merchant.get(`/v1/payments`)).body['data']).not.toContainEqual(
      expect.objectContaining({ payer: { id: poor } }),
    );
  });

  test('may use the credit line to its end, and not beyond', async () => {
    const payer = newPayer();
    const set = await merchant.post(`/v1/wallets/${payer}`, { credit_limit: PRICE });
    expect(set.body['balances']).toEqual([
      { currency: 'CNY', balance: 0, held: 0, credit_limit: PRICE, available: PRICE },
    ]);
    expect(statusOf(await payBy(payer))).toEqual([201, 'succeeded']);
    expect(await balanceOf(payer)).toMatchObject({ balance: -PRICE, available: 0 });
    expect(statusOf(await payBy(payer, { amount: 1 }))).toEqual([422, 'insufficient_credit']);
    const lowered = await merchant.post(`/v1/wallets/${payer}`, { credit_limit: PRICE - 1 });
    expect(statusOf(lowered)).toEqual([422, 'insufficient_credit']);
    await expectBooksRight();
  });

  test('is one currency’s alone', async () => {
    const payer = await payerWith(PRICE);
    expect(statusOf(await payBy(payer, { currency: 'USD' }))).toEqual([422, 'currency_unsupported']);
  });
});

describe('200 payments at once against one balance', () => {
  test('take what there is, and never more', { timeout: 120_000 }, async () => {
    const payer = await payerWith(60 * 1_000 + 999);
    const answers = await Promise.all(Array.from({ length: 200 }, () => payBy(payer, { amount: 1_000 })));
    for (const { status, body } of answers) {
      expect([201, 202, 422]).toContain(status);
      if (status === 422) expect(body['code']).toBe('insufficient_balance');
    }
    // A busy machine answers some of them with 202 first.
    const ends = await until(
      'every payment has its end',
      async () => {
        const { rows } = await house.sql.query<{ status: string; error: string | null }>(
          `SELECT status, last_error ->> 'provider_code' AS error FROM payments WHERE payer_id = $1`,
          [payer],
        );
        return rows.every(({ status }) => status !== 'processing') && rows;
      },
      90_000,
    );
    expect(ends.filter(({ status }) => status === 'succeeded')).toHaveLength(60);
    const refused = ends.filter(({ status }) => status !== 'succeeded');
    // Accepted while there still was enough: the wallet's own lock has refused these.
    expect(refused.length).toBeGreaterThan(0);
    for (const end of refused) {
      expect(end).toEqual({ status: 'requires_payment_method', error: 'insufficient_balance' });
    }
    expect(await balanceOf(payer)).toMatchObject({ balance: 999, held: 0 });
    await expectBooksRight();
  });
});

describe('between acceptance and charge', () => {
  /** Its answer does not come while no worker runs; its row does. */
  async function accepted(payer: string): Promise<string> {
    void payBy(payer, { order: { ...order, reference: payer } });
    return until('it is accepted', async () => {
      const { body } = await merchant.get(`/v1/payments?order_reference=${payer}`);
      return (body['data'] as { id: string }[])[0]?.id ?? false;
    });
  }

  test('the money may go, or the wish: nothing is taken, and another way pays', async () => {
    const [spent, unwanted] = [await payerWith(PRICE), await payerWith(PRICE)];
    await house.kill('worker');
    const [id, canceled] = [await accepted(spent), await accepted(unwanted)];
    const taken = { amount: -PRICE, description: 'granted by mistake' };
    expect((await merchant.post(`/v1/wallets/${spent}/adjustments`, taken)).status).toBe(201);
    await merchant.post(`/v1/payments/${canceled}/cancel`, {});
    await house.start('worker');

    const refused = await hasStatus(house, id, ['requires_payment_method']);
    expect(refused['last_error']).toMatchObject({
      code: 'insufficient_funds',
      provider: 'wallet',
      provider_code: 'insufficient_balance',
      retryable: true,
    });
    await hasStatus(house, canceled, ['canceled']);
    expect(await balanceOf(unwanted)).toMatchObject({ balance: PRICE });
    const again = await merchant.post(`/v1/payments/${id}/confirm`, { method: 'wallet' });
    expect(statusOf(again)).toEqual([422, 'insufficient_balance']);
    const confirmed = await merchant.post(`/v1/payments/${id}/confirm`, { method: 'alipay' });
    expect(statusOf(confirmed)).toEqual([200, 'requires_action']);
    await house.sandbox.pay(confirmed.body['next_action'].qr_code.data);
    await hasStatus(house, id, ['succeeded']);
    expect(await balanceOf(spent)).toMatchObject({ balance: 0 });
    await expectBooksRight();
  });
});

describe('a kill switch', () => {
  test('stops wallets, and lets them through again', async () => {
    const payer = await payerWith(PRICE);
    const thrown = await merchant.post('/v1/kill_switches', { method: 'wallet', reason: 'test' });
    expect(statusOf(await payBy(payer))).toEqual([422, 'method_unavailable']);
    await merchant.send('DELETE', `/v1/kill_switches/${thrown.body['id']}`);
    expect(statusOf(await payBy(payer))).toEqual([201, 'succeeded']);
  });
});

describe('kill -9', () => {
  test.each([
    ['api', 'api.accept.after_commit'],
    ['worker', 'worker.start.before_call'],
    ['worker', 'worker.start.after_call'],
    ['worker', 'worker.start.after_commit'],
  ] as const)('of the %s at %s: one charge, and the books are right', async (service, point) => {
    const payer = await payerWith(PRICE + 1);
    const crash = { CRASH_POINT: point, CRASH_POINT_MARKER: join(house.folder, `wallet-${point}`) };
    await house.restart(service, crash);
    const revived = house.process(service).exited.then(async ({ signal }) => {
      await house.start(service);
      return signal;
    });
    const { id } = await payPatiently(house, { method: 'wallet', payer: { id: payer } });
    expect(await revived).toBe('SIGKILL');
    await hasStatus(house, id, ['succeeded']);
    await expectChargedOnce(id);
    expect(await balanceOf(payer)).toMatchObject({ balance: 1 });
    const { body } = await merchant.get(`/v1/entitlements?payer=${payer}`);
    expect(body['data']).toHaveLength(1);
    await expectBooksRight();
  });
});

describe('another merchant', () => {
  test('sees none of a payer’s wallet, and spends none of it', async () => {
    const payer = await payerWith(PRICE);
    const other = await house.createMerchant('merchant789');
    await accountAt(house, 'wallet-test', other);
    expect((await other.get(`/v1/wallets/${payer}`)).status).toBe(404);
    expect((await other.get(`/v1/wallets/${payer}/movements`)).body['data']).toEqual([]);
    const paid = await other.pay({ method: 'wallet', payer: { id: payer } });
    expect(statusOf(paid)).toEqual([422, 'insufficient_balance']);
    expect((await other.post(`/v1/wallets/${payer}/top_ups`, { amount: 5 })).status).toBe(201);
    expect(await balanceOf(payer)).toMatchObject({ balance: PRICE });
  });
});
