import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { offered as offeredAt, paypalAccount, press, type Offered } from './paypal-payer.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
  account = await paypalAccount(house);
});
afterEach(() => house.sandbox.call('DELETE', '/paypal/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const offered = (change: Record<string, unknown> = {}) => offeredAt(house, change);
const fault = (operation: string, name: string, more: Record<string, unknown> = {}) =>
  house.sandbox.call('POST', '/paypal/faults', { operation, fault: name, ...more });
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

async function expectPaidOnce({ id, payer }: Offered): Promise<void> {
  expect(await charges(id)).toEqual([100_000]);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:paypal:${account}`]).toBe(100_000);
  expect(Object.values(balances).reduce((sum, amount) => sum + amount, 0)).toBe(0);
  const { body } = await house.merchant.get(`/v1/entitlements?payer=${payer}`);
  expect(body['data']).toEqual([expect.objectContaining({ product: 'course-ts', status: 'granted' })]);
}

async function expectUnpaid({ id, payer }: Offered): Promise<void> {
  expect(await charges(id)).toEqual([]);
  expect(await ledgerBalances(house, id)).toEqual({});
  expect((await house.merchant.get(`/v1/entitlements?payer=${payer}`)).body['data']).toEqual([]);
}

async function operationOf(id: string): Promise<Record<string, unknown>> {
  const { rows } = await house.sql.query<Record<string, unknown>>(
    `SELECT status, advance_count, advance_taken_at IS NOT NULL AS taken, return_details
       FROM operations WHERE payment_id = $1 ORDER BY number DESC LIMIT 1`,
    [id],
  );
  return rows[0]!;
}

describe('a payer with PayPal', () => {
  test('approves, comes back by our address to the shop, and has the course', async () => {
    const made = await offered({ return_url: 'https://shop.example/thanks?order=7' });
    const stops = await press(made.page, 'approve');
    expect(stops[0]).toMatch(`${house.apiUrl}/returns/paypal/${account}/${referenceOf(made.id)}?token=`);
    expect(stops[1]).toBe('https://shop.example/thanks?order=7');
    await ends(made.id, 'succeeded');
    await expectPaidOnce(made);
    expect(await operationOf(made.id)).toMatchObject({ status: 'succeeded', advance_count: 1 });
    const { body } = await house.merchant.get(`/v1/payments/${made.id}/events`);
    const types = (body['data'] as { type: string }[]).map(({ type }) => type);
    expect(types).toEqual(
      expect.arrayContaining(['operation.approved', 'payment.processing', 'payment.succeeded']),
    );
  });

  test('whose browser never comes back is seen by the notification', async () => {
    const made = await offered();
    await house.sandbox.call('POST', `/paypal/orders/${referenceOf(made.id)}/approve`, {});
    await ends(made.id, 'succeeded');
    await expectPaidOnce(made);
  });

  test('whose notifications are all lost is found by asking', async () => {
    await fault('notification', 'lost', { times: -1 });
    const made = await offered();
    await press(made.page, 'approve');
    await ends(made.id, 'succeeded');
    await expectPaidOnce(made);
  });

  test('who turns back keeps the offer to its end; then the payment is canceled, and nothing was taken', async () => {
    const made = await offered({ expires_in: 10 });
    await press(made.page, 'cancel');
    expect((await house.merchant.payment(made.id))['status']).toBe('requires_action');
    await ends(made.id, 'canceled');
    await expectUnpaid(made);
  });

  test('who approves after the payment was canceled is not charged', async () => {
    const made = await offered();
    const canceled = await house.merchant.post(`/v1/payments/${made.id}/cancel`, {});
    expect(canceled.status).toBeLessThan(300);
    await ends(made.id, 'canceled');
    await press(made.page, 'approve');
    const approvals = await until('the approval was told', async () => {
      const { rows } = await house.sql.query(
        `SELECT 1 FROM notifications WHERE payment_id = $1 AND processed_at IS NOT NULL`,
        [made.id],
      );
      return rows.length > 0 && rows.length;
    });
    expect(approvals).toBe(1);
    await expectUnpaid(made);
    expect(await house.merchant.payment(made.id)).toMatchObject({ status: 'canceled', outcome: 'known' });
  });

  test('whose bank declines may try again; the first order is over before that', async () => {
    const made = await offered();
    await press(made.page, 'decline');
    const payment = await ends(made.id, 'requires_payment_method');
    expect(payment['last_error']).toMatchObject({ code: 'declined', provider_code: 'INSTRUMENT_DECLINED' });
    expect(await operationOf(made.id)).toMatchObject({ status: 'closed', taken: false });
    const again = await house.merchant.post(`/v1/payments/${made.id}/confirm`, { method: 'paypal' });
    const { url } = again.body['next_action'].redirect as { url: string };
    await press(made.page, 'approve');
    await press(url, 'approve');
    await ends(made.id, 'succeeded');
    expect(await charges(made.id, 1)).toEqual([]);
    expect(await charges(made.id, 2)).toEqual([100_000]);
  });

  test('whose bank takes its time is charged when it has', async () => {
    const made = await offered();
    await press(made.page, 'pending');
    await until('the capture is pending', async () => (await operationOf(made.id))['status'] === 'pending');
    expect((await house.merchant.payment(made.id))['status']).toBe('processing');
    await house.sandbox.call('POST', `/paypal/orders/${referenceOf(made.id)}/settle`, { paid: true });
    await ends(made.id, 'succeeded');
    await expectPaidOnce(made);
  });

  test('in a currency that PayPal does not take is told so', async () => {
    const answer = await house.merchant.pay({ method: 'paypal', currency: 'KRW', amount: 1000 });
    expect([answer.status, answer.body['code']]).toEqual([422, 'currency_unsupported']);
  });
});

describe('the call that takes the money', () => {
  test.each([
    'timeout_after',
    'error_500_after',
    'reset_after',
    'truncated',
    'in_progress',
    'wrong_reference',
  ])('under %s is unknown, and charges once all the same', async (name) => {
    await fault('capture', name);
    const made = await offered();
    await press(made.page, 'approve');
    await ends(made.id, 'succeeded', 60_000);
    await expectPaidOnce(made);
  });

  test.each(['reset_before', 'error_500_before', 'rate_limited'])(
    'under %s is made again, and charges once',
    async (name) => {
      await fault('capture', name);
      const made = await offered();
      await press(made.page, 'approve');
      await ends(made.id, 'succeeded', 60_000);
      await expectPaidOnce(made);
    },
  );

  test('of another amount than was asked for goes to a person, and opens nothing', async () => {
    await fault('capture', 'wrong_amount', { times: -1 });
    await fault('get', 'wrong_amount', { times: -1 });
    await fault('notification', 'lost', { times: -1 });
    const made = await offered();
    await press(made.page, 'approve');
    await until('it is in review', async () => {
      const payment = await house.merchant.payment(made.id);
      return payment['outcome'] === 'review' && payment['last_error'].code === 'amount_differs';
    });
    expect((await house.merchant.get(`/v1/entitlements?payer=${made.payer}`)).body['data']).toEqual([]);
  });

  test('before a crash and a stop longer than its key’s life is not made a second time', async () => {
    await fault('capture', 'timeout_after');
    await fault('notification', 'lost', { times: -1 });
    const made = await offered();
    await press(made.page, 'approve');
    await until('PayPal took it', async () => (await charges(made.id)).length === 1);
    await house.kill('worker');
    // As after a stop of 45 days: PayPal knows the key no more, and nor may we use it.
    await house.sql.query(
      `UPDATE operations SET advance_replay_until = now() - interval '1 minute' WHERE payment_id = $1`,
      [made.id],
    );
    await fault('capture', 'keys_expired', { times: -1 });
    await house.start('worker');
    await ends(made.id, 'succeeded', 60_000);
    await expectPaidOnce(made);
    expect(await operationOf(made.id)).toMatchObject({ advance_count: 1 });
  });

  test('and a cancel that comes meanwhile never both win', async () => {
    const stories = await Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        const made = await offered();
        const cancel = async () => {
          await new Promise((resolve) => setTimeout(resolve, index * 25));
          return house.merchant.post(`/v1/payments/${made.id}/cancel`, {});
        };
        await Promise.all([press(made.page, 'approve'), cancel()]);
        const status = await until(`${made.id} ends`, async () => {
          const payment = await house.merchant.payment(made.id);
          return ['succeeded', 'canceled'].includes(payment['status'] as string) && payment['status'];
        });
        return { made, status: status as string };
      }),
    );
    for (const { made, status } of stories) {
      if (status === 'succeeded') await expectPaidOnce(made);
      else await expectUnpaid(made);
    }
  });

  test('is not made while a kill switch stops it, and is made once that is lifted', async () => {
    const made = await offered();
    const thrown = await house.merchant.post('/v1/kill_switches', { provider: 'paypal', reason: 'a test' });
    expect(thrown.status).toBe(201);
    await press(made.page, 'approve');
    await until('the approval is known', async () => {
      const { rows } = await house.sql.query(
        `SELECT 1 FROM operations WHERE payment_id = $1 AND approved_at IS NOT NULL`,
        [made.id],
      );
      return rows.length === 1;
    });
    expect(await operationOf(made.id)).toMatchObject({ status: 'action_required', advance_count: 0 });
    expect(await charges(made.id)).toEqual([]);
    await house.merchant.send('DELETE', `/v1/kill_switches/${thrown.body['id']}`);
    await ends(made.id, 'succeeded', 60_000);
    await expectPaidOnce(made);
  });
});
