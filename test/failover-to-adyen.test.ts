import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../scripts/processes/ports.js';
import { addFaultyCredentials } from './faulty-credentials.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { besideUs } from './provider-accounts.js';
import { events, granted, openReasons } from './refund-acts.js';
import { until } from './until.js';

/** From one acquirer to another: each takes only the token that was made there. */
let house: House;
let stripe: string;
let wrongKey: string;
let adyen: string;
let adyenCard: string;
let workerPort: number;

beforeAll(async () => {
  workerPort = await freePort();
  const env = { CONCLUSIVE_MARGIN_MS: '2000', REPLY_TIMEOUT_MS: '4000', WORKER_PORT: String(workerPort) };
  house = await House.open({ env, without: ['api', 'worker'] });
  await addFaultyCredentials(house);
  await house.start('worker');
  await house.start('api');
  await house.merchant.addCourse();
  stripe = await house.addAccount('stripe-sandbox');
  wrongKey = await house.addAccount('stripe-wrong-key');
  adyen = await house.addAccount('adyen-sandbox');
  for (const [provider, account] of [
    ['stripe', stripe],
    ['adyen', adyen],
  ] as const) {
    const url = `${house.apiUrl}/notifications/${provider}/${account}`;
    await house.sandbox.call('PUT', `/${provider}/endpoints/${provider}-sandbox`, { url });
  }
  const { tokens } = await house.sandbox.call('GET', '/adyen/cards');
  adyenCard = tokens['adyen-sandbox'].visa as string;
});
afterEach(async () => {
  await house.sandbox.call('DELETE', '/stripe/faults');
  await house.sandbox.call('DELETE', '/adyen/faults');
});
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const payWith = (tokens: Record<string, string>, change: Record<string, unknown> = {}) =>
  house.merchant.pay({ method: 'card', payment_token: tokens, order, ...change });
const withBoth = (stripeCard = 'pm_card_visa') => ({ [stripe]: stripeCard, [adyen]: adyenCard });
const fault = (operation: string, name: string, more: object = {}) =>
  house.sandbox.call('POST', '/stripe/faults', { operation, fault: name, ...more });
const breakerIs = (state: 'open' | 'closed') =>
  metric('quittance_provider_breaker_state', stripe, `state="${state}"`);
const plannedAtStripe = async () =>
  (await house.sandbox.call('GET', '/stripe/faults'))['faults'] as { operation: string; times: number }[];
const entriesOf = (id: string, number: number) =>
  house.sandbox.journal({ reference: referenceOf(id, number) });
const attemptsOf = (payment: Record<string, any>) =>
  (payment['attempts'] as { provider: string; account: string; status: string }[]).map((attempt) => [
    attempt.account,
    attempt.status,
  ]);
const ends = (id: string, status: string) =>
  until(
    `it is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    60_000,
  );

async function expectPaidOnceAt(id: string, provider: 'stripe' | 'adyen', account: string): Promise<void> {
  expect(await house.sandbox.moved(id, 'charge')).toEqual([100_000]);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:${provider}:${account}`]).toBe(100_000);
  expect(Object.values(balances).reduce((sum, amount) => sum + amount, 0)).toBe(0);
}

/** Known as soon as Stripe's answer is recorded, which may be after ours. */
async function intentOf(id: string): Promise<string> {
  return until('the PaymentIntent is known', async () => {
    const { rows } = await house.sql.query<{ intent: string | null }>(
      'SELECT provider_reference AS intent FROM operations WHERE payment_id = $1 AND number = 1',
      [id],
    );
    return rows[0]?.intent;
  });
}

