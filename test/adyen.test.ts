import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
let account: string;
let secondAccount: string;
const tokens: Record<string, Record<string, string>> = {};

beforeAll(async () => {
  // Adyen's own offers end after hours; here a person is asked seconds after a payment's end.
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000', REVIEW_GRACE_MS: '1000' } });
  await house.merchant.addCourse();
  account = await accountAt('adyen-sandbox');
  secondAccount = await accountAt('adyen-sandbox-2');
  const cards = (await house.sandbox.call('GET', '/adyen/cards')) as { tokens: typeof tokens };
  Object.assign(tokens, cards.tokens);
  await sendWebhooks(account, 'adyen-sandbox');
  await sendWebhooks(secondAccount, 'adyen-sandbox-2');
});
afterEach(() => house.sandbox.call('DELETE', '/adyen/faults'));
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

function sendWebhooks(to: string, credential: string): Promise<unknown> {
  const url = `${house.apiUrl}/notifications/adyen/${to}`;
  return house.sandbox.call('PUT', `/adyen/endpoints/${credential}`, { url });
}

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const tokenOf = (card: string) => tokens['adyen-sandbox']?.[card] ?? '';
const payWith = (card: string, change: Record<string, unknown> = {}) =>
  house.merchant.pay({ method: 'card', payment_token: { [account]: tokenOf(card) }, order, ...change });
const fault = (operation: string, name: string, times = 1) =>
  house.sandbox.call('POST', '/adyen/faults', { operation, fault: name, times });
const charges = (id: string) => house.sandbox.charges(referenceOf(id));
const play = (id: string, act: 'authorise' | 'close') =>
  house.sandbox.call('POST', `/adyen/payments/${referenceOf(id)}/${act}`, {});

const ends = (id: string, status: string, timeoutMs = 45_000) =>
  until(
    `it is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    timeoutMs,
  );

async function expectPaidOnce(id: string, at = account): Promise<void> {
  expect(await charges(id)).toEqual([100_000]);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:adyen:${at}`]).toBe(100_000);
  expect(Object.values(balances).reduce((sum, amount) => sum + amount, 0)).toBe(0);
}

const notifications = async (id: string) => {
  const { rows } = await house.sql.query<{ says: string; result: string | null }>(
    'SELECT says, result FROM notifications WHERE payment_id = $1 ORDER BY id',
    [id],
  );
  return rows;
};

const reviewsOf = async (id: string) => {
  const { rows } = await house.sql.query<{ reason: string }>(
    'SELECT reason FROM reviews WHERE payment_id = $1',
    [id],
  );
  return rows.map(({ reason }) => reason);
};

/** The payer on the issuer's page, whose browser comes back to us and goes on to the shop. */
async function answerIssuer(made: { body: Record<string, any> }, answer: 'pass' | 'fail'): Promise<string> {
  const { url } = made.body['next_action'].redirect as { url: string };
  expect((await fetch(url)).status).toBe(200);
  const body = new URLSearchParams({ answer });
  const answered = await fetch(url, { method: 'POST', body, redirect: 'manual' });
  expect(answered.status).toBe(303);
  return answered.headers.get('location') ?? '';
}

async function comeBack(location: string): Promise<void> {
  expect(location).toMatch(new RegExp(`^${house.apiUrl}/returns/adyen/${account}/\\w{28}\\?redirectResult=`));
  const returned = await fetch(location, { redirect: 'manual' });
  expect([returned.status, returned.headers.get('location')]).toEqual([303, 'https://shop.example/thanks']);
}
const shop = { return_url: 'https://shop.example/thanks' };

