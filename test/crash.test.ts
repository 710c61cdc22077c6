import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiCrashPoints, workerCrashPoints, type CrashPoint } from '../domain/crash-points.js';
import { crashScenarios, type Ending } from './crash-scenarios.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  // A dead worker's webhook lease is 90 s; here it is 3 s.
  house = await House.open({ env: { WEBHOOK_LEASE_SECONDS: '3' } });
  await house.merchant.addCourse();
  const paypal = await accountAt(house, 'paypal-sandbox');
  await house.sandbox.call('PUT', '/paypal/endpoints/paypal-sandbox', {
    url: `${house.apiUrl}/notifications/paypal/${paypal}`,
  });
  const url = `${house.sandbox.url}/merchant/webhooks/shop`;
  const enabled_events = ['payment.succeeded', 'payment.canceled', 'payment.review', 'entitlement.granted'];
  const endpoint = await house.merchant.post('/v1/webhook_endpoints', { url, enabled_events });
  await house.sandbox.call('POST', '/merchant/endpoints', { name: 'shop', secret: endpoint.body['secret'] });
});
afterAll(() => house.close());

describe.each([
  ['api', apiCrashPoints],
  ['worker', workerCrashPoints],
] as const)('kill -9 of the %s', (service, points) => {
  test.each([...points])(
    'at %s: one charge at most, and everything ends right',
    async (point: CrashPoint) => {
      const { run, env } = crashScenarios[point];
      const crash = { CRASH_POINT: point, CRASH_POINT_MARKER: join(house.folder, point) };
      if (env && service === 'worker') await house.restart('api', env);
      await house.restart(service, { ...env, ...crash });
      const revived = house.process(service).exited.then(async ({ signal }) => {
        await house.start(service, env);
        return signal;
      });
      const ending = await run(house);
      // The webhook's points come after the payment's end: the crash itself is part of what must be seen.
      expect(await revived).toBe('SIGKILL');
      await expectEnding(ending);
      if (env) await house.restart('api');
    },
  );
});

async function expectEnding(ending: Ending): Promise<void> {
  const { paymentId, payer, status, review } = ending;
  const account = ending.ledgerAccount ?? `provider:alipay:${house.merchant.account}`;
  const charges = await house.sandbox.charges(referenceOf(paymentId, ending.attempt));
  const isPaid = status === 'succeeded';
  expect(charges).toEqual(isPaid || review === 'late_success' ? [100_000] : []);

  const balances = await ledgerBalances(house, paymentId);
  const total = Object.values(balances).reduce((sum, amount) => sum + amount, 0);
  expect(total).toBe(0);
  expect(balances[account] ?? 0).toBe(charges[0] ?? 0);

  const entitlements = (await house.merchant.get(`/v1/entitlements?payer=${payer}`)).body[
    'data'
  ] as unknown[];
  expect(entitlements).toHaveLength(isPaid ? 1 : 0);
  await expectAnnounced(
    paymentId,
    isPaid ? 'payment.succeeded' : review ? 'payment.review' : 'payment.canceled',
  );
}

/** At least once, and always under the same id. */
async function expectAnnounced(paymentId: string, type: string): Promise<void> {
  const ids = await until(
    `${type} reaches the merchant`,
    async () => {
      const { entries } = await house.sandbox.call('GET', '/journal?kind=webhook');
      const mine = (entries as Record<string, any>[]).filter(
        (entry) => entry['type'] === type && JSON.stringify(entry['body']).includes(paymentId),
      );
      return mine.length > 0 && mine.map((entry) => entry['webhook_id'] as string);
    },
    30_000,
  );
  expect(new Set(ids).size).toBe(1);
}

test('the list of crash points and the code agree', () => {
  const folders = ['api', 'activities', 'worker'];
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8')),
  );
  const inCode = new Set(files.flatMap((text) => text.match(/'(api|worker)\.[a-z]+\.[a-z_]+'/g) ?? []));
  const listed = [...apiCrashPoints, ...workerCrashPoints].map((point) => `'${point}'`);
  expect([...inCode].sort()).toEqual(listed.sort());
});
