import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes/processes.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  // Stripe's look-ups may lag an hour; here "not found" is proof soon after the payment's end.
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000' } });
  await house.merchant.addCourse();
  account = await accountAt('stripe-sandbox');
  const url = `${house.apiUrl}/notifications/stripe/${account}`;
  await house.sandbox.call('PUT', '/stripe/endpoints/stripe-sandbox', { url });
});
afterEach(() => house.sandbox.call('DELETE', '/stripe/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

async function accountAt(credential: string): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [
      new URL('../dist/scripts/merchant.js', import.meta.url).pathname,
      ...['account', '--id', house.merchant.id, '--mode', 'test', '--credential', credential],
    ],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { account: string }).account;
}

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const payWith = (payment_token: unknown, change: Record<string, unknown> = {}, key?: string) =>
  house.merchant.pay({ method: 'card', payment_token, order, ...change }, key);
const fault = (operation: string, name: string) =>
  house.sandbox.call('POST', '/stripe/faults', { operation, fault: name });
const charges = (id: string, number = 1) => house.sandbox.charges(referenceOf(id, number));

const ends = (id: string, status: string, timeoutMs = 45_000) =>
  until(
    `it is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    timeoutMs,
  );

async function expectPaidOnce(id: string, number = 1): Promise<void> {
  expect(await charges(id, number)).toEqual([100_000]);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:stripe:${account}`]).toBe(100_000);
  expect(Object.values(balances).reduce((sum, amount) => sum + amount, 0)).toBe(0);
}

describe('a card', () => {
  test('is charged at once, and the course is open with the answer', async () => {
    const payer = { id: `payer-${randomUUID()}` };
    const made = await payWith('pm_card_mastercard_prepaid', { payer });
    expect([made.status, made.body['status'], made.body['amount_received']]).toEqual([
      201,
      'succeeded',
      100_000,
    ]);
    expect(made.body['card']).toEqual({
      funding: 'prepaid',
      brand: 'mastercard',
      last4: '5100',
      country: 'US',
    });
    const { body } = await house.merchant.get(`/v1/entitlements?payer=${payer.id}`);
    expect(body['data']).toEqual([expect.objectContaining({ product: 'course-ts', status: 'granted' })]);
    await expectPaidOnce(made.body['id'] as string);
  });

  test('that is declined leaves the payer another way, which pays once', async () => {
    const made = await payWith('pm_card_visa_chargeDeclined');
    expect([made.status, made.body['status']]).toEqual([201, 'requires_payment_method']);
    expect(made.body['last_error']).toMatchObject({ code: 'declined', provider: 'stripe' });
    const id = made.body['id'] as string;
    const again = { method: 'card', payment_token: 'pm_card_visa' };
    const confirmed = await house.merchant.post(`/v1/payments/${id}/confirm`, again);
    expect([confirmed.status, confirmed.body['status']]).toEqual([200, 'succeeded']);
    expect(await charges(id, 1)).toEqual([]);
    await expectPaidOnce(id, 2);
  });

  test('that asks for 3-D Secure is paid when its payer passes it', async () => {
    const made = await payWith('pm_card_threeDSecure2Required', {
      return_url: 'https://shop.example/thanks',
    });
    expect([made.status, made.body['status']]).toEqual([201, 'requires_action']);
    const { url } = made.body['next_action'].redirect as { url: string };
    await answerChallenge(url, 'pass');
    const id = made.body['id'] as string;
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });

  test('whose payer fails 3-D Secure is closed at Stripe before the refusal is told', async () => {
    const made = await payWith('pm_card_threeDSecure2Required');
    const id = made.body['id'] as string;
    const { url } = made.body['next_action'].redirect as { url: string };
    await answerChallenge(url, 'fail');
    const payment = await ends(id, 'requires_payment_method');
    expect(payment['last_error']).toMatchObject({ provider: 'stripe' });
    const closes = await house.sandbox.journal({ reference: referenceOf(id), kind: 'close' });
    expect(closes).toHaveLength(1);
    expect(await charges(id)).toEqual([]);
  });

  test('that is canceled while its payer hesitates is closed at Stripe', async () => {
    const made = await payWith('pm_card_threeDSecure2Required');
    const id = made.body['id'] as string;
    await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    await ends(id, 'canceled');
    expect(await charges(id)).toEqual([]);
  });
});

describe('a charge without a clean answer', () => {
  test.each([
    'timeout_after',
    'reset_after',
    'truncated',
    'error_500_after',
    'timeout_before',
    'reset_before',
    'error_502_html',
    'rate_limited',
    'wrong_amount',
    'wrong_reference',
  ])('%s ends right, and is charged once', async (name) => {
    await fault('create', name);
    const made = await payWith('pm_card_visa');
    expect([201, 202]).toContain(made.status);
    const id = made.body['id'] as string;
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });
});

describe('kill -9 of the worker', () => {
  test.each(['worker.start.before_call', 'worker.start.after_call', 'worker.start.after_commit'])(
    'at %s charges a card once',
    async (point) => {
      const crash = { CRASH_POINT: point, CRASH_POINT_MARKER: join(house.folder, `card-${point}`) };
      await house.restart('worker', crash);
      const revived = house.process('worker').exited.then(async ({ signal }) => {
        await house.start('worker');
        return signal;
      });
      const made = await payWith('pm_card_visa');
      expect(await revived).toBe('SIGKILL');
      const id = made.body['id'] as string;
      await ends(id, 'succeeded');
      await expectPaidOnce(id);
    },
  );
});

describe('a token', () => {
  test('is asked for, and is a card’s alone', async () => {
    const without = await payWith(undefined);
    expect([without.status, without.body['code']]).toEqual([400, 'missing_field']);
    const alipay = await house.merchant.pay({ payment_token: 'pm_card_visa' });
    expect([alipay.status, alipay.body['code']]).toEqual([400, 'invalid_field']);
  });

  test('may be given for each account', async () => {
    const made = await payWith({ [account]: 'pm_card_visa' });
    expect(made.body['status']).toBe('succeeded');
    const other = await payWith({ acct_other: 'pm_card_visa' });
    expect([other.status, other.body['code']]).toEqual([400, 'missing_field']);
  });

  test('is in no row, log, event or history once the charge has ended', async () => {
    const token = 'pm_card_visa_debit';
    const made = await payWith(token);
    expect(made.body['status']).toBe('succeeded');
    const id = made.body['id'] as string;
    const { rows } = await house.sql.query(
      `SELECT payment_token FROM operations WHERE payment_id = $1 AND payment_token IS NOT NULL`,
      [id],
    );
    expect(rows).toEqual([]);
    const events = await house.merchant.get(`/v1/payments/${id}/events`);
    const history = await (await house.temporal()).workflow.getHandle(id).fetchHistory();
    for (const text of [house.log('api'), house.log('worker'), events.text, JSON.stringify(history)]) {
      expect(text).not.toContain(token);
    }
  });
});

/** The payer on the issuer's page, which sends the browser back. */
async function answerChallenge(url: string, answer: 'pass' | 'fail'): Promise<void> {
  const page = await fetch(url);
  expect(page.status).toBe(200);
  const body = new URLSearchParams({ answer });
  const answered = await fetch(url, { method: 'POST', body, redirect: 'manual' });
  expect(answered.status).toBe(303);
}
