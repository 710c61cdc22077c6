import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { atOnceBudget, cardBudget, overBudget, payerActsBudget, summarize } from '../bench/budget.js';
import {
  Counter,
  countEach,
  countingSettings,
  type CountedRun,
  type PaymentCounts,
} from '../bench/counter.js';
import { proveCounting } from '../bench/prove-counting.js';
import { startPostgres, type RunningPostgres } from '../scripts/postgres/postgres.js';
import { APP_ROLE } from '../scripts/postgres/prepare-database.js';
import { House } from './house.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

const PAYMENTS = 20;
const WARM_UP = 3;
const course = { lines: [{ product: 'course-ts', quantity: 1 }] };

let folder: string;
let postgres: RunningPostgres;
let house: House;
let counter: Counter;
/** Of the house's own database. */
let superuserUrl: string;
const appUrl = () => house.env['DATABASE_URL'] ?? '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'quittance-cost-'));
  postgres = await startPostgres({
    directory: join(folder, 'postgres'),
    settings: { ...countingSettings, autovacuum: 'off' },
  });
  // The house's impatience would count as work of the payments: time-outs and sweeps stay out of it.
  const env = { SWEEP_AFTER_MS: '60000', SWEEP_INTERVAL_MS: '1000', WORKFLOW_TASK_TIMEOUT_MS: '10000' };
  house = await House.open({ superuserUrl: postgres.superuserUrl, env });
  superuserUrl = new URL(new URL(appUrl()).pathname, postgres.superuserUrl).href;
  counter = await Counter.open(superuserUrl, APP_ROLE);
  await house.merchant.addCourse();
  const url = `${house.sandbox.url}/merchant/webhooks/shop`;
  const endpoint = await house.merchant.post('/v1/webhook_endpoints', { url });
  await house.sandbox.call('POST', '/merchant/endpoints', { name: 'shop', secret: endpoint.body['secret'] });
});

afterAll(async () => {
  await counter.close();
  await house.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a course bought by QR code costs no more commits, statements, workflow tasks and events than its budget', async () => {
  const temporal = await house.temporal();
  const buy = async () => {
    const answer = await house.merchant.pay({ order: course });
    expect(answer.status, answer.text).toBe(201);
    const id = String(answer.body['id']);
    await house.sandbox.pay(String(answer.body['next_action'].qr_code.data));
    expect(await temporal.workflow.getHandle(id).result()).toBe('succeeded');
    return id;
  };
  await proveCounting(counter, appUrl(), superuserUrl);
  await expectWithin(payerActsBudget, buy);
  await until('every webhook was delivered', async () => {
    const arrived = await house.sandbox.journal({ kind: 'webhook' });
    return arrived.length >= (PAYMENTS + WARM_UP) * 2;
  });
  await temporal.connection.close();
}, 180_000);

test.each([
  ['by wallet', atOnceBudget, 'wallet-test', (payer: string) => ({ method: 'wallet', payer: { id: payer } })],
  ['by card', cardBudget, 'stripe-sandbox', () => ({ method: 'card', payment_token: 'pm_card_visa' })],
] as const)(
  'a course bought %s is answered when it has succeeded, and costs no more than its budget',
  async (_how, budget, credential, request) => {
    const temporal = await house.temporal();
    await accountAt(house, credential);
    const payers = Array.from({ length: WARM_UP + PAYMENTS }, (_, index) => `payer-${credential}-${index}`);
    for (const payer of payers) {
      const { status } = await house.merchant.post(`/v1/wallets/${payer}/top_ups`, { amount: 100_000 });
      expect(status).toBe(201);
    }
    await expectWithin(budget, async () => {
      const answer = await house.merchant.pay({ order: course, ...request(payers.pop() ?? '') });
      expect([answer.status, answer.body['status']], answer.text).toEqual([201, 'succeeded']);
      const id = String(answer.body['id']);
      expect(await temporal.workflow.getHandle(id).result()).toBe('succeeded');
      return id;
    });
    await temporal.connection.close();
  },
  180_000,
);

async function expectWithin(budget: Readonly<PaymentCounts>, buy: () => Promise<string>): Promise<void> {
  const temporal = await house.temporal();
  // Connections and caches are there before anything is counted.
  for (let index = 0; index < WARM_UP; index += 1) await buy();
  const counted: CountedRun = await countEach(counter, temporal, PAYMENTS, buy);
  expect(counted.payments).toHaveLength(PAYMENTS);
  const summaries = summarize(counted.payments);
  expect(overBudget(summaries, budget), JSON.stringify(counted.payments)).toEqual([]);
  // Nothing counted would hold every budget as well.
  for (const { name, least } of summaries) expect(least, name).toBeGreaterThan(0);
  await temporal.connection.close();
}

test('a payment that costs one more of anything is over its budget', () => {
  for (const budget of [payerActsBudget, atOnceBudget, cardBudget]) {
    expect(overBudget(summarize([budget]), budget)).toEqual([]);
    for (const name of Object.keys(budget) as (keyof PaymentCounts)[]) {
      const dearer = { ...budget, [name]: budget[name] + 1 };
      expect(overBudget(summarize([dearer]), budget)).toHaveLength(1);
    }
  }
});
