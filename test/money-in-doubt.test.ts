import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { offer, referenceOf } from './offer.js';
import { stripeAccount } from './provider-accounts.js';
import { granted, openReasons } from './refund-acts.js';
import { until } from './until.js';

let house: House;
let stripe: string;

beforeAll(async () => {
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '1000', REVIEW_GRACE_MS: '60000' } });
  await house.merchant.addCourse();
  stripe = await stripeAccount(house);
});
afterEach(() => house.sandbox.clearFaults());
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const card = (token: string) => ({ method: 'card', payment_token: token });
const confirm = (id: string, body: Record<string, unknown>) =>
  house.merchant.post(`/v1/payments/${id}/confirm`, body);
const becomes = (id: string, what: Record<string, unknown>) =>
  until(
    `${id} is ${JSON.stringify(what)}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return Object.entries(what).every(([field, value]) => payment[field] === value) && payment;
    },
    60_000,
  );
const operationsOf = async (id: string) => {
  const { rows } = await house.sql.query<{ provider_reference: string; status: string }>(
    'SELECT provider_reference, status FROM operations WHERE payment_id = $1 ORDER BY number',
    [id],
  );
  return rows;
};
const newsOf = async (id: string) => {
  const { rows } = await house.sql.query<{ says: string; result: string | null }>(
    'SELECT says, result FROM notifications WHERE payment_id = $1 ORDER BY id',
    [id],
  );
  return rows;
};
const notify = (reference: string, overrides: Record<string, string> = {}) =>
  house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, { mode: 'genuine', overrides });

/** The payer on the issuer's page. */
async function failChallenge(payment: Record<string, any>): Promise<void> {
  const { url } = payment['next_action'].redirect as { url: string };
  const body = new URLSearchParams({ answer: 'fail' });
  expect((await fetch(url, { method: 'POST', body, redirect: 'manual' })).status).toBe(303);
}

/** Declined, then tried anew; meanwhile the first card is charged after all, and the second attempt comes to nothing. */
async function withMoneyInSuspense(payer: string): Promise<string> {
  const made = await house.merchant.pay({
    ...card('pm_card_visa_chargeDeclined'),
    payer: { id: payer },
    order,
  });
  expect(made.body['status']).toBe('requires_payment_method');
  const id = made.body['id'] as string;
  const second = await confirm(id, card('pm_card_threeDSecure2Required'));
  expect([second.status, second.body['status']]).toEqual([200, 'requires_action']);
  const [first] = await operationsOf(id);
  await house.sandbox.call('POST', `/stripe/intents/${first!.provider_reference}/take`);
  await becomes(id, { outcome: 'review', amount_received: 100_000 });
  // As long as the second can still be paid, that is why.
  const early = await confirm(id, card('pm_card_visa'));
  expect([early.status, early.body['code']]).toEqual([409, 'attempt_open']);
  await failChallenge(second.body);
  await becomes(id, { status: 'requires_payment_method', outcome: 'review' });
  return id;
}

describe('while money of a payment lies in suspense', () => {
  test('it is confirmed with nothing and nobody: 409, until the money has been given back', async () => {
    const id = await withMoneyInSuspense('patient');
    const suspense = {
      [`provider:stripe:${stripe}`]: 100_000,
      [`merchant:${house.merchant.id}:suspense`]: -100_000,
    };
    expect(await ledgerBalances(house, id)).toEqual(suspense);
    for (const way of [card('pm_card_visa'), { method: 'alipay' }]) {
      const refused = await confirm(id, way);
      expect([refused.status, refused.body['code']]).toEqual([409, 'attempt_open']);
      expect(refused.body['detail']).toContain('give it back');
    }
    expect((await operationsOf(id)).map(({ status }) => status)).toEqual(['late_success', 'closed']);
    expect(await house.sandbox.moved(id, 'charge')).toEqual([100_000]);
    expect(await granted(house, 'patient')).toBe(0);

    const refund = await house.merchant.post('/v1/refunds', { payment: id });
    expect(refund.body).toMatchObject({ status: 'succeeded', amount: 100_000 });
    await becomes(id, { outcome: 'known', amount_refunded: 100_000 });
    expect(await openReasons(house, id)).toEqual([]);
    const paid = await confirm(id, card('pm_card_visa'));
    expect([paid.status, paid.body['status']]).toEqual([200, 'succeeded']);
    expect(await house.sandbox.moved(id, 'charge')).toEqual([100_000, 100_000]);
    expect(await house.sandbox.moved(id, 'refund')).toEqual([100_000]);
    expect((await ledgerBalances(house, id))[`provider:stripe:${stripe}`]).toBe(100_000);
    expect(await granted(house, 'patient')).toBe(1);
  });

  test('ten confirmations at once charge nobody', async () => {
    const id = await withMoneyInSuspense('impatient');
    const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(id, card('pm_card_visa'))));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body['code']}`))).toEqual(
      new Set(['409 attempt_open']),
    );
    expect(await house.sandbox.moved(id, 'charge')).toEqual([100_000]);
    expect(await operationsOf(id)).toHaveLength(2);
  });
});

