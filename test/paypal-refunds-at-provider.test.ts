import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances, ledgerTotals } from './ledger-balances.js';
import { offered, paypalAccount, press, refundInConsole } from './paypal-payer.js';
import { openReasons } from './refund-acts.js';
import { until } from './until.js';

let house: House;
let account: string;
/** What went back and is in no ledger, because only a person can tell. */
let unposted = 0;

beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
  account = await paypalAccount(house);
});
afterEach(() => house.sandbox.call('DELETE', '/paypal/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const fault = (operation: string, name: string, more: Record<string, unknown> = {}) =>
  house.sandbox.call('POST', '/paypal/faults', { operation, fault: name, ...more });

const becomes = (id: string, what: Record<string, unknown>) =>
  until(
    `${id} is ${JSON.stringify(what)}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return Object.entries(what).every(([field, value]) => payment[field] === value) && payment;
    },
    45_000,
  );

/** Paid at once, or held first and then captured, in part if so. */
async function paid(capture: 'automatic' | 'manual', amount?: number): Promise<string> {
  const { id, page } = await offered(house, { capture });
  await press(page, 'approve');
  if (capture === 'manual') {
    await becomes(id, { status: 'requires_capture' });
    await house.merchant.post(`/v1/payments/${id}/capture`, amount === undefined ? {} : { amount });
  }
  await becomes(id, { status: 'succeeded' });
  // Nothing else is left that could make us ask: approved, held, captured.
  const events = capture === 'manual' ? 3 : 2;
  await until('all its events are applied', async () => {
    const { rows } = await house.sql.query(
      'SELECT 1 FROM notifications WHERE payment_id = $1 AND processed_at IS NOT NULL',
      [id],
    );
    return rows.length === events;
  });
  return id;
}

async function evidenceOf(id: string): Promise<Record<string, any>> {
  const { rows } = await house.sql.query<{ evidence: Record<string, any> }>(
    `SELECT evidence FROM reviews WHERE payment_id = $1 AND reason = 'unexpected_refund'`,
    [id],
  );
  return rows[0]?.evidence ?? {};
}

const atPaypal = async (id: string) => (await ledgerBalances(house, id))[`provider:paypal:${account}`] ?? 0;

describe('money that was refunded in PayPal’s own pages', () => {
  test.each(['automatic', 'manual'] as const)(
    'of a payment captured by %s means: the ledger follows, and a person looks at it',
    async (capture) => {
      const id = await paid(capture);
      await refundInConsole(house, id);
      await becomes(id, { status: 'succeeded', outcome: 'review', amount_refunded: 100_000 });
      expect(await ledgerBalances(house, id)).toEqual({});
      expect(await openReasons(house, id)).toEqual(['unexpected_refund']);
    },
  );

  test.each([
    ['automatic', undefined, 100_000],
    ['manual', 60_000, 60_000],
  ] as const)(
    'in part, of a payment captured by %s means, is for a person, and is not posted',
    async (capture, amount, took) => {
      const id = await paid(capture, amount);
      await refundInConsole(house, id, '200.00');
      await becomes(id, { status: 'succeeded', outcome: 'review', amount_refunded: 0 });
      expect(await atPaypal(id)).toBe(took);
      expect(await evidenceOf(id)).toMatchObject({ refunds: [{ amountMinor: took, refundedMinor: 20_000 }] });
    },
  );

  test('beside a refund of ours is told from it', async () => {
    const id = await paid('manual');
    const ours = await house.merchant.post('/v1/refunds', { payment: id, amount: 30_000 });
    expect(ours.status).toBeLessThan(300);
    await becomes(id, { amount_refunded: 30_000, outcome: 'known' });
    await refundInConsole(house, id, '200.00');
    await becomes(id, { outcome: 'review', amount_refunded: 30_000 });
    expect(await atPaypal(id)).toBe(70_000);
    expect(await evidenceOf(id)).toMatchObject({ refunds: [{ refundedMinor: 50_000 }] });
  });

  test('is seen later where PayPal does not say at first whose capture it was', async () => {
    const id = await paid('manual');
    await fault('get_payment', 'error_500_before', { times: 2 });
    await refundInConsole(house, id);
    await becomes(id, { outcome: 'review', amount_refunded: 100_000 });
    const asked = await house.sandbox.journal({ kind: 'notification' });
    const answers = asked
      .filter(({ type }) => type === 'PAYMENT.CAPTURE.REFUNDED')
      .map(({ status }) => status);
    expect(answers).toEqual(expect.arrayContaining([400, 200]));
  });

  test.each([
    ['automatic', '200.00'],
    ['automatic', '1000.00'],
    ['manual', '200.00'],
    ['manual', '1000.00'],
  ] as const)(
    'and is not shown by any look-up is for a person all the same (captured by %s means, %s)',
    async (capture, value) => {
      const id = await paid(capture);
      await fault('get', 'refunds_not_yet', { times: -1 });
      await refundInConsole(house, id, value);
      await becomes(id, { status: 'succeeded', outcome: 'review', amount_refunded: 0 });
      const refundedMinor = Number(value) * 100;
      expect(await evidenceOf(id)).toMatchObject({ refunds: [{ amountMinor: 100_000, refundedMinor }] });
      expect(await atPaypal(id)).toBe(100_000);
      unposted += refundedMinor;
    },
  );

  test.each(['automatic', 'manual'] as const)(
    'and told by nobody is found when a refund of ours is refused for it (captured by %s means)',
    async (capture) => {
      const id = await paid(capture);
      await fault('notification', 'lost', { times: -1 });
      await refundInConsole(house, id);
      await house.merchant.post('/v1/refunds', { payment: id });
      await becomes(id, { outcome: 'review', amount_refunded: 100_000 });
      expect(await ledgerBalances(house, id)).toEqual({});
      expect(await openReasons(house, id)).toEqual(['unexpected_refund']);
    },
  );

  test('in the end the ledger is the journal, but for the parts that a person looks at', async () => {
    const sum = (entries: { amount_minor?: number }[]) =>
      entries.reduce((total, { amount_minor: minor = 0 }) => total + minor, 0);
    const [charged, refunded] = await Promise.all(
      ['charge', 'refund'].map(async (kind) => sum(await house.sandbox.journal({ kind }))),
    );
    expect(await ledgerTotals(house)).toEqual({
      sum: 0,
      provider: charged! - refunded! + 3 * 20_000 + unposted,
    });
  });
});
