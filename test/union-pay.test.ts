import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runToEnd } from '../scripts/processes/processes.js';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { bringOrder, postForm } from './union-pay-browser.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant account',
    command: process.execPath,
    args: [
      new URL('../dist/scripts/merchant.js', import.meta.url).pathname,
      ...['account', '--id', house.merchant.id, '--mode', 'test', '--credential', 'union-pay-sandbox'],
    ],
    env: house.env,
  });
  if (code !== 0) throw new Error(stderr);
  account = (JSON.parse(stdout) as { account: string }).account;
});
afterEach(() => house.sandbox.call('DELETE', '/union_pay/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const RETURN_URL = 'https://shop.example/thanks?order=1';
const order = { lines: [{ product: 'course-ts', quantity: 1 }] };

interface Form {
  readonly url: string;
  readonly method: string;
  readonly fields: Record<string, string>;
  readonly expires_at: string;
}

async function offered(change: Record<string, unknown> = {}): Promise<{ id: string; form: Form }> {
  const made = await house.merchant.pay({ method: 'UNION_PAY', return_url: RETURN_URL, order, ...change });
  if (made.status !== 201) throw new Error(`no offer: ${made.status} ${made.text}`);
  expect(made.body).toMatchObject({ status: 'requires_action', next_action: { type: 'redirect' } });
  return { id: made.body['id'] as string, form: made.body['next_action'].redirect as Form };
}

/** The payer's browser has brought the form; the cashier's page is open. */
async function opened(change: Record<string, unknown> = {}): Promise<{ id: string; form: Form }> {
  const offer = await offered(change);
  await bringOrder(offer.form.url, offer.form.fields);
  return offer;
}

const at = (id: string, deed: string, body: Record<string, unknown> = {}) =>
  house.sandbox.call('POST', `/union_pay/orders/${referenceOf(id)}/${deed}`, body);
const loseNotification = (id: string) =>
  house.sandbox.call('POST', '/union_pay/faults', {
    operation: 'notification',
    fault: 'lost',
    reference: referenceOf(id),
  });

/** The browser carries what UnionPay gave it back to us. */
async function comeBack(id: string, mode = 'genuine'): Promise<Response> {
  const { url, fields } = (await at(id, 'return', { mode })) as Pick<Form, 'url' | 'fields'>;
  return postForm(url, fields);
}

const ends = (id: string, status: string) =>
  until(
    `it is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    60_000,
  );

async function news(id: string): Promise<{ dedupe_key: string; paid: unknown; result: string | null }[]> {
  const { rows } = await house.sql.query<{ dedupe_key: string; paid: unknown; result: string | null }>(
    'SELECT dedupe_key, paid, result FROM notifications WHERE payment_id = $1 ORDER BY id',
    [id],
  );
  return rows;
}

async function expectPaidOnce(id: string): Promise<void> {
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:union_pay:${account}`]).toBe(100_000);
  expect(Object.values(balances).reduce((sum, amount) => sum + amount, 0)).toBe(0);
}

/** Nobody looks by themselves any more: what is found, something else has found. */
const stopPolling = (id: string) =>
  house.sql.query("UPDATE operations SET next_poll_at = now() + interval '1 hour' WHERE payment_id = $1", [
    id,
  ]);

