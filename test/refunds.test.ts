import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { stripeAccount } from './provider-accounts.js';
import { events, granted, openNotifications, openReasons, refundBeside, settle } from './refund-acts.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000', REPLY_TIMEOUT_MS: '4000' } });
  await house.merchant.addCourse();
  account = await stripeAccount(house);
  const url = `${house.sandbox.url}/merchant/webhooks/shop`;
  const endpoint = await house.merchant.post('/v1/webhook_endpoints', { url });
  await house.sandbox.call('POST', '/merchant/endpoints', { name: 'shop', secret: endpoint.body['secret'] });
});
afterEach(() => house.sandbox.call('DELETE', '/stripe/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const fault = (operation: string, name: string, times = 1) =>
  house.sandbox.call('POST', '/stripe/faults', { operation, fault: name, times });

interface Paid {
  readonly id: string;
  readonly payer: string;
}

async function paid(change: Record<string, unknown> = {}): Promise<Paid> {
  const payer = `payer-${randomUUID()}`;
  const made = await house.merchant.pay({
    ...{ method: 'card', payment_token: 'pm_card_visa', payer: { id: payer } },
    order: { lines: [{ product: 'course-ts', quantity: 1 }] },
    ...change,
  });
  expect(made.body['status']).toBe('succeeded');
  return { id: made.body['id'] as string, payer };
}

const refund = (payment: string, body: Record<string, unknown> = {}, key?: string) =>
  house.merchant.post('/v1/refunds', { payment, ...body }, key);

const ends = (id: string, status: string) =>
  until(
    `the refund is ${status}`,
    async () => {
      const { body } = await house.merchant.get(`/v1/refunds/${id}`);
      return body['status'] === status && body;
    },
    45_000,
  );

/** Our ledger, the payment and the provider's journal agree about what went back. */
async function expectRefunded(id: string, ...amounts: number[]): Promise<void> {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  expect((await house.sandbox.moved(id, 'refund')).sort()).toEqual([...amounts].sort());
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:stripe:${account}`] ?? 0).toBe(100_000 - sum);
  expect((await house.merchant.payment(id))['amount_refunded']).toBe(sum);
}

describe('a refund', () => {
  test('of all gives the money back, takes the course away and tells the merchant', async () => {
    const { id, payer } = await paid();
    const request = { reason: 'changed their mind', metadata: { ticket: '17' } };
    const made = await refund(id, request);
    expect([made.status, made.body]).toEqual([
      201,
      {
        ...{ id: expect.stringMatching(/^re_/), object: 'refund', payment: id, amount: 100_000 },
        ...{ currency: 'CNY', status: 'succeeded', outcome: 'known', ...request, last_error: null },
        created_at: expect.any(String),
      },
    ]);
    const payment = await house.merchant.payment(id);
    expect([payment['status'], payment['outcome']]).toEqual(['succeeded', 'known']);
    await expectRefunded(id, 100_000);
    expect(await granted(house, payer)).toBe(0);
    expect((await events(house, id)).slice(-3)).toEqual([
      'refund.requested',
      'refund.succeeded',
      'entitlement.revoked',
    ]);
    const told = await until('the webhook comes', async () => {
      const entries = await house.sandbox.journal({ kind: 'webhook' });
      return entries.find(
        (entry) => entry['type'] === 'refund.succeeded' && JSON.stringify(entry).includes(id),
      );
    });
    expect(JSON.stringify(told)).toContain(made.body['id']);
    expect((await house.merchant.get(`/v1/refunds/${made.body['id'] as string}`)).body).toEqual(made.body);
    const listed = await house.merchant.get(`/v1/refunds?payment=${id}`);
    expect(listed.body).toEqual({ object: 'list', data: [made.body], has_more: false });
    // What was given back in full can be bought again.
    await paid({ payer: { id: payer } });
  });

  test('of a part leaves the course open, until the last part', async () => {
    const { id, payer } = await paid();
    expect((await refund(id, { amount: 30_000 })).body).toMatchObject({
      status: 'succeeded',
      amount: 30_000,
    });
    expect(await granted(house, payer)).toBe(1);
    const tooMuch = await refund(id, { amount: 70_001 });
    expect([tooMuch.status, tooMuch.body['code'], tooMuch.body['refundable']]).toEqual([
      422,
      'refund_amount_exceeded',
      70_000,
    ]);
    expect((await refund(id)).body).toMatchObject({ status: 'succeeded', amount: 70_000 });
    expect(await granted(house, payer)).toBe(0);
    await expectRefunded(id, 30_000, 70_000);
    const none = await refund(id);
    expect([none.status, none.body['code']]).toEqual([409, 'payment_not_refundable']);
  });

  test('of a captured part is of that part', async () => {
    const payer = { id: `payer-${randomUUID()}` };
    const held = await house.merchant.pay({
      ...{ method: 'card', payment_token: 'pm_card_visa', capture: 'manual', payer },
    });
    const id = held.body['id'] as string;
    expect((await refund(id)).body['code']).toBe('payment_not_refundable');
    await house.merchant.post(`/v1/payments/${id}/capture`, { amount: 60_000 });
    expect((await refund(id, { amount: 60_001 })).body['code']).toBe('refund_amount_exceeded');
    expect((await refund(id)).body).toMatchObject({ status: 'succeeded', amount: 60_000 });
    expect(await ledgerBalances(house, id)).toEqual({});
    // Stripe tells of it by the charge as well, whose reference is the authorization's.
    await until('its notifications are applied', async () => (await openNotifications(house, id)) === 0);
    expect((await house.merchant.payment(id))['outcome']).toBe('known');
  });

  test('under one key is made once, however often it is asked for', async () => {
    const { id } = await paid();
    const key = randomUUID();
    const [first, ...others] = await Promise.all(
      Array.from({ length: 10 }, () => refund(id, { amount: 40_000 }, key)),
    );
    expect(first!.status).toBe(201);
    for (const other of others) expect([other.status, other.text]).toEqual([201, first!.text]);
    const changed = await refund(id, { amount: 50_000 }, key);
    expect([changed.status, changed.body['code']]).toEqual([422, 'idempotency_key_reused']);
    await expectRefunded(id, 40_000);
  });

  test('fifty at once never exceed what was received', async () => {
    const { id } = await paid();
    const answers = await Promise.all(Array.from({ length: 50 }, () => refund(id, { amount: 9_000 })));
    const made = answers.filter(({ status }) => status < 300);
    const refused = answers.filter(({ status }) => status >= 300);
    expect(made).toHaveLength(11);
    expect(new Set(refused.map(({ body }) => body['code']))).toEqual(new Set(['refund_amount_exceeded']));
    for (const { body } of made) await ends(body['id'] as string, 'succeeded');
    await expectRefunded(id, ...made.map(() => 9_000));
  });

  test('goes through while every new charge is stopped', async () => {
    const { id } = await paid();
    const thrown = await house.merchant.post('/v1/kill_switches', { provider: 'stripe', reason: 'a drill' });
    expect(thrown.status).toBe(201);
    const made = await refund(id);
    await house.merchant.send('DELETE', `/v1/kill_switches/${thrown.body['id'] as string}`);
    expect(made.body['status']).toBe('succeeded');
    await expectRefunded(id, 100_000);
  });

  test('that its provider works on is answered with a 202, and told when it ends', async () => {
    const { id, payer } = await paid({ payment_token: 'pm_card_pendingRefund' });
    const key = randomUUID();
    const made = await refund(id, {}, key);
    expect([made.status, made.body['status']]).toEqual([202, 'pending']);
    expect(made.headers.get('location')).toBe(`/v1/refunds/${made.body['id'] as string}`);
    expect(await granted(house, payer)).toBe(1);
    await settle(house, id, 'succeeded');
    await ends(made.body['id'] as string, 'succeeded');
    await expectRefunded(id, 100_000);
    const replayed = await refund(id, {}, key);
    expect([replayed.status, replayed.body['status']]).toEqual([201, 'succeeded']);
  });

  test('that fails in the end gives nothing back, and can be asked for again', async () => {
    const { id, payer } = await paid({ payment_token: 'pm_card_pendingRefund' });
    const made = await refund(id);
    await settle(house, id, 'failed');
    const failed = await ends(made.body['id'] as string, 'failed');
    expect(failed['last_error']).toMatchObject({ code: 'refund_refused', provider: 'stripe' });
    expect((await house.merchant.payment(id))['amount_refunded']).toBe(0);
    expect(await granted(house, payer)).toBe(1);
    expect(await events(house, id)).toContain('refund.failed');
    expect((await refund(id, { amount: 1 })).status).toBe(202);
  });

  test('that came back from the bank after it had succeeded goes to a person, and can be made again', async () => {
    const { id } = await paid();
    const made = await refund(id);
    expect(made.body['status']).toBe('succeeded');
    await settle(house, id, 'failed');
    await ends(made.body['id'] as string, 'failed');
    const balances = await ledgerBalances(house, id);
    expect(balances[`provider:stripe:${account}`]).toBe(100_000);
    expect(balances['merchant:merchant456:suspense']).toBe(-100_000);
    const payment = await house.merchant.payment(id);
    expect([payment['outcome'], payment['amount_refunded']]).toEqual(['review', 0]);
    const again = await refund(id);
    expect(again.body['status']).toBe('succeeded');
    expect(await ledgerBalances(house, id)).toEqual({});
    expect((await house.merchant.payment(id))['outcome']).toBe('known');
    expect(await openReasons(house, id)).toEqual([]);
  });
});

describe('a refund and its announcements', () => {
  test('are one posting, in whatever order they come', async () => {
    const { id } = await paid();
    await refund(id, { amount: 40_000 });
    await refund(id, { amount: 60_000 });
    await until('all notifications are applied', async () => (await openNotifications(house, id)) === 0);
    await expectRefunded(id, 40_000, 60_000);
    const payment = await house.merchant.payment(id);
    expect([payment['outcome'], payment['status']]).toEqual(['known', 'succeeded']);
  });

  test('leave to a person what went back without us beside it', async () => {
    const { id } = await paid();
    await refund(id, { amount: 40_000 });
    await refundBeside(house, id, 10_000);
    await until('a person is asked', async () => (await house.merchant.payment(id))['outcome'] === 'review');
    expect(await openReasons(house, id)).toEqual(['unexpected_refund']);
  });

  test('find out about what went back without us, where ours is refused for it', async () => {
    const { id, payer } = await paid();
    await fault('notification', 'lost', -1);
    await refundBeside(house, id, 100_000);
    const refused = await refund(id);
    expect(refused.body).toMatchObject({ status: 'failed', last_error: { code: 'refund_refused' } });
    // The answer is given with the refusal; what became of the money is asked after that.
    await until('a person is asked', async () => (await openReasons(house, id)).length > 0);
    expect(await openReasons(house, id)).toEqual(['unexpected_refund']);
    await expectRefunded(id, 100_000);
    expect(await granted(house, payer)).toBe(1);
  });
});

describe('a refund without a clean answer', () => {
  test.each([
    'timeout_after',
    'reset_after',
    'truncated',
    'error_500_after',
    'reset_before',
    'error_502_html',
    'rate_limited',
    'wrong_amount',
    'wrong_reference',
  ])('%s ends right, and is made once', async (name) => {
    const { id } = await paid();
    await fault('refund', name);
    const made = await refund(id, { amount: 80_000 });
    expect([201, 202]).toContain(made.status);
    await ends(made.body['id'] as string, 'succeeded');
    await expectRefunded(id, 80_000);
  });
});

test('a refund that was sent longer ago than its key lives is looked up, and not sent again', async () => {
  const { id } = await paid();
  await fault('refund', 'reset_after', 1);
  await fault('refund', 'reset_before', -1);
  await fault('refund_list', 'error_502_html', -1);
  const made = await refund(id);
  expect(made.status).toBe(202);
  await house.sql.query(
    `UPDATE operations SET sent_at = sent_at - interval '2 days', next_poll_at = now()
      WHERE payment_id = $1 AND kind = 'refund'`,
    [id],
  );
  await house.sandbox.call('DELETE', '/stripe/faults');
  await ends(made.body['id'] as string, 'succeeded');
  await expectRefunded(id, 100_000);
});

test('where Temporal lost the workflow, the sweeper has the refund carried out', async () => {
  const { id } = await paid();
  await fault('refund', 'reset_before', -1);
  const made = await refund(id);
  expect(made.status).toBe(202);
  const refundId = made.body['id'] as string;
  await (await house.temporal()).workflow.getHandle(refundId).terminate('for the sweeper');
  await house.sandbox.call('DELETE', '/stripe/faults');
  await house.sql.query(`UPDATE refunds SET due_at = now() WHERE id = $1`, [refundId]);
  await ends(refundId, 'succeeded');
  await expectRefunded(id, 100_000);
});
