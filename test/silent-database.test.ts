import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { offer, referenceOf } from './offer.js';
import { SilentServer } from './silent-server.js';
import { until } from './until.js';

let house: House;
let beforeApi: SilentServer;
let beforeWorker: SilentServer;

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  house = await House.open({ without: ['api', 'worker'] });
  const url = house.env['DATABASE_URL'] ?? '';
  beforeApi = await SilentServer.open(url);
  beforeWorker = await SilentServer.open(url);
  await house.start('worker', { DATABASE_URL: beforeWorker.before(url) });
  await house.start('api', { DATABASE_URL: beforeApi.before(url) });
});
afterAll(async () => {
  await house.close();
  await beforeApi.close();
  await beforeWorker.close();
});

test('connections of the worker that fall silent hold a payment for seconds, and it is charged once', async () => {
  const { id, qrCode } = await offer(house);
  await house.sandbox.pay(qrCode);
  expect(beforeWorker.silence()).toBeGreaterThan(0);
  const isOver = async () => (await house.merchant.payment(id))['status'] === 'succeeded';
  await until('it succeeds', isOver, 40_000);
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  const made = await house.merchant.pay();
  expect([made.status, made.body['status']]).toEqual([201, 'requires_action']);
});

test('a request on a connection that falls silent is answered with 503, and the same key then gives one payment', async () => {
  const payer = { id: `payer-${randomUUID()}` };
  const key = randomUUID();
  expect(beforeApi.silence()).toBeGreaterThan(0);
  const startedAt = performance.now();
  const refused = await house.merchant.pay({ payer }, key);
  expect([refused.status, refused.body['code']]).toEqual([503, 'service_unavailable']);
  expect(performance.now() - startedAt).toBeLessThan(14_000);
  const again = await until('it is accepted', async () => {
    const answer = await house.merchant.pay({ payer }, key);
    return answer.status === 201 && answer;
  });
  const { rows } = await house.sql.query<{ id: string }>('SELECT id FROM payments WHERE payer_id = $1', [
    payer.id,
  ]);
  expect(rows.map(({ id }) => id)).toEqual([again.body['id']]);
});