/** What the worker tells Prometheus, by name and labels. */
async function metric(name: string, ...labels: string[]): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${workerPort}/metrics`)).text();
  const line = text
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && labels.every((label) => each.includes(label)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

describe('a card that Stripe declines', () => {
  test('is charged at Adyen, once Stripe has canceled its PaymentIntent: an open tab pays nothing', async () => {
    const payer = { id: 'declined-once' };
    const made = await payWith(withBoth('pm_card_visa_chargeDeclined'), { payer });
    expect([made.status, made.body['status'], made.body['last_error']]).toEqual([201, 'succeeded', null]);
    expect(attemptsOf(made.body)).toEqual([
      [stripe, 'rejected'],
      [adyen, 'succeeded'],
    ]);
    const id = made.body['id'] as string;
    const [close, ...more] = await entriesOf(id, 1);
    expect([close?.kind, close?.['provider'], more]).toEqual(['close', 'stripe', []]);
    const [charge] = await entriesOf(id, 2);
    expect([charge?.kind, charge?.['provider']]).toEqual(['charge', 'adyen']);
    expect(close!.seq).toBeLessThan(charge!.seq);
    const openTab = besideUs(house, `/v1/payment_intents/${await intentOf(id)}/confirm`, {
      payment_method: 'pm_card_visa',
    });
    await expect(openTab).rejects.toThrow('payment_intent_unexpected_state');
    await expectPaidOnceAt(id, 'adyen', adyen);
    expect(await granted(house, payer.id)).toBe(1);
    expect(await events(house, id)).toEqual([
      'payment.created',
      'operation.refused',
      'operation.failed_over',
      'payment.succeeded',
      'entitlement.granted',
    ]);
  });

  test('is not brought to Adyen before Stripe has confirmed the cancel', async () => {
    await fault('cancel', 'timeout_before', { times: -1 });
    const made = await payWith(withBoth('pm_card_visa_chargeDeclined'));
    const id = made.body['id'] as string;
    expect([made.status, made.body['attempts'].length]).toEqual([202, 1]);
    // The payer's tab is still open, and pays: what was refused is then paid, and nothing is asked of Adyen.
    const form = { payment_method: 'pm_card_visa', return_url: 'https://shop.example/thanks' };
    await besideUs(house, `/v1/payment_intents/${await intentOf(id)}/confirm`, form);
    const payment = await ends(id, 'succeeded');
    expect(attemptsOf(payment)).toEqual([[stripe, 'succeeded']]);
    await expectPaidOnceAt(id, 'stripe', stripe);
    expect(await entriesOf(id, 2)).toEqual([]);
  });

  test('and takes all the same after Adyen was paid: kept for a person, granted once', async () => {
    const payer = { id: 'charged-twice' };
    const made = await payWith(withBoth('pm_card_visa_chargeDeclined'), { payer });
    const id = made.body['id'] as string;
    expect(made.body['status']).toBe('succeeded');
    await house.sandbox.call('POST', `/stripe/intents/${await intentOf(id)}/take`);
    await until('a person is asked', async () => (await openReasons(house, id)).length > 0);
    expect(await house.sandbox.moved(id, 'charge')).toEqual([100_000, 100_000]);
    expect(await ledgerBalances(house, id)).toMatchObject({
      [`provider:adyen:${adyen}`]: 100_000,
      [`provider:stripe:${stripe}`]: 100_000,
      [`merchant:${house.merchant.id}:suspense`]: -100_000,
    });
    const payment = await house.merchant.payment(id);
    expect([payment['status'], payment['outcome']]).toEqual(['succeeded', 'review']);
    expect(await granted(house, payer.id)).toBe(1);
    const told = (await events(house, id)).filter((type) => type === 'payment.succeeded');
    expect(told).toHaveLength(1);
    // The one way out of suspense that a merchant has: it is given back at Stripe, and the payment stays paid.
    const refund = await house.merchant.post('/v1/refunds', { payment: id, amount: 100_000 });
    expect(refund.body).toMatchObject({ status: 'succeeded', amount: 100_000 });
    const [back] = (await house.sandbox.journal({ kind: 'refund' })).slice(-1);
    expect([back?.['provider'], back?.['amount_minor']]).toEqual(['stripe', 100_000]);
    expect(await ledgerBalances(house, id)).toMatchObject({ [`provider:adyen:${adyen}`]: 100_000 });
    expect(await openReasons(house, id)).toEqual([]);
    expect(await granted(house, payer.id)).toBe(1);
    expect((await house.merchant.payment(id))['outcome']).toBe('known');
  });
});

test('a charge whose answer Stripe lost is not brought to Adyen', async () => {
  // What Stripe did not answer of the payments before is not to have kept this one from it.
  await until('its breaker is closed', async () => (await breakerIs('closed')) !== 0);
  await fault('create', 'timeout_after');
  const paying = payWith(withBoth());
  await until('Stripe has the charge', async () => (await plannedAtStripe()).length === 0);
  await fault('*', 'error_502_html', { times: -1 });
  const made = await paying;
  const id = made.body['id'] as string;
  expect([made.status, made.body['status']]).toEqual([202, 'processing']);
  await until('it is unknown', async () => (await house.merchant.payment(id))['outcome'] === 'unknown');
  expect(attemptsOf(await house.merchant.payment(id))).toEqual([[stripe, 'unknown']]);
  const confirmed = await house.merchant.post(`/v1/payments/${id}/confirm`, {
    method: 'card',
    payment_token: { [adyen]: adyenCard },
  });
  expect([confirmed.status, confirmed.body['code']]).toEqual([409, 'attempt_open']);
  await house.sandbox.call('DELETE', '/stripe/faults');
  expect(attemptsOf(await ends(id, 'succeeded'))).toEqual([[stripe, 'succeeded']]);
  await expectPaidOnceAt(id, 'stripe', stripe);
  expect(await entriesOf(id, 2)).toEqual([]);
});

test('credentials that Stripe does not know: its account is passed over, marked and told, and Adyen charges', async () => {
  await house.sql.query('UPDATE provider_accounts SET priority = -1 WHERE id = $1', [wrongKey]);
  const made = await payWith({ [wrongKey]: 'pm_card_visa', [adyen]: adyenCard });
  expect(attemptsOf(made.body)).toEqual([
    [wrongKey, 'canceled'],
    [adyen, 'succeeded'],
  ]);
  expect(made.body['attempts'][0].last_error).toMatchObject({ code: 'provider_misconfigured' });
  await expectPaidOnceAt(made.body['id'] as string, 'adyen', adyen);
  await until('it is out of use', async () => {
    const { body } = await house.merchant.get('/v1/provider_accounts');
    return (body['data'] as { id: string; status: string }[]).some(
      ({ id, status }) => id === wrongKey && status === 'misconfigured',
    );
  });
  expect(house.log('worker')).toContain('"alert":"account_misconfigured"');
  const isTold = () => metric('quittance_provider_misconfigured', 'provider="stripe"', wrongKey);
  await until('operators are told', async () => (await isTold()) === 1);
  const next = await payWith({ [wrongKey]: 'pm_card_visa', [adyen]: adyenCard });
  expect(attemptsOf(next.body)).toEqual([[adyen, 'succeeded']]);
  await house.sql.query(
    `UPDATE provider_accounts SET credential = 'stripe-sandbox', probe_due_at = now() WHERE id = $1`,
    [wrongKey],
  );
  await until('operators are told no more', async () => (await isTold()) === undefined);
});

test('an open breaker at Stripe: Adyen is asked, and Stripe gets to see nothing', async () => {
  // Each call that creates takes one of these away: a count of what Stripe has seen.
  await fault('create', 'reset_before', { times: 1_000 });
  await fault('*', 'reset_before', { times: -1 });
  const seen = async () => 1_000 - (await plannedAtStripe())[0]!.times;
  const hopeless = await Promise.all(
    Array.from({ length: 5 }, () => payWith({ [stripe]: 'pm_card_visa' }, { order: undefined })),
  );
  await until('the breaker is open', async () => (await breakerIs('open')) === 1);
  const before = await seen();
  const made = await payWith(withBoth());
  expect(await seen()).toBe(before);
  expect(attemptsOf(made.body)).toEqual([
    [stripe, 'canceled'],
    [adyen, 'succeeded'],
  ]);
  expect(made.body['attempts'][0].last_error).toMatchObject({ provider_code: 'breaker_open' });
  await expectPaidOnceAt(made.body['id'] as string, 'adyen', adyen);
  expect(await entriesOf(made.body['id'] as string, 1)).toEqual([]);
  await house.sandbox.call('DELETE', '/stripe/faults');
  for (const { body } of hopeless) await ends(body['id'] as string, 'succeeded');
});
