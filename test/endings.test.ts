import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { offer } from './offer.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterEach(() => house.sandbox.clearFaults());
afterAll(() => house.close());

const ends = (id: string, status: string) =>
  until(
    `${id} is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    40_000,
  );
const scan = (reference: string) => house.sandbox.call('POST', `/alipay/trades/${reference}/scan`);

const operationOf = async (id: string) => {
  const { rows } = await house.sql.query<{ id: string }>('SELECT id FROM operations WHERE payment_id = $1', [
    id,
  ]);
  return rows[0]?.id ?? '';
};

describe('endings without money', () => {
  test('a payer who scans and never pays: closed at the provider, confirmed, then canceled', async () => {
    const { id, reference } = await offer(house, { expires_in: 10 });
    await scan(reference);
    const payment = await ends(id, 'canceled');
    expect(payment).toMatchObject({ outcome: 'known', amount_received: 0, attempts: [{ status: 'closed' }] });
    expect(await house.sandbox.journal({ reference, kind: 'close' })).toHaveLength(1);
    const pay = house.sandbox.call('POST', `/alipay/trades/${reference}/pay`, {});
    await expect(pay).rejects.toThrow('409');
  });

  test('a payer who never scans: canceled once "not found" is proof', async () => {
    const { id } = await offer(house, { expires_in: 10 });
    const payment = await ends(id, 'canceled');
    expect(payment).toMatchObject({ last_error: { code: 'expired' }, attempts: [{ status: 'closed' }] });
    expect(Date.now()).toBeGreaterThan(Date.parse(payment['expires_at']));
  });

  test("the merchant's cancel of a scanned code is confirmed by the provider", async () => {
    const { id, reference } = await offer(house);
    await scan(reference);
    const answer = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    expect([200, 202]).toContain(answer.status);
    await ends(id, 'canceled');
    expect(await house.sandbox.journal({ reference, kind: 'close' })).toHaveLength(1);
  });

  test('the cancel of an unscanned code waits, because it can still be paid; money that comes wins', async () => {
    const { id, qrCode } = await offer(house);
    const answer = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    expect(answer.status).toBe(202);
    expect(answer.body['status']).toBe('requires_action');
    await house.sandbox.pay(qrCode);
    await ends(id, 'succeeded');
  });

  test('a payment whose product was claimed gives it back when it ends unpaid', async () => {
    await house.merchant.addCourse();
    const change = { payer: { id: 'claimant' }, order: { lines: [{ product: 'course-ts', quantity: 1 }] } };
    const first = await offer(house, { ...change, expires_in: 10 });
    expect((await house.merchant.pay(change)).status).toBe(409);
    await ends(first.id, 'canceled');
    const second = await offer(house, change);
    await house.sandbox.pay(second.qrCode);
    await ends(second.id, 'succeeded');
    const third = await house.merchant.pay(change);
    expect(third.body).toMatchObject({ code: 'already_purchased', payment: second.id });
  });
});

describe('another way to pay', () => {
  test('is refused while the code can still be paid, and says until when', async () => {
    const { id } = await offer(house);
    for (const method of ['alipay', 'wechat_pay']) {
      const answer = await house.merchant.post(`/v1/payments/${id}/confirm`, { method });
      expect(answer.status).toBe(409);
      expect(answer.body).toMatchObject({ code: 'attempt_open', retry_at: expect.stringMatching(/Z$/) });
      expect(Date.parse(answer.body['retry_at'])).toBeGreaterThan(Date.now());
    }
  });
});

describe('money after the close', () => {
  /** Pays so that neither notification nor query tells of it before the payment has ended. */
  async function payUnseen(): Promise<{ id: string; reference: string }> {
    await house.sandbox.fault('notification', 'lost');
    await house.sandbox.fault('query', 'query_not_yet', { times: -1 });
    const { id, qrCode, reference } = await offer(house, { expires_in: 10 });
    await house.sandbox.pay(qrCode);
    await ends(id, 'canceled');
    await house.sandbox.clearFaults();
    return { id, reference };
  }

  test('goes to suspense and to a review, also when the workflow is gone; nothing is granted', async () => {
    const { id, reference } = await payUnseen();
    await house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, { mode: 'genuine' });
    const payment = await until('the review opens', async () => {
      const seen = await house.merchant.payment(id);
      return seen['outcome'] === 'review' && seen;
    });
    expect(payment).toMatchObject({
      status: 'canceled',
      amount_received: 100_000,
      attempts: [{ status: 'late_success' }],
    });
    expect(await ledgerBalances(house, id)).toEqual({
      [`provider:alipay:${house.merchant.account}`]: 100_000,
      'merchant:merchant456:suspense': -100_000,
    });
    const { rows } = await house.sql.query('SELECT reason FROM reviews WHERE payment_id = $1', [id]);
    expect(rows).toEqual([{ reason: 'late_success' }]);
    const again = { mode: 'genuine', times: 5, overrides: { notify_id: 'another-event' } };
    await house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, again);
    await until('all are applied', async () => {
      const { rows: open } = await house.sql.query(
        'SELECT 1 FROM notifications WHERE payment_id = $1 AND processed_at IS NULL',
        [id],
      );
      return open.length === 0;
    });
    expect((await house.merchant.payment(id))['amount_received']).toBe(100_000);
  });
});

describe('a notification about which the provider does not answer', () => {
  test('of a payment that has ended: a review after the grace, whoever dies meanwhile', async () => {
    const graceMs = 6_000;
    await house.restart('api', { REVIEW_GRACE_MS: String(graceMs) });
    const { id, reference } = await offer(house);
    await scan(reference);
    await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    await ends(id, 'canceled');
    await house.sandbox.fault('query', 'error_500_before', { times: -1 });
    await house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, {
      overrides: { trade_status: 'TRADE_SUCCESS' },
    });
    await house.kill('worker');
    const late = (await house.temporal()).workflow.getHandle(`late-${await operationOf(id)}`);
    await until('it has begun', async () => (await late.describe()).status.name === 'RUNNING');
    await late.terminate('nothing of its own says since when it waits');
    await house.start('worker');
    await until(
      'the review opens',
      async () => (await house.merchant.payment(id))['outcome'] === 'review',
      40_000,
    );
    const { rows } = await house.sql.query(
      `SELECT r.reason, r.evidence, n.result, r.created_at >= n.received_at + make_interval(secs => $2) AS in_time
         FROM reviews r JOIN notifications n ON n.operation_id = r.operation_id AND n.processed_at IS NOT NULL
        WHERE r.payment_id = $1`,
      [id, graceMs / 1000],
    );
    expect(rows).toMatchObject([
      {
        reason: 'no_answer',
        evidence: { provider_key: reference, notifications: [{ says: 'TRADE_SUCCESS' }] },
        result: 'review: no answer',
        in_time: true,
      },
    ]);
    expect(await house.merchant.payment(id)).toMatchObject({ status: 'canceled', amount_received: 0 });
    expect(await ledgerBalances(house, id)).toEqual({});
  });

  test('hides neither a cancel nor the deadline: the payment ends in a review', async () => {
    await house.restart('api', { REVIEW_GRACE_MS: '1000' });
    const { id, reference } = await offer(house, { expires_in: 10 });
    for (const operation of ['query', 'close']) {
      await house.sandbox.fault(operation, 'error_500_before', { times: -1 });
    }
    const lie = { overrides: { trade_status: 'TRADE_SUCCESS', total_amount: '1.00' } };
    await house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, lie);
    expect((await house.merchant.post(`/v1/payments/${id}/cancel`, {})).status).toBe(202);
    await until(
      'the review opens',
      async () => (await house.merchant.payment(id))['outcome'] === 'review',
      40_000,
    );
    await house.sandbox.clearFaults();
  });
});
