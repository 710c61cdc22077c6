import { afterAll, afterEach, beforeAll, test } from 'vitest';
import * as scenarios from '../crash-scenarios.js';
import { House } from '../house.js';
import { referenceOf } from '../offer.js';
import { accountAt } from '../provider-account.js';
import { until } from '../until.js';
import { keepHistory } from './keep-history.js';

/** Records one history for each branch of a payment, under the version in package.json. */
let house: House;
beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
});
afterEach(() => house.sandbox.clearFaults());
afterAll(() => house.close());

const keep = (branch: string, workflowId: string) => keepHistory(house, branch, workflowId);

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

test('late-news-after-trouble', async () => {
  const { id } = await scenarios.offered(house, { expires_in: 10 });
  await scenarios.hasStatus(house, id, ['canceled']);
  await house.sandbox.fault('query', 'error_500_before');
  const reference = referenceOf(id);
  await house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, { mode: 'genuine' });
  const { rows } = await house.sql.query<{ id: string }>('SELECT id FROM operations WHERE payment_id = $1', [
    id,
  ]);
  await keep('late-news-after-trouble', `late-${rows[0]?.id}`);
});

test('refused-and-expired', async () => {
  await keep('refused-and-expired', (await scenarios.expiredAfterRefusal.run(house)).paymentId);
});

test('canceled-in-trouble', async () => {
  await house.sandbox.fault('precreate', 'error_500_before', { times: -1 });
  const { id } = await scenarios.payPatiently(house, { expires_in: 10 });
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await scenarios.hasStatus(house, id, ['canceled']);
  await keep('canceled-in-trouble', id);
});

test('bought-by-wallet', async () => {
  await accountAt(house, 'wallet-test');
  const payer = { id: 'payer-with-wallet' };
  await house.merchant.post(`/v1/wallets/${payer.id}/top_ups`, { amount: 100_000 });
  const made = await house.merchant.pay({ method: 'wallet', payer });
  await keep('bought-by-wallet', made.body['id'] as string);
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

test('review-after-trouble', async () => {
  const { run } = scenarios.unanswered;
  // After five look-ups without an answer, three seconds' worth, the worker makes none for five seconds.
  await house.restart('api', { REVIEW_GRACE_MS: '6000' });
  const { paymentId } = await run(house);
  await keep('review-after-trouble', paymentId);
});
