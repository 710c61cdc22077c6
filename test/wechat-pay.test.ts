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
      ...['account', '--id', house.merchant.id, '--mode', 'test', '--credential', 'wechat-pay-sandbox'],
    ],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  account = (JSON.parse(stdout) as { account: string }).account;
});
afterAll(() => house.close());
vi.setConfig({ testTimeout: 60_000 });

const ends = (id: string, status: string) =>
  until(`it is ${status}`, async () => (await house.merchant.payment(id))['status'] === status, 45_000);
const payerPays = (id: string) => house.sandbox.call('POST', `/wechat_pay/orders/${referenceOf(id)}/pay`, {});

async function expectPaidOnce(id: string): Promise<void> {
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  expect((await ledgerBalances(house, id))[`provider:wechat_pay:${account}`]).toBe(100_000);
}

test('a QR code by WeChat Pay is scanned, told by an encrypted notification, and paid', async () => {
  const made = await house.merchant.pay({ method: 'WECHAT_PAY' });
  expect([made.status, made.body['status']]).toEqual([201, 'requires_action']);
  expect(made.body['next_action'].qr_code.data).toMatch(/^http/);
  const id = made.body['id'] as string;
  await payerPays(id);
  await ends(id, 'succeeded');
  await expectPaidOnce(id);
});

test('a payer on a telephone is led to WeChat Pay by a redirect, which needs their address', async () => {
  const payer = { id: 'payer-1' };
  const without = await house.merchant.pay({ method: 'wechat_pay', flow: 'redirect', payer });
  expect([without.status, without.body['code']]).toEqual([400, 'missing_field']);
  expect(without.body['errors']).toMatchObject([{ pointer: '/payer/ip' }]);
  const made = await house.merchant.pay({
    method: 'wechat_pay',
    flow: 'redirect',
    payer: { ...payer, ip: '203.0.113.7' },
  });
  expect(made.body['next_action'].redirect.url).toMatch(/^http/);
  const id = made.body['id'] as string;
  await payerPays(id);
  await ends(id, 'succeeded');
  await expectPaidOnce(id);
});

test('an order that nobody wants any more is closed at WeChat Pay, and then canceled', async () => {
  const made = await house.merchant.pay({ method: 'wechat_pay' });
  const id = made.body['id'] as string;
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await ends(id, 'canceled');
  expect(await house.sandbox.journal({ reference: referenceOf(id), kind: 'close' })).toHaveLength(1);
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([]);
});
