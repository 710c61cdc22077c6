import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { offer, referenceOf } from './offer.js';
import { besideUs, stripeAccount } from './provider-accounts.js';
import { openNotifications, settle } from './refund-acts.js';
import { until } from './until.js';

/** What comes so late, or dies so soon, that money would be moved twice or kept in silence. */
let house: House;
beforeAll(async () => {
  house = await House.open({
    env: { REPLY_TIMEOUT_MS: '4000', CONCLUSIVE_MARGIN_MS: '2000', REVIEW_GRACE_MS: '3000' },
  });
  await house.merchant.addCourse();
  await stripeAccount(house);
});
afterAll(() => house.close());
vi.setConfig({ testTimeout: 120_000 });

test('a signed "paid" for an ended payment is no less true because the look-up does not know it', async () => {
  await house.sandbox.fault('notification', 'lost');
  await house.sandbox.fault('query', 'query_not_yet', { times: -1 });
  const { id, qrCode } = await offer(house, { expires_in: 10 });
  await house.sandbox.pay(qrCode);
  await until('it is canceled', async () => (await statusOf(id)) === 'canceled', 60_000);
  await house.sandbox.call('POST', `/alipay/trades/${referenceOf(id)}/notify`, { mode: 'genuine' });
  // The look-up lags on, for longer than the grace.
  await until('a person is asked', async () => (await reviewsOf(id)).length > 0, 60_000);
  await house.sandbox.clearFaults();
  expect((await house.merchant.payment(id))['outcome']).toBe('review');
});

test('a refund that could not be sent for a day is given up unsent, and the next one moves the money once', async () => {
  const made = await house.merchant.pay({ method: 'card', payment_token: 'pm_card_visa' });
  const id = made.body['id'] as string;
  expect(made.body['status']).toBe('succeeded');
  await house.kill('worker');
  const first = await house.merchant.post('/v1/refunds', { payment: id, amount: 40_000 });
  expect(first.status).toBe(202);
  const earlier = ['created_at', 'offer_ends_at', 'conclusive_after', 'deadline_at'];
  await house.sql.query(
    `UPDATE operations SET ${earlier.map((column) => `${column} = ${column} - interval '25 hours'`).join(', ')}
      WHERE payment_id = $1 AND kind = 'refund'`,
    [id],
  );
  await house.start('worker');
  await house.sql.query('UPDATE refunds SET due_at = now() WHERE payment_id = $1', [id]);
  const refund = async (answer: typeof first) =>
    (await house.merchant.get(`/v1/refunds/${String(answer.body['id'])}`)).body;
  await until('it is given up', async () => (await refund(first))['status'] === 'failed', 60_000);
  expect(await house.sandbox.moved(id, 'refund')).toEqual([]);
  const second = await house.merchant.post('/v1/refunds', { payment: id, amount: 40_000 });
  await until('the second succeeds', async () => (await refund(second))['status'] === 'succeeded');
  expect(await house.sandbox.moved(id, 'refund')).toEqual([40_000]);
});

test('kill -9 between a refund and the end of the attempt whose money it was', async () => {
  const { id, qrCode } = await offer(house);
  await house.sandbox.pay(qrCode, { amount: '1.00' });
  await until('a person is asked', async () => (await reviewsOf(id)).length > 0);
  const dying = (round: number) => ({
    CRASH_POINT: 'worker.followup.after_commit',
    CRASH_POINT_MARKER: join(house.folder, `emptied-${round}`),
  });
  await house.restart('worker', dying(1));
  const asked = house.merchant.post('/v1/refunds', { payment: id });
  // It is `sent`, then `unknown`, then `succeeded`: each commit is the last of its worker.
  await house.process('worker').exited;
  for (const round of [2, 3]) {
    await house.start('worker', dying(round));
    await house.process('worker').exited;
  }
  await house.start('worker');
  expect((await asked).status).toBeLessThan(300);
  const isOpenAgain = async () => (await statusOf(id)) === 'requires_payment_method';
  await until('the payer may pay again', isOpenAgain, 60_000);
  expect(await house.sandbox.moved(id, 'refund')).toHaveLength(1);
  expect(await ledgerBalances(house, id)).toEqual({});
  expect((await house.merchant.post(`/v1/payments/${id}/cancel`, {})).status).toBeLessThan(300);
  await until('it is canceled', async () => (await statusOf(id)) === 'canceled');
});

test('a capture of another amount, all of it given back, ends the payment', async () => {
  const made = await house.merchant.pay({ method: 'card', payment_token: 'pm_card_visa', capture: 'manual' });
  const id = made.body['id'] as string;
  for (const operation of ['capture', 'retrieve', 'search'])
    await house.sandbox.call('POST', '/stripe/faults', { operation, fault: 'wrong_amount', times: -1 });
  await house.merchant.post(`/v1/payments/${id}/capture`, { amount: 50_000 });
  await until('a person is asked', async () => (await reviewsOf(id)).length > 0);
  await house.sandbox.call('DELETE', '/stripe/faults');
  expect((await house.merchant.post('/v1/refunds', { payment: id })).status).toBeLessThan(300);
  await until('it has ended', async () => (await statusOf(id)) === 'canceled');
  expect((await house.merchant.payment(id))['outcome']).toBe('known');
});

test('what was captured in part, and is given back whole in the dashboard, goes to a person', async () => {
  const made = await house.merchant.pay({ method: 'card', payment_token: 'pm_card_visa', capture: 'manual' });
  const id = made.body['id'] as string;
  await house.merchant.post(`/v1/payments/${id}/capture`, { amount: 60_000 });
  await until('it is paid', async () => (await statusOf(id)) === 'succeeded');
  const { rows } = await house.sql.query<{ provider_reference: string }>(
    'SELECT provider_reference FROM operations WHERE payment_id = $1 AND number = 1',
    [id],
  );
  await besideUs(house, '/v1/refunds', { payment_intent: rows[0]?.provider_reference ?? '' });
  await until('a person is asked', async () => (await reviewsOf(id)).length > 0, 60_000);
});

test.each(['error_502_html', 'query_not_yet'])(
  'news of a refund that ended, about which the provider only ever answers %s, goes to a person',
  async (fault) => {
    const made = await house.merchant.pay({ method: 'card', payment_token: 'pm_card_visa' });
    const id = made.body['id'] as string;
    // What Stripe did not answer before this may have opened the breaker of its account.
    await until('it is paid', async () => (await statusOf(id)) === 'succeeded', 90_000);
    const refunded = await house.merchant.post('/v1/refunds', { payment: id, amount: 40_000 });
    expect(refunded.body['status']).toBe('succeeded');
    await house.sandbox.call('POST', '/stripe/faults', { operation: 'refund_list', fault, times: -1 });
    await settle(house, id, 'failed');
    await until('a person is asked', async () => (await reviewsOf(id)).length > 0, 60_000);
    await house.sandbox.call('DELETE', '/stripe/faults');
    expect(await reviewsOf(id)).toEqual([{ reason: 'no_answer' }]);
    // Nobody has confirmed that it came back, so nothing is posted.
    expect(await house.merchant.payment(id)).toMatchObject({ outcome: 'review', amount_refunded: 40_000 });
    expect(await openNotifications(house, id)).toBe(0);
  },
);

async function statusOf(id: string): Promise<unknown> {
  return (await house.merchant.payment(id))['status'];
}

async function reviewsOf(id: string): Promise<unknown[]> {
  return (await house.sql.query('SELECT reason FROM reviews WHERE payment_id = $1', [id])).rows;
}
