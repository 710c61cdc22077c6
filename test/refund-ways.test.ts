import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ways } from './fault-matrix/ways.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { events, granted, openNotifications, openReasons } from './refund-acts.js';
import { until } from './until.js';

/** How a refund at one provider is broken, and what its refusal is called there. */
interface RefundWay {
  readonly provider: 'alipay' | 'wechat_pay' | 'union_pay';
  /** The stand-in's name of the look-up of a refund. */
  readonly query: string;
  readonly refusal: Readonly<Record<string, unknown>>;
  readonly refusalCode: string;
  /** Without an answer it is sent again; UnionPay's is only asked about. */
  readonly isRepeated: boolean;
  /** Refused for now: the same number is to be sent again. */
  readonly notYet: Readonly<Record<string, unknown>> | null;
}

const refundWays: readonly RefundWay[] = [
  {
    provider: 'alipay',
    query: 'refund_query',
    refusal: { fault: 'code', code: '40004', sub_code: 'ACQ.TRADE_NOT_ALLOW_REFUND' },
    refusalCode: 'ACQ.TRADE_NOT_ALLOW_REFUND',
    isRepeated: true,
    notYet: { fault: 'code', code: '40004', sub_code: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' },
  },
  {
    provider: 'wechat_pay',
    query: 'refund_query',
    refusal: { fault: 'code', status: 403, code: 'USER_ACCOUNT_ABNORMAL' },
    refusalCode: 'USER_ACCOUNT_ABNORMAL',
    isRepeated: true,
    notYet: { fault: 'code', status: 403, code: 'NOT_ENOUGH' },
  },
  {
    provider: 'union_pay',
    query: 'query',
    refusal: { fault: 'code', code: '44' },
    refusalCode: '44',
    isRepeated: false,
    notYet: null,
  },
];

let house: House;
const accounts: Record<string, string> = {};

beforeAll(async () => {
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000', REPLY_TIMEOUT_MS: '4000' } });
  await house.merchant.addCourse();
  accounts['alipay'] = house.merchant.account;
  for (const provider of ['wechat_pay', 'union_pay'] as const) {
    accounts[provider] = await house.addAccount(ways[provider].credential);
  }
  const url = `${house.sandbox.url}/merchant/webhooks/shop`;
  const endpoint = await house.merchant.post('/v1/webhook_endpoints', { url });
  await house.sandbox.call('POST', '/merchant/endpoints', { name: 'shop', secret: endpoint.body['secret'] });
});
afterEach(async () => {
  for (const { provider } of refundWays) await house.sandbox.call('DELETE', ways[provider].faultsPath);
});
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
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

/** Asks, and waits for its end: some answer at once, others only accept. */
async function refunded(payment: string, body: Record<string, unknown> = {}): Promise<Record<string, any>> {
  const made = await refund(payment, body);
  expect([201, 202], made.text).toContain(made.status);
  return ends(made.body['id'] as string, 'succeeded');
}

describe.each(refundWays)('a refund at $provider', (way) => {
  const { provider } = way;
  const fault = (operation: string, more: Readonly<Record<string, unknown>>) =>
    house.sandbox.call('POST', ways[provider].faultsPath, { operation, ...more });

  async function paid(): Promise<{ id: string; payer: string }> {
    const payer = `payer-${randomUUID()}`;
    const made = await house.merchant.pay({ ...ways[provider].offered, payer: { id: payer }, order });
    expect(made.status, made.text).toBe(201);
    const id = made.body['id'] as string;
    await ways[provider].pay(house, referenceOf(id), made.body['next_action']);
    await until('it is paid', async () => (await house.merchant.payment(id))['status'] === 'succeeded');
    await until('its news is applied', async () => (await openNotifications(house, id)) === 0);
    return { id, payer };
  }

  /** Our ledger, the payment and the provider's journal agree about what went back. */
  async function expectRefunded(id: string, ...amounts: number[]): Promise<void> {
    const sum = amounts.reduce((total, amount) => total + amount, 0);
    await until('its news is applied', async () => (await openNotifications(house, id)) === 0);
    expect((await house.sandbox.moved(id, 'refund')).sort()).toEqual([...amounts].sort());
    const balances = await ledgerBalances(house, id);
    expect(balances[`provider:${provider}:${accounts[provider]}`] ?? 0).toBe(100_000 - sum);
    expect(Object.values(balances).reduce((total, amount) => total + amount, 0)).toBe(0);
    const payment = await house.merchant.payment(id);
    expect([payment['status'], payment['outcome'], payment['amount_refunded']]).toEqual([
      'succeeded',
      'known',
      sum,
    ]);
    expect(await openReasons(house, id)).toEqual([]);
  }

  test('of all gives the money back, takes the course away and tells the merchant', async () => {
    const { id, payer } = await paid();
    const request = { reason: 'changed their mind', metadata: { ticket: '17' } };
    const made = await refunded(id, request);
    expect(made).toEqual({
      ...{ id: expect.stringMatching(/^re_/), object: 'refund', payment: id, amount: 100_000 },
      ...{ currency: 'CNY', status: 'succeeded', outcome: 'known', ...request, last_error: null },
      created_at: expect.any(String),
    });
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
    expect(JSON.stringify(told)).toContain(made['id']);
    const listed = await house.merchant.get(`/v1/refunds?payment=${id}`);
    expect(listed.body).toEqual({ object: 'list', data: [made], has_more: false });
  });

  test('of a part leaves the course open, until the rest; more than is left is not asked for', async () => {
    const { id, payer } = await paid();
    expect(await refunded(id, { amount: 30_000 })).toMatchObject({ amount: 30_000 });
    expect(await granted(house, payer)).toBe(1);
    const tooMuch = await refund(id, { amount: 70_001 });
    expect([tooMuch.status, tooMuch.body['code'], tooMuch.body['refundable']]).toEqual([
      422,
      'refund_amount_exceeded',
      70_000,
    ]);
    await expectRefunded(id, 30_000);
    expect(await refunded(id)).toMatchObject({ amount: 70_000 });
    expect(await granted(house, payer)).toBe(0);
    await expectRefunded(id, 30_000, 70_000);
    const none = await refund(id);
    expect([none.status, none.body['code']]).toEqual([409, 'payment_not_refundable']);
  });

  test('that is definitely refused moves nothing, says why, and can be asked for again', async () => {
    const { id, payer } = await paid();
    await fault('refund', way.refusal);
    const made = await refund(id);
    const failed = await ends(made.body['id'] as string, 'failed');
    expect(failed).toMatchObject({
      outcome: 'known',
      last_error: { code: 'refund_refused', provider, provider_code: way.refusalCode },
    });
    expect(await granted(house, payer)).toBe(1);
    expect(await events(house, id)).toContain('refund.failed');
    await expectRefunded(id);
    await refunded(id);
    await expectRefunded(id, 100_000);
  });

  test('whose answer never comes is found by its look-up, and made once', async () => {
    const { id } = await paid();
    // However often it were sent again: only the look-up can tell.
    await fault('refund', { fault: 'timeout_after', times: -1 });
    const made = await refund(id, { amount: 80_000 });
    expect([made.status, made.body['status']]).toEqual([202, 'pending']);
    await ends(made.body['id'] as string, 'succeeded');
    await expectRefunded(id, 80_000);
  });

  test('whose look-up does not know it yet is not made twice', async () => {
    const { id } = await paid();
    await fault('refund', { fault: 'reset_after' });
    await fault(way.query, { fault: 'query_not_yet' });
    const made = await refund(id, { amount: 80_000 });
    await ends(made.body['id'] as string, 'succeeded');
    await expectRefunded(id, 80_000);
  });

  test.runIf(way.isRepeated)(
    'that is refused when it is sent again, and not found yet, is not told as failed',
    async () => {
      const { id } = await paid();
      // Made, and the answer lost; then refused for whatever reason, while the look-up lags.
      await fault('refund', { fault: 'reset_after' });
      await fault('refund', way.refusal);
      await fault(way.query, { fault: 'query_not_yet', times: 2 });
      const made = await refund(id, { amount: 80_000 });
      await until('it was refused', async () => {
        const { faults } = await house.sandbox.call('GET', ways[provider].faultsPath);
        return (faults as { operation: string }[]).every(({ operation }) => operation !== 'refund');
      });
      const { body } = await house.merchant.get(`/v1/refunds/${String(made.body['id'])}`);
      expect(body['status']).not.toBe('failed');
      await ends(made.body['id'] as string, 'succeeded');
      await expectRefunded(id, 80_000);
    },
  );

  test.runIf(way.notYet)('that the merchant’s balance does not cover goes through when it does', async () => {
    const { id } = await paid();
    await fault('refund', { ...way.notYet, times: 2 });
    const made = await refund(id);
    expect([made.status, made.body['status']]).toEqual([202, 'pending']);
    await ends(made.body['id'] as string, 'succeeded');
    await expectRefunded(id, 100_000);
  });

  test('under one key is made once, however often it is asked for', async () => {
    const { id } = await paid();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => refund(id, { amount: 40_000 }, key)));
    expect(new Set(answers.map(({ body }) => body['id'] as string)).size).toBe(1);
    await ends(answers[0]!.body['id'] as string, 'succeeded');
    await expectRefunded(id, 40_000);
  });
});

