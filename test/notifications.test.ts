import { requiredTsToMs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { ledgerBalances, ledgerTotals } from './ledger-balances.js';
import { offer, referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterAll(() => house.close());

const notify = (reference: string, body: Record<string, unknown>) =>
  house.sandbox.call('POST', `/alipay/trades/${reference}/notify`, body);
const paidInFull = (id: string) =>
  until('the payment succeeds', async () => {
    const payment = await house.merchant.payment(id);
    return payment['status'] === 'succeeded' && payment;
  });
const count = async (sql: string, values: unknown[]) => {
  const { rows } = await house.sql.query<{ n: string }>(`SELECT count(*)::text AS n FROM ${sql}`, values);
  return Number(rows[0]?.n);
};

/** How long each timer of a payment's workflow was to run, in milliseconds. */
async function timersOf(id: string): Promise<number[]> {
  const temporal = await house.temporal();
  const { events } = await temporal.workflow.getHandle(id).fetchHistory();
  await temporal.connection.close();
  return (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) =>
    timer ? [requiredTsToMs(timer.startToFireTimeout, 'startToFireTimeout')] : [],
  );
}

describe('notifications', () => {
  test('one that never comes is made up for by asking', async () => {
    await house.sandbox.fault('notification', 'lost');
    const { id, qrCode, reference } = await offer(house);
    await house.sandbox.pay(qrCode);
    await paidInFull(id);
    expect(await house.sandbox.charges(reference)).toEqual([100_000]);
    expect(await count('notifications WHERE payment_id = $1', [id])).toBe(0);
  });

  test('one that comes a hundred times has one effect', async () => {
    const { id, qrCode, reference } = await offer(house);
    await house.sandbox.pay(qrCode);
    await notify(reference, { times: 100, parallel: true });
    await paidInFull(id);
    expect(
      await count(
        'ledger_transactions t JOIN operations o ON o.id = t.operation_id WHERE o.payment_id = $1',
        [id],
      ),
    ).toBe(1);
    expect(await count("events WHERE payment_id = $1 AND type = 'payment.succeeded'", [id])).toBe(1);
    expect(await ledgerBalances(house, id)).toMatchObject({ 'merchant:merchant456:payable': -100_000 });
  });

  test.each(['forged', 'tampered', 'unsigned', 'other_app', 'other_seller'])(
    'a %s one is refused, audited, and changes nothing',
    async (mode) => {
      const { id, reference } = await offer(house);
      const audited = await count("audit_log WHERE action = 'notification.refused'", []);
      const answer = await notify(reference, { mode });
      expect(JSON.stringify(answer)).not.toContain('success"');
      expect(await count('notifications WHERE payment_id = $1', [id])).toBe(0);
      expect(await count("audit_log WHERE action LIKE 'notification%'", [])).toBeGreaterThan(audited);
      expect(await house.merchant.payment(id)).toMatchObject({
        status: 'requires_action',
        amount_received: 0,
      });
    },
  );

  test('a genuine one with an unknown reference is kept, acknowledged and audited', async () => {
    const { reference, qrCode } = await offer(house);
    await house.sandbox.pay(qrCode);
    const before = await count("notifications WHERE result = 'orphan'", []);
    const answer = await notify(reference, { mode: 'unknown_reference' });
    expect(JSON.stringify(answer)).toContain('success');
    expect(await count("notifications WHERE result = 'orphan'", [])).toBe(before + 1);
  });

  test('one with another amount only makes us ask: the provider says the full amount, so it is paid', async () => {
    const { id, reference, qrCode } = await offer(house);
    await house.sandbox.fault('notification', 'wrong_amount');
    await house.sandbox.pay(qrCode);
    await paidInFull(id);
    expect(await ledgerBalances(house, id)).toMatchObject({ 'merchant:merchant456:payable': -100_000 });
    expect(await house.sandbox.charges(reference)).toEqual([100_000]);
  });

  test('one about which the provider does not answer is to be asked about again after 5 s', async () => {
    const { id, qrCode } = await offer(house);
    // The polls must not be the ones who find it.
    await house.sql.query(
      "UPDATE operations SET next_poll_at = now() + interval '1 hour' WHERE payment_id = $1",
      [id],
    );
    await house.sandbox.fault('notification', 'wrong_amount');
    await house.sandbox.fault('query', 'error_500_before');
    await house.sandbox.pay(qrCode);
    await paidInFull(id);
    expect((await timersOf(id)).slice(1)).toEqual([5_000]);
  });

  test('too little money, confirmed by the provider, goes to suspense and to a review that says what differs', async () => {
    const { id, qrCode } = await offer(house);
    await house.sandbox.pay(qrCode, { amount: '1.00' });
    const payment = await until('the payment is in review', async () => {
      const seen = await house.merchant.payment(id);
      return seen['outcome'] === 'review' && seen;
    });
    expect(payment).toMatchObject({
      status: 'processing',
      amount_received: 100,
      last_error: { code: 'amount_differs' },
    });
    expect(await ledgerBalances(house, id)).toEqual({
      [`provider:alipay:${house.merchant.account}`]: 100,
      'merchant:merchant456:suspense': -100,
    });
    const { rows } = await house.sql.query('SELECT reason, evidence FROM reviews WHERE payment_id = $1', [
      id,
    ]);
    expect(rows).toMatchObject([
      {
        reason: 'amount_differs',
        evidence: { differences: [{ field: 'amount', expected: '100000', actual: '100' }] },
      },
    ]);
    expect(await count('entitlements WHERE payment_id = $1', [id])).toBe(0);
  });

  test('one that was stored but never applied, because the API died, is applied by the sweeper', async () => {
    const { id, qrCode } = await offer(house);
    await house.restart('api', {
      CRASH_POINT: 'api.notification.after_commit',
      CRASH_POINT_MARKER: `${house.folder}/notified`,
    });
    // The polls must not be the ones who find it.
    await house.sandbox.fault('query', 'query_not_yet', { times: -1 });
    await house.sandbox.pay(qrCode);
    await house.process('api').exited;
    await house.start('api');
    await paidInFull(id);
    await house.sandbox.clearFaults();
  });

  test('a genuine but stale one after our own close grants nothing: the provider is asked', async () => {
    const { id, qrCode, reference } = await offer(house);
    await house.sandbox.call('POST', `/alipay/trades/${reference}/scan`);
    const canceled = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    expect([200, 202]).toContain(canceled.status);
    await until('it is canceled', async () => (await house.merchant.payment(id))['status'] === 'canceled');
    void qrCode;
    const answer = await notify(reference, { overrides: { trade_status: 'TRADE_SUCCESS' } });
    expect(JSON.stringify(answer)).toContain('success');
    await until(
      'it was applied',
      async () =>
        (await count('notifications WHERE payment_id = $1 AND processed_at IS NOT NULL', [id])) === 1,
    );
    expect(await house.merchant.payment(id)).toMatchObject({
      status: 'canceled',
      outcome: 'known',
      amount_received: 0,
    });
    expect(await ledgerBalances(house, id)).toEqual({});
  });

  test('in the end the ledger sums to zero and equals the journal', async () => {
    const totals = await ledgerTotals(house);
    const charged = (await house.sandbox.journal({ kind: 'charge' })).map((entry) => entry.amount_minor ?? 0);
    expect(totals).toEqual({ sum: 0, provider: charged.reduce((sum, amount) => sum + amount, 0) });
  });

  test('the reference is the one that the payment model prescribes', async () => {
    const { id, reference } = await offer(house);
    const { rows } = await house.sql.query('SELECT provider_key FROM operations WHERE payment_id = $1', [id]);
    expect(rows).toEqual([{ provider_key: reference }]);
    expect(reference).toBe(referenceOf(id));
    expect(reference).toMatch(/^[0-9a-z]{28}$/);
  });
});