describe('a card', () => {
  test('is charged at once, the course is open, and the webhook about it is no news', async () => {
    const made = await payWith('mastercard_prepaid');
    expect([made.status, made.body['status'], made.body['amount_received']]).toEqual([
      201,
      'succeeded',
      100_000,
    ]);
    expect(made.body['card']).toEqual({ funding: 'prepaid', brand: 'mc', last4: '0007', country: 'GB' });
    const id = made.body['id'] as string;
    await until('the webhook is applied', async () => (await notifications(id))[0]?.result);
    expect(await notifications(id)).toEqual([
      { says: 'AUTHORISATION, success true', result: 'known already' },
    ]);
    await expectPaidOnce(id);
  });

  test('that is declined leaves the payer another way, which pays once', async () => {
    const made = await payWith('not_enough_balance');
    expect([made.status, made.body['status']]).toEqual([201, 'requires_payment_method']);
    expect(made.body['last_error']).toMatchObject({ code: 'insufficient_funds', provider: 'adyen' });
    const id = made.body['id'] as string;
    const confirmed = await house.merchant.post(`/v1/payments/${id}/confirm`, {
      method: 'card',
      payment_token: { [account]: tokenOf('visa') },
    });
    expect(confirmed.status).toBe(200);
    await ends(id, 'succeeded');
    expect(await charges(id)).toEqual([]);
    expect(await house.sandbox.charges(referenceOf(id, 2))).toEqual([100_000]);
  });

  test('works only where its token was made', async () => {
    const elsewhere = tokens['adyen-sandbox-2']?.['visa'] ?? '';
    const wrong = await payWith('visa', { payment_token: { [account]: elsewhere } });
    expect(wrong.body['last_error']).toMatchObject({ code: 'declined', provider_code: '174' });
    expect(await charges(wrong.body['id'] as string)).toEqual([]);
  });
});

describe('3-D Secure', () => {
  test('moves no money until the payer is back, and then once', async () => {
    const made = await payWith('three_d_secure', shop);
    expect([made.status, made.body['status']]).toEqual([201, 'requires_action']);
    const id = made.body['id'] as string;
    const location = await answerIssuer(made, 'pass');
    expect(await charges(id)).toEqual([]);
    await comeBack(location);
    await ends(id, 'succeeded');
    // A page that is loaded again changes nothing.
    await comeBack(location);
    await expectPaidOnce(id);
  });

  test('that the payer fails is a refusal at once', async () => {
    const made = await payWith('three_d_secure', shop);
    await comeBack(await answerIssuer(made, 'fail'));
    const payment = await ends(made.body['id'] as string, 'requires_payment_method');
    expect(payment['last_error']).toMatchObject({ code: 'declined', provider_code: 'Refused_11' });
  });

  test('whose answer is lost is taken once', async () => {
    const made = await payWith('three_d_secure', shop);
    await fault('details', 'reset_after');
    await comeBack(await answerIssuer(made, 'pass'));
    const id = made.body['id'] as string;
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });

  test('that is abandoned stays open until Adyen says that it has ended', async () => {
    const made = await payWith('three_d_secure', { ...shop, expires_in: 600 });
    const id = made.body['id'] as string;
    const canceled = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    expect(canceled.status).toBe(202);
    const asked = () => house.sql.query('SELECT poll_count FROM operations WHERE payment_id = $1', [id]);
    await until('closing was tried', async () => Number((await asked()).rows[0]?.poll_count) > 0);
    expect((await house.merchant.payment(id))['status']).toBe('requires_action');
    // Whoever comes back after the cancel is not charged any more.
    await comeBack(await answerIssuer(made, 'pass'));
    await play(id, 'close');
    await ends(id, 'canceled');
    expect(await charges(id)).toEqual([]);
  });

  test('that Adyen completes without us is told by its webhook alone', async () => {
    const made = await payWith('three_d_secure', shop);
    const id = made.body['id'] as string;
    await play(id, 'authorise');
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });
});

test('asking where there is nothing to ask says nothing of how the account’s calls go', async () => {
  const before = house.log('worker').length;
  const made = await Promise.all(Array.from({ length: 6 }, () => payWith('three_d_secure', shop)));
  const ids = made.map(({ body }) => body['id'] as string);
  const asked = 'SELECT 1 FROM operations WHERE payment_id = ANY ($1) AND poll_count > 0';
  await until('all were asked about', async () => (await house.sql.query(asked, [ids])).rowCount === 6);
  expect(house.log('worker').slice(before)).not.toContain('circuit breaker');
});

