import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { runToEnd } from '../../scripts/processes/processes.js';
import * as scenarios from '../crash-scenarios.js';
import { House } from '../house.js';
import { referenceOf } from '../offer.js';
import { accountAt } from '../provider-account.js';
import { until } from '../until.js';

/**
 * Records one history for each branch, under the version in package.json. Histories of earlier releases stay:
 * workflows that they started may still be running.
 */
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

let house: House;
beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
});
afterEach(() => house.sandbox.clearFaults());
afterAll(() => house.close());

async function keep(branch: string, workflowId: string): Promise<void> {
  const client = await house.temporal();
  const handle = client.workflow.getHandle(workflowId);
  await until(
    `${workflowId} has ended`,
    async () => (await handle.describe()).status.name === 'COMPLETED',
    60_000,
  );
  // The server's own form, as operators download it.
  const { stdout, stderr } = await runToEnd({
    name: 'temporal',
    command: inject('temporalBinary'),
    args: ['workflow', 'show', '-w', workflowId, '--output', 'json', '--address', house.temporalAddress],
    env: { HOME: house.folder },
  });
  expect(stderr).toBe('');
  writeFileSync(new URL(`../histories/${version}-${branch}.json`, import.meta.url), `${stdout.trim()}\n`);
}

test('bought', async () => {
  await keep('bought', (await scenarios.bought.run(house)).paymentId);
});

test('bought-after-trouble', async () => {
  await keep('bought-after-trouble', (await scenarios.boughtAfterTrouble.run(house)).paymentId);
});

test('found-by-polling', async () => {
  await keep('found-by-polling', (await scenarios.foundByPolling.run(house)).paymentId);
});

test('canceled-by-merchant', async () => {
  await keep('canceled-by-merchant', (await scenarios.canceledByMerchant.run(house)).paymentId);
});

test('canceled-by-operator', async () => {
  const { id } = await scenarios.offered(house);
  await house.sandbox.call('POST', `/alipay/trades/${referenceOf(id)}/scan`);
  await (await house.temporal()).workflow.getHandle(id).cancel();
  await keep('canceled-by-operator', id);
});

test('confirmed-after-refusal', async () => {
  await house.sandbox.fault('precreate', 'code', { code: '40004', sub_code: 'ACQ.BUYER_NOT_EXIST' });
  const { id } = await scenarios.payPatiently(house, {});
  await scenarios.hasStatus(house, id, ['requires_payment_method']);
  const confirmed = await house.merchant.post(`/v1/payments/${id}/confirm`, { method: 'alipay' });
  await house.sandbox.pay(confirmed.body['next_action'].qr_code.data);
  await keep('confirmed-after-refusal', id);
});

test('failed-over', async () => {
  await keep('failed-over', (await scenarios.failedOver.run(house)).paymentId);
});

test('expired', async () => {
  const { id } = await scenarios.offered(house, { expires_in: 10 });
  await keep('expired', id);
});

test('late-money', async () => {
  const { paymentId } = await scenarios.paidUnseenAndLate.run(house);
  const { rows } = await house.sql.query<{ id: string }>('SELECT id FROM operations WHERE payment_id = $1', [
    paymentId,
  ]);
  await keep('late-money', `late-${rows[0]?.id}`);
});

test('webhook-retried', async () => {
  const url = `${house.sandbox.url}/merchant/webhooks/flaky`;
  const endpoint = await house.merchant.post('/v1/webhook_endpoints', { url });
  await house.sandbox.call('POST', '/merchant/endpoints', { name: 'flaky', secret: endpoint.body['secret'] });
  await house.sandbox.call('POST', '/faults', { operation: 'webhook', fault: 'error_500_before' });
  await scenarios.bought.run(house);
  const { id } = await until('a delivery is retried', async () => {
    const { rows } = await house.sql.query<{ id: string }>(
      "SELECT id::text AS id FROM webhook_deliveries WHERE status = 'retrying'",
    );
    return rows[0];
  });
  await keep('webhook-retried', `webhook-${id}`);
});

test('approved-then-taken-after-trouble', async () => {
  await accountAt(house, 'paypal-sandbox');
  const { paymentId } = await scenarios.approvedThenTakenAfterTrouble.run(house);
  await keep('approved-then-taken-after-trouble', paymentId);
});

test('review', async () => {
  const { env, run } = scenarios.unanswered;
  await house.restart('api', env);
  const { paymentId } = await run(house);
  await keep('review', paymentId);
});
