import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes/processes.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  house = await House.open();
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [
      new URL('../dist/scripts/merchant.js', import.meta.url).pathname,
      ...['account', '--id', house.merchant.id, '--mode', 'test', '--credential', 'btcpay-sandbox'],
    ],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  account = (JSON.parse(stdout) as { account: string }).account;
  const url = `${house.apiUrl}/notifications/btcpay/${account}`;
  await house.sandbox.call('PUT', '/btcpay/endpoints/btcpay-sandbox', { url });
});
afterAll(() => house.close());
vi.setConfig({ testTimeout: 60_000 });

const ends = (id: string, status: string) =>
  until(`it is ${status}`, async () => (await house.merchant.payment(id))['status'] === status, 45_000);
const play = (id: string, action: string, body: Record<string, unknown> = {}) =>
  house.sandbox.call('POST', `/btcpay/orders/${referenceOf(id)}/${action}`, body);
const inAccount = async (id: string) => (await ledgerBalances(house, id))[`provider:btcpay:${account}`];

async function offered(): Promise<string> {
  const made = await house.merchant.pay({ method: 'crypto' });
  expect([made.status, made.body['status']]).toEqual([201, 'requires_action']);
  expect(made.body['next_action']).toMatchObject({
    type: 'crypto_address',
    crypto_address: { uri: expect.stringMatching(/^bitcoin:bcrt1q\w+\?amount=0\.00\d+$/) as string },
  });
  return made.body['id'] as string;
}

test('an address is paid, confirmed, told by webhook, and the course is granted', async () => {
  const id = await offered();
  await play(id, 'pay');
  expect((await house.merchant.payment(id))['status']).toBe('requires_action');
  await play(id, 'confirm');
  await ends(id, 'succeeded');
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  expect(await inAccount(id)).toBe(100_000);
});

test('more than was asked for is delivered, and the surplus is looked at by a person', async () => {
  const id = await offered();
  await play(id, 'pay', { part: 'over', confirmed: true });
  await ends(id, 'succeeded');
  const [charged = 0] = await house.sandbox.charges(referenceOf(id));
  expect(charged).toBeGreaterThan(100_000);
  expect(await inAccount(id)).toBe(charged);
  expect((await house.merchant.payment(id))['outcome']).toBe('review');
});

test('an invoice that is canceled takes its page away, and money that comes all the same is not lost', async () => {
  const id = await offered();
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await until('BTCPay marks it invalid', async () => {
    const closes = await house.sandbox.journal({ reference: referenceOf(id), kind: 'close' });
    return closes.some((entry) => entry['marked'] === 'Invalid');
  });
  await play(id, 'pay', { confirmed: true });
  await until('the money is in the ledger', async () => (await inAccount(id)) === 100_000, 45_000);
});

test('a second transfer after the course was opened is posted to suspense, and a person is called', async () => {
  const id = await offered();
  await play(id, 'pay', { confirmed: true });
  await ends(id, 'succeeded');
  await until('the first is posted', async () => (await inAccount(id)) === 100_000);
  await play(id, 'pay', { confirmed: true });
  await until('the second is posted as well', async () => (await inAccount(id)) === 200_000, 45_000);
  const balances = await ledgerBalances(house, id);
  expect(balances[`merchant:${house.merchant.id}:payable`]).toBe(-100_000);
  expect(balances[`merchant:${house.merchant.id}:suspense`]).toBe(-100_000);
  const payment = await house.merchant.payment(id);
  expect(payment).toMatchObject({ status: 'succeeded', outcome: 'review', amount_received: 200_000 });
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000, 100_000]);
});