describe('a charge without a clean answer', () => {
  test.each([
    'timeout_after',
    'truncated',
    'transient_error',
    'in_progress',
    'wrong_amount',
    'wrong_reference',
  ])('%s ends right by its key, and is charged once', async (name) => {
    await fault('payments', name);
    const made = await payWith('visa');
    expect([201, 202]).toContain(made.status);
    const id = made.body['id'] as string;
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });

  test('whose key is forgotten meanwhile is never sent again: a person is asked, and a late webhook answers', async () => {
    await fault('notification', 'lost', -1);
    const crash = { CRASH_POINT: 'worker.start.after_call', CRASH_POINT_MARKER: join(house.folder, 'key') };
    await house.restart('worker', crash);
    const made = payWith('visa', { expires_in: 10 });
    expect((await house.process('worker').exited).signal).toBe('SIGKILL');
    // Stopped for longer than Adyen honours the key: from here on a repetition would be a second charge.
    const { rows } = await house.sql.query<{ payment_id: string }>(
      `UPDATE operations SET sent_at = sent_at - interval '8 days' WHERE status = 'sent' RETURNING payment_id`,
    );
    await fault('payments', 'keys_expired', -1);
    await house.start('worker');
    const id = (await made).body['id'] as string;
    expect(rows).toEqual([{ payment_id: id }]);
    const inReview = await until('a person is asked', async () => {
      const payment = await house.merchant.payment(id);
      return payment['outcome'] === 'review' && payment;
    });
    expect(inReview['status']).toBe('processing');
    expect(await reviewsOf(id)).toEqual(['no_answer']);
    expect(await charges(id)).toEqual([100_000]);
    await house.sandbox.call('DELETE', '/adyen/faults');
    await ends(id, 'succeeded', 60_000);
    await expectPaidOnce(id);
  });

  test('that was taken twice, because its key was forgotten too early, is in the ledger twice and looked at', async () => {
    await fault('notification', 'lost', -1);
    await fault('payments', 'reset_after');
    await fault('payments', 'keys_expired');
    const id = (await payWith('visa')).body['id'] as string;
    await ends(id, 'succeeded');
    expect(await charges(id)).toEqual([100_000, 100_000]);
    await house.sandbox.call('DELETE', '/adyen/faults');
    await until('both charges are in the ledger', async () => {
      const balances = await ledgerBalances(house, id);
      return balances[`provider:adyen:${account}`] === 200_000;
    });
    expect(await reviewsOf(id)).toEqual(['surplus']);
    expect(await house.merchant.payment(id)).toMatchObject({ status: 'succeeded', outcome: 'review' });
  });
});

describe('kill -9 of the worker', () => {
  test('between the commit and the call charges a card once', async () => {
    const point = 'worker.start.before_call';
    await house.restart('worker', { CRASH_POINT: point, CRASH_POINT_MARKER: join(house.folder, point) });
    const made = payWith('visa');
    expect((await house.process('worker').exited).signal).toBe('SIGKILL');
    await house.start('worker');
    const id = (await made).body['id'] as string;
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });

  test('between taking the step and sending it charges the payer of a 3-D Secure page once', async () => {
    const made = await payWith('three_d_secure', shop);
    const crash = { CRASH_POINT: 'worker.start.after_commit', CRASH_POINT_MARKER: join(house.folder, '3ds') };
    await house.restart('worker', crash);
    await comeBack(await answerIssuer(made, 'pass'));
    expect((await house.process('worker').exited).signal).toBe('SIGKILL');
    await house.start('worker');
    const id = made.body['id'] as string;
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });
});

describe('a webhook', () => {
  test.each([
    ['bad_signature', 'bad_signature'],
    ['no_signature', 'bad_signature'],
    ['wrong_merchant', 'other_merchant'],
  ])('with %s is refused, audited, and sent again', async (name, why) => {
    await fault('notification', name);
    const made = await payWith('visa');
    const id = made.body['id'] as string;
    await until('the genuine one is applied', async () => (await notifications(id))[0]?.result);
    const { rows } = await house.sql.query(
      `SELECT 1 FROM audit_log WHERE action = 'notification.refused' AND detail ->> 'why' = $1`,
      [why],
    );
    expect(rows.length).toBeGreaterThan(0);
    await expectPaidOnce(id);
  });

  test('that comes twice is kept once', async () => {
    await fault('notification', 'duplicated');
    const made = await payWith('visa');
    const id = made.body['id'] as string;
    await until('both were sent', async () => {
      const sent = await house.sandbox.journal({ reference: referenceOf(id), kind: 'notification' });
      return sent.length === 2;
    });
    expect(await notifications(id)).toHaveLength(1);
  });
});