describe('a refund that WeChat Pay accepted', () => {
  async function accepted(end: 'ends_closed' | 'ends_abnormal') {
    const payer = `payer-${randomUUID()}`;
    const made = await house.merchant.pay({ method: 'wechat_pay', payer: { id: payer }, order });
    const id = made.body['id'] as string;
    await ways.wechat_pay.pay(house, referenceOf(id), made.body['next_action']);
    await until('it is paid', async () => (await house.merchant.payment(id))['status'] === 'succeeded');
    await house.sandbox.call('POST', '/wechat_pay/faults', { operation: 'refund', fault: end });
    return { id, payer, refund: await refund(id) };
  }

  test('and closed has failed: nothing went back', async () => {
    const { id, payer, refund: made } = await accepted('ends_closed');
    const failed = await ends(made.body['id'] as string, 'failed');
    expect(failed['last_error']).toMatchObject({ code: 'refund_refused', provider_code: 'CLOSED' });
    expect(await house.sandbox.moved(id, 'refund')).toEqual([]);
    expect((await house.merchant.payment(id))['amount_refunded']).toBe(0);
    expect(await granted(house, payer)).toBe(1);
  });

  test('and that its payer’s bank did not take is open until somebody has redirected it', async () => {
    const { id, payer, refund: made } = await accepted('ends_abnormal');
    const refundId = made.body['id'] as string;
    await until('the bank has sent it back', async () => {
      const seen = await house.sandbox.call('GET', `/wechat_pay/orders/${referenceOf(id)}`);
      return seen.refunds[0]?.status === 'ABNORMAL';
    });
    await until('we were told', async () => {
      const { rows } = await house.sql.query(
        `SELECT 1 FROM notifications WHERE payment_id = $1 AND says LIKE 'REFUND.ABNORMAL%'`,
        [id],
      );
      return rows.length === 1;
    });
    expect((await house.merchant.get(`/v1/refunds/${refundId}`)).body['status']).toBe('pending');
    expect((await house.merchant.payment(id))['amount_refunded']).toBe(0);
    expect(await granted(house, payer)).toBe(1);
    const { rows } = await house.sql.query<{ provider_key: string }>(
      `SELECT provider_key FROM operations WHERE payment_id = $1 AND kind = 'refund'`,
      [id],
    );
    const done = { status: 'SUCCESS' };
    await house.sandbox.call('POST', `/wechat_pay/refunds/${rows[0]!.provider_key}`, done);
    await ends(refundId, 'succeeded');
    expect(await house.sandbox.moved(id, 'refund')).toEqual([100_000]);
    expect(await granted(house, payer)).toBe(0);
  });
});