describe('a payment by UnionPay', () => {
  test('is a form for the payer’s browser, paid at the cashier, told by the back notification', async () => {
    const { id, form } = await opened();
    expect(form).toMatchObject({
      method: 'POST',
      fields: { orderId: referenceOf(id), txnAmt: '100000', currencyCode: '156' },
    });
    expect(form.fields['frontUrl']).toBe(`${house.apiUrl}/returns/union_pay/${account}/${referenceOf(id)}`);
    await stopPolling(id);
    await at(id, 'pay');
    const payment = await ends(id, 'succeeded');
    expect(payment['card']).toEqual({ funding: 'debit', brand: 'unionpay', last4: '0048', country: null });
    expect(await news(id)).toMatchObject([{ result: 'applied', paid: { amountMinor: 100_000 } }]);
    await expectPaidOnce(id);
  });

  test('of which only the front notification came is asked about, and found', async () => {
    const { id } = await opened();
    await stopPolling(id);
    await loseNotification(id);
    await at(id, 'pay');
    const back = await comeBack(id);
    expect([back.status, back.headers.get('location')]).toEqual([303, RETURN_URL]);
    await ends(id, 'succeeded');
    expect(await news(id)).toMatchObject([{ paid: null, result: 'asked: succeeded' }]);
    expect((await news(id))[0]?.dedupe_key).toMatch(/^front\//);
    await expectPaidOnce(id);
  });

  test('that is told twice, front and back, is paid once', async () => {
    const { id } = await opened();
    await at(id, 'pay');
    await Promise.all([comeBack(id), comeBack(id), at(id, 'notify', { times: 20 })]);
    await ends(id, 'succeeded');
    expect((await news(id)).map(({ dedupe_key: key }) => key.split('/')[0]).sort()).toEqual(
      ['front', referenceOf(id)].sort(),
    );
    await expectPaidOnce(id);
  });

  test('of which nothing is told is found by asking', async () => {
    const { id } = await opened();
    await loseNotification(id);
    await at(id, 'pay');
    await ends(id, 'succeeded');
    expect(await news(id)).toEqual([]);
    await expectPaidOnce(id);
  });

  test('whose payer’s first card is refused is paid by the second', async () => {
    const { id } = await opened();
    await at(id, 'refuse', { code: '64' });
    const polled = await until('it was asked about', async () => {
      const { rows } = await house.sql.query<{ polls: number }>(
        'SELECT poll_count AS polls FROM operations WHERE payment_id = $1 AND poll_count > 0',
        [id],
      );
      return rows[0];
    });
    expect(polled.polls).toBeGreaterThan(0);
    expect((await house.merchant.payment(id))['status']).toBe('requires_action');
    await at(id, 'pay');
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });

  test('of another amount goes to suspense and to a review', async () => {
    const { id } = await opened();
    await at(id, 'pay', { amount: 100 });
    const payment = await until('it is in review', async () => {
      const seen = await house.merchant.payment(id);
      return seen['outcome'] === 'review' && seen;
    });
    expect(payment).toMatchObject({ amount_received: 100, last_error: { code: 'amount_differs' } });
    expect(await ledgerBalances(house, id)).toEqual({
      [`provider:union_pay:${account}`]: 100,
      'merchant:merchant456:suspense': -100,
    });
  });
});

describe('what somebody else says', () => {
  test.each([
    'bad_signature',
    'no_signature',
    'foreign_certificate',
    'expired_certificate',
    'other_owner',
    'tampered',
    'wrong_reference',
    'wrong_merchant',
  ])('a front notification with %s pays nothing; its payer is sent on all the same', async (mode) => {
    const { id } = await opened();
    const back = await comeBack(id, mode);
    expect([back.status, back.headers.get('location')]).toEqual([303, RETURN_URL]);
    expect(await news(id)).toEqual([]);
    const { rows } = await house.sql.query<{ n: string }>(
      "SELECT count(*)::text AS n FROM audit_log WHERE action LIKE '%refused%' AND detail::text LIKE $1",
      [`%${account}%`],
    );
    expect(Number(rows[0]?.n)).toBeGreaterThan(0);
    expect((await house.merchant.payment(id))['status']).toBe('requires_action');
  });

  test('a genuine notification before any payment says so early, and is not believed', async () => {
    const { id } = await opened();
    // Signed by UnionPay, but its look-up knows better: 05, nobody has paid.
    await comeBack(id);
    await until('it was asked about', async () => (await news(id))[0]?.result);
    expect(await news(id)).toMatchObject([{ paid: null, result: 'asked: pending' }]);
    expect((await house.merchant.payment(id))['status']).toBe('requires_action');
    expect(await house.sandbox.charges(referenceOf(id))).toEqual([]);
  });

  test('a form that the payer has altered is not taken by UnionPay', async () => {
    const { form } = await offered();
    await expect(bringOrder(form.url, { ...form.fields, txnAmt: '1' })).rejects.toThrow('验证签名失败');
  });
});

describe('an order that cannot be taken back', () => {
  test('holds up another method, with the instant at which it will not', async () => {
    const { id, form } = await opened();
    const other = await house.merchant.post(`/v1/payments/${id}/confirm`, { method: 'alipay' });
    expect([other.status, other.body['code']]).toEqual([409, 'attempt_open']);
    expect(Date.parse(other.body['retry_at'] as string)).toBe(Date.parse(form.expires_at) + 1_000);
    await at(id, 'pay');
    await ends(id, 'succeeded');
  });

  test('is paid although it was to be canceled, if its payer was faster', async () => {
    const { id } = await opened();
    await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    await at(id, 'pay');
    await ends(id, 'succeeded');
    await expectPaidOnce(id);
  });

  test('ends when its time is over, and not before: canceled, opened or never brought', async () => {
    const canceled = await opened({ expires_in: 10 });
    const left = await opened({ expires_in: 10 });
    const unseen = await offered({ expires_in: 10 });
    const canceling = await house.merchant.post(`/v1/payments/${canceled.id}/cancel`, {});
    expect(canceling.status).toBe(202);
    for (const { id, form } of [canceled, left, unseen]) {
      const payment = await ends(id, 'canceled');
      expect(Date.now()).toBeGreaterThan(Date.parse(form.expires_at));
      expect(payment['attempts']).toMatchObject([{ status: 'closed' }]);
      expect(await house.sandbox.charges(referenceOf(id))).toEqual([]);
    }
    expect((await house.merchant.payment(left.id))['last_error']).toMatchObject({ code: 'expired' });
    await expect(at(canceled.id, 'pay')).rejects.toThrow('its time is over');
  });
});

describe('kill -9', () => {
  test.each([
    ['worker', 'worker.start.after_call'],
    ['worker', 'worker.settle.before_commit'],
    ['api', 'api.notification.after_commit'],
  ] as const)('of the %s at %s: paid once, and told', async (service, point) => {
    const crash = { CRASH_POINT: point, CRASH_POINT_MARKER: join(house.folder, `union-pay-${point}`) };
    await house.restart(service, crash);
    const revived = house.process(service).exited.then(async ({ signal }) => {
      await house.start(service);
      return signal;
    });
    const made = await house.merchant.pay({ method: 'union_pay', order });
    const id = made.body['id'] as string;
    const payment = await ends(id, 'requires_action');
    const { url, fields } = payment['next_action'].redirect as Form;
    await bringOrder(url, fields);
    await at(id, 'pay');
    await ends(id, 'succeeded');
    expect(await revived).toBe('SIGKILL');
    await expectPaidOnce(id);
  });
});
