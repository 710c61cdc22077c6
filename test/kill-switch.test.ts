import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes/processes.js';
import { addHangingCredential, type HangingProvider } from './hanging-provider.js';
import { House } from './house.js';
import { offer, referenceOf } from './offer.js';
import { until } from './until.js';

const script = new URL('../dist/scripts/kill-switch.js', import.meta.url).pathname;
let house: House;
let provider: HangingProvider;
beforeAll(async () => {
  house = await House.open({ without: ['api', 'worker'] });
  provider = await addHangingCredential(house);
  for (const service of ['worker', 'api'] as const) await house.start(service);
});
afterAll(async () => {
  await house.close();
  await provider.close();
});
vi.setConfig({ testTimeout: 60_000 });

const runCommand = (args: readonly string[]) =>
  runToEnd({
    name: 'kill-switch',
    command: process.execPath,
    args: [script, ...args],
    env: { ...process.env, ...house.env },
  });

async function command(...args: string[]): Promise<Record<string, string>> {
  const ran = await runCommand(args);
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

/** Of everything, or of a part of it; all of this merchant, so that no other test feels it. */
const scopes = [
  ['a provider', { provider: 'alipay' }],
  ['a method', { method: 'alipay' }],
  ['a kind of operation', { operation: 'sale' }],
  ['a merchant', {}],
] as const;

test('a switch of each kind stops what was accepted before it; what none names goes through', async () => {
  const merchants = await Promise.all(scopes.map((_, index) => house.createMerchant(`stopped-${index}`)));
  await house.kill('worker');
  const accepted = await Promise.all([...merchants, house.merchant].map((merchant) => merchant.pay()));
  const thrown = await Promise.all(
    scopes.map(([, scope], index) =>
      merchants[index]!.post('/v1/kill_switches', { reason: 'between acceptance and sending', ...scope }),
    ),
  );
  expect(thrown.map(({ status }) => status)).toEqual(scopes.map(() => 201));
  await house.start('worker');
  for (const [index, merchant] of merchants.entries()) {
    const id = String(accepted[index]?.body['id']);
    const stopped = await until(`${scopes[index]?.[0]}: it is stopped`, async () => {
      const payment = await merchant.payment(id);
      return payment['status'] === 'requires_payment_method' && payment;
    });
    expect(stopped['last_error']).toMatchObject({ code: 'provider_unavailable' });
    expect(await house.sandbox.journal({ reference: referenceOf(id) })).toEqual([]);
  }
  const unnamed = String(accepted.at(-1)?.body['id']);
  await until('the other has its code', async () => {
    return (await house.merchant.payment(unnamed))['status'] === 'requires_action';
  });
});

test('a charge without an answer is not made again from one second after the switch, only asked about, until it is lifted', async () => {
  const merchant = await house.createMerchant('unanswered', ['--credential', 'alipay-hanging']);
  provider.isHanging = true;
  const accepted = await merchant.pay();
  expect([accepted.status, accepted.body['outcome']]).toEqual([202, 'unknown']);
  const id = String(accepted.body['id']);
  const { status, body } = await merchant.post('/v1/kill_switches', { reason: 'no more of it' });
  expect(status).toBe(201);
  const inForceAt = Date.now() + 1_000;
  provider.isHanging = false;
  await until('it is asked about while it is stopped', async () =>
    provider.calls.some(({ method, atMs }) => method === 'alipay.trade.query' && atMs > inForceAt),
  );
  expect(provider.charges().filter(({ atMs }) => atMs > inForceAt)).toEqual([]);
  expect((await merchant.payment(id))['outcome']).toBe('unknown');
  expect((await merchant.send('DELETE', `/v1/kill_switches/${String(body['id'])}`)).status).toBe(200);
  await until('it goes on', async () => (await merchant.payment(id))['status'] === 'requires_action', 60_000);
  expect(await house.sandbox.journal({ reference: referenceOf(id), kind: 'offer' })).toHaveLength(1);
});

test('what may still be paid is closed while charges are stopped', async () => {
  const { id, reference, qrCode } = await offer(house);
  await house.sandbox.call('POST', `${new URL(qrCode).pathname}/scan`, {});
  const { id: thrown = '' } = await command('on', '--operation', 'sale', '--reason', 'no new ones');
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await until(
    'it is closed at the provider',
    async () => (await house.merchant.payment(id))['status'] === 'canceled',
    30_000,
  );
  expect(await house.sandbox.journal({ reference, kind: 'close' })).toHaveLength(1);
  await command('off', thrown);
});

test.each([
  ['says nothing of why', ['on', '--provider', 'alipay'], 2, '--reason is missing'],
  ['names nothing', ['on', '--reason', 'r'], 2, 'Name what is to be stopped'],
  [
    'names a provider that there is not',
    ['on', '--provider', 'acme', '--reason', 'r'],
    2,
    '--provider takes',
  ],
  ['names what is never stopped', ['on', '--operation', 'refund', '--reason', 'r'], 2, '--operation takes'],
  ['names a merchant without a mode', ['on', '--merchant', 'm', '--reason', 'r'], 2, 'go together'],
  [
    'names a merchant that there is not',
    ['on', '--merchant', 'm', '--mode', 'test', '--reason', 'r'],
    1,
    'no such merchant',
  ],
  ['lifts what is not thrown', ['off', 'ksw_none'], 2, 'no switch'],
])('a command that %s changes nothing, and says so', async (_, args, code, says) => {
  const before = await house.sql.query('SELECT count(*) FROM kill_switches');
  const ran = await runCommand(args);
  expect(ran.code).toBe(code);
  expect(ran.stderr).toContain(says);
  expect((await house.sql.query('SELECT count(*) FROM kill_switches')).rows).toEqual(before.rows);
});