describe('a signed "paid", and a look-up that still waits for the payer', () => {
  test('of an ended payment: not put away, and in suspense once the look-up knows', async () => {
    await house.sandbox.fault('notification', 'lost');
    await house.sandbox.fault('query', 'query_not_yet', { times: -1 });
    const { id, qrCode, reference } = await offer(house, { payer: { id: 'late' }, order, expires_in: 10 });
    await house.sandbox.pay(qrCode);
    await becomes(id, { status: 'canceled' });
    await house.sandbox.clearFaults();
    await house.sandbox.fault('query', 'query_lags', { times: 3 });
    await notify(reference);
    // Each lagging look-up is one that did not settle it.
    await until('it was asked about three times', async () => {
      const { faults } = await house.sandbox.call('GET', '/faults');
      return (faults as unknown[]).length === 0;
    });
    const payment = await becomes(id, { outcome: 'review', amount_received: 100_000 });
    expect(payment).toMatchObject({ status: 'canceled', attempts: [{ status: 'late_success' }] });
    expect(await newsOf(id)).toMatchObject([{ says: 'TRADE_SUCCESS', result: 'asked: succeeded' }]);
    expect(await ledgerBalances(house, id)).toEqual({
      [`provider:alipay:${house.merchant.account}`]: 100_000,
      [`merchant:${house.merchant.id}:suspense`]: -100_000,
    });
    expect(await granted(house, 'late')).toBe(0);
    expect(await openReasons(house, id)).toEqual(['late_success']);
  });

  test('of an offer that can be paid, about another amount: nothing is granted, and the truth is found', async () => {
    const { id, qrCode, reference } = await offer(house, { payer: { id: 'less' }, order });
    await house.sandbox.call('POST', `/alipay/trades/${reference}/scan`);
    // Nobody has paid: the look-up says so by itself.
    await notify(reference, { trade_status: 'TRADE_SUCCESS', total_amount: '1.00' });
    await until('it was asked about', async () => (await newsOf(id))[0]?.result);
    expect(await newsOf(id)).toMatchObject([{ result: 'asked: pending' }]);
    expect(await house.merchant.payment(id)).toMatchObject({
      ...{ status: 'requires_action', outcome: 'known', amount_received: 0 },
    });
    expect(await ledgerBalances(house, id)).toEqual({});
    expect(await granted(house, 'less')).toBe(0);
    await house.sandbox.fault('notification', 'lost');
    await house.sandbox.pay(qrCode);
    await becomes(id, { status: 'succeeded', amount_received: 100_000 });
    expect(await house.sandbox.charges(reference)).toEqual([100_000]);
    expect(await granted(house, 'less')).toBe(1);
  });

  test('of an attempt without an answer: it stays open, and is paid once the look-up knows', async () => {
    await house.sandbox.fault('precreate', 'timeout_after', { times: -1 });
    await house.sandbox.fault('query', 'query_lags', { times: -1 });
    const made = await house.merchant.pay({ payer: { id: 'unanswered' }, order });
    const id = made.body['id'] as string;
    expect([made.status, made.body['outcome']]).toEqual([202, 'unknown']);
    await house.sandbox.call('POST', `/alipay/trades/${referenceOf(id)}/pay`, {});
    await until('it was asked about', async () => (await newsOf(id))[0]?.result);
    expect(await house.merchant.payment(id)).toMatchObject({ status: 'processing', amount_received: 0 });
    expect(await granted(house, 'unanswered')).toBe(0);
    await house.sandbox.clearFaults();
    await becomes(id, { status: 'succeeded', outcome: 'known', amount_received: 100_000 });
    expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
    expect(await granted(house, 'unanswered')).toBe(1);
  });
});
