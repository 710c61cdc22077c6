import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { gateSettings } from '../activities/account-gate.js';
import { providerNames } from '../providers/registry.js';
import { runToEnd } from '../scripts/processes/processes.js';
import { addHangingCredential, type HangingProvider } from './hanging-provider.js';
import { House } from './house.js';
import type { Answer, Merchant } from './merchant.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

/** Steps under way that the worker has slots for. Payments at the provider that hangs come faster than these empty. */
const SLOTS = 5;
const PAUSE_BETWEEN_STUCK_MS = 750;
const STUCK_BEFORE_OTHERS = 8;
/** A call that hangs is given up after five seconds: who had to wait for one is not answered sooner than this. */
const SOON_MS = 4_000;

let house: House;
let provider: HangingProvider;
let stuckMerchant: Merchant;
let healthUrl: string;

beforeAll(async () => {
  house = await House.open({
    without: ['api', 'worker'],
    env: {
      ...{ WORKER_SLOTS: String(SLOTS), WORKER_PORT: '0', RATE_LIMIT_PER_SECOND: '0' },
      // A step that hangs is not to be taken for a worker that is gone.
      ...{ WORKFLOW_TASK_TIMEOUT_MS: '10000', STICKY_QUEUE_TIMEOUT_MS: '10000' },
    },
  });
  provider = await addHangingCredential(house);
  healthUrl = String((await house.start('worker')).ready['healthUrl']);
  await house.start('api');
  await addAccount('stripe-sandbox');
  stuckMerchant = await house.createMerchant('merchant457', ['--credential', 'alipay-hanging']);
});
afterAll(async () => {
  await house.close();
  await provider.close();
});
vi.setConfig({ testTimeout: 120_000 });

async function addAccount(credential: string): Promise<void> {
  const script = new URL('../dist/scripts/merchant.js', import.meta.url).pathname;
  const args = [script, 'account', '--id', house.merchant.id, '--mode', 'test', '--credential', credential];
  const { code, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args,
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
}

async function metric(name: string, labels: Readonly<Record<string, string>>): Promise<number | undefined> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && wanted.every((pair) => each.includes(pair)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const ofStuck = () => ({ account: stuckMerchant.account });
const isBreaker = async (state: string) =>
  (await metric('quittance_provider_breaker_state', { ...ofStuck(), state })) === 1;

async function timed(pay: () => Promise<Answer>): Promise<{ answer: Answer; ms: number }> {
  const startedAt = performance.now();
  const answer = await pay();
  return { answer, ms: performance.now() - startedAt };
}

async function slowestOf(payments: number, pay: () => Promise<Answer>): Promise<number> {
  let slowestMs = 0;
  for (let index = 0; index < payments; index += 1) {
    const { answer, ms } = await timed(pay);
    expect(answer.status, answer.text).toBe(201);
    slowestMs = Math.max(slowestMs, ms);
  }
  return slowestMs;
}

/** Payments at the provider that hangs, one after another, none of them waited for, until told to stop. */
function keepPaying(): { readonly answers: Promise<Answer>[]; readonly stop: () => void } {
  const answers: Promise<Answer>[] = [];
  const timer = setInterval(() => answers.push(stuckMerchant.pay()), PAUSE_BETWEEN_STUCK_MS);
  return { answers, stop: () => clearInterval(timer) };
}

test('a provider that hangs on every call keeps nobody else waiting, is left alone, and then paid with once', async () => {
  const { merchant } = house;
  const byCard = () => merchant.pay({ method: 'card', payment_token: 'pm_card_visa' });
  provider.isHanging = true;
  const { answers, stop } = keepPaying();
  onTestFinished(stop);
  await until('more are under way than there are slots', async () => answers.length >= STUCK_BEFORE_OTHERS);
  const [slowestCode, slowestCard] = await Promise.all([
    slowestOf(5, () => merchant.pay()),
    slowestOf(5, byCard),
  ]);
  stop();
  expect([slowestCode, slowestCard].map((ms) => ms < SOON_MS)).toEqual([true, true]);
  const stuck = await Promise.all(answers);
  for (const { status, body } of stuck) expect([status, body['status']]).toEqual([202, 'processing']);

  await until('the breaker opens', () => isBreaker('open'));
  const given = provider.charges().length;
  const { permits, durablePermits, failuresToOpen } = gateSettings(SLOTS, providerNames.length);
  // As many as may be under way, and one more for each that was given up before the one that opened the breaker.
  expect(given).toBeLessThan(permits + durablePermits + failuresToOpen);
  await until('a trial was made', async () => provider.calls.length > given);
  // Neither the trial nor any of the payments that go on trying was a charge.
  expect(provider.charges()).toHaveLength(given);
  expect(provider.calls.slice(given).map(({ reference }) => reference)).toEqual(['probe']);
  expect(
    await metric('quittance_provider_held_back_total', { ...ofStuck(), reason: 'breaker_open' }),
  ).toBeGreaterThan(0);

  provider.isHanging = false;
  const ids = stuck.map(({ body }) => String(body['id']));
  await until('the breaker closes', () => isBreaker('closed'), 60_000);
  for (const id of ids) {
    await until(
      'the payer has a code',
      async () => (await stuckMerchant.payment(id))['status'] === 'requires_action',
      60_000,
    );
    expect(await house.sandbox.journal({ reference: referenceOf(id), kind: 'offer' })).toHaveLength(1);
  }
});

test('the worker tells how it is: each change in its log, states and counts over HTTP, and no secret', async () => {
  const changes = house
    .log('worker')
    .split('\n')
    .filter((line) => line.includes('circuit breaker'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(changes.map(({ breaker }) => breaker)).toEqual(
    expect.arrayContaining(['open', 'probing', 'closed']),
  );
  expect(changes[0]).toMatchObject({ provider: 'alipay', account: stuckMerchant.account, breaker: 'open' });
  const health = await fetch(`${healthUrl}/healthz`);
  expect([health.status, await health.json()]).toEqual([200, { status: 'ok', polling: true, stuck: [] }]);
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  expect(text).toMatch(/^quittance_worker_rounds_total\{loop="sweeper"\} [1-9]/m);
  expect(text).not.toMatch(/PRIVATE|-----|alipay-hanging/);
  const refused = await Promise.all([
    fetch(`${healthUrl}/metrics`, { method: 'POST', body: 'x'.repeat(100) }),
    fetch(`${healthUrl}/v1/payments`),
  ]);
  expect(refused.map(({ status }) => status)).toEqual([404, 404]);
});
