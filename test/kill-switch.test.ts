import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes.js';
import { House } from './house.js';
import { offer, referenceOf } from './offer.js';
import { until } from './until.js';

const script = new URL('../dist/scripts/kill-switch.js', import.meta.url).pathname;
let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(() => house.close());
vi.setConfig({ testTimeout: 60_000 });

async function command(...args: string[]): Promise<Record<string, string>> {
  const ran = await runToEnd({
    name: 'kill-switch',
    command: process.execPath,
    args: [script, ...args],
    env: { ...process.env, ...house.env },
  });
  if (ran.code !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as Record<string, string>;
}

test('a switch thrown after a payment was accepted stops its charge before it is sent', async () => {
  await house.kill('worker');
  const accepted = await house.merchant.pay();
  expect(accepted.status).toBe(202);
  const id = accepted.body['id'] as string;
  const { id: thrown = '' } = await command('on', '--provider', 'alipay', '--reason', 'they are down');
  await house.start('worker');
  const payment = await until('the payer may choose another way', async () => {
    const seen = await house.merchant.payment(id);
    return seen['status'] === 'requires_payment_method' && seen;
  });
  expect(payment['last_error']).toMatchObject({ code: 'provider_unavailable', provider: 'alipay' });
  expect(await house.sandbox.journal({ reference: referenceOf(id) })).toEqual([]);
  await command('off', thrown);
  const again = await house.merchant.post(`/v1/payments/${id}/confirm`, { method: 'alipay' });
  expect([again.status, again.body['status']]).toEqual([200, 'requires_action']);
});

test('what was offered before a switch is still paid, queried and settled', async () => {
  const { id, qrCode, reference } = await offer(house);
  const { id: thrown = '' } = await command('on', '--method', 'alipay', '--reason', 'no new ones');
  expect((await house.merchant.pay()).body['code']).toBe('method_unavailable');
  await house.sandbox.pay(qrCode);
  await until('it succeeds', async () => (await house.merchant.payment(id))['status'] === 'succeeded');
  expect(await house.sandbox.charges(reference)).toEqual([100_000]);
  await command('off', thrown);
});
