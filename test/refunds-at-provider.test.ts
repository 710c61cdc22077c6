import { readFileSync } from 'node:fs';
import { AlipaySdk } from 'alipay-sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { ledgerBalances, ledgerTotals } from './ledger-balances.js';
import { offer } from './offer.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
  await house.merchant.addCourse();
});
afterAll(() => house.close());

/** Somebody refunds in Alipay's own console: nothing of it passes through us. */
async function refundInConsole(reference: string, yuan: string, request = 'whole'): Promise<void> {
  const file = house.env['PROVIDER_ACCOUNTS_FILE'] ?? '';
  const { credentials } = JSON.parse(readFileSync(file, 'utf8')) as {
    credentials: Record<
      string,
      { appId: string; privateKey: string; alipayPublicKey: string; gateway: string }
    >;
  };
  const { appId, privateKey, alipayPublicKey, gateway } = credentials['alipay-sandbox']!;
  const alipay = new AlipaySdk({ appId, privateKey, alipayPublicKey, gateway, keyType: 'PKCS8' });
  const bizContent = {
    out_trade_no: reference,
    refund_amount: yuan,
    out_request_no: `console-${request}-${reference}`,
  };
  // The SDK's own timestamp is of the machine's time zone; Alipay expects Beijing's.
  const timestamp = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
  const answer = await alipay.exec('alipay.trade.refund', { timestamp, bizContent }, { validateSign: true });
  expect(answer.code).toBe('10000');
}

const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
const becomes = (id: string, what: Record<string, unknown>) =>
  until(`${id} is ${JSON.stringify(what)}`, async () => {
    const payment = await house.merchant.payment(id);
    return Object.entries(what).every(([field, value]) => payment[field] === value) && payment;
  });

describe('money that the provider gave back without our order', () => {
  test('beside the payment, before we looked: nothing is granted, and both are posted', async () => {
    const payer = { id: 'quickly-refunded' };
    const { id, qrCode, reference } = await offer(house, { payer, order });
    await house.kill('worker');
    await house.sandbox.pay(qrCode);
    await refundInConsole(reference, '1000.00');
    await until('both notifications are kept', async () => {
      const { rows } = await house.sql.query('SELECT 1 FROM notifications WHERE payment_id = $1', [id]);
      return rows.length === 2;
    });
    await house.start('worker');
    await becomes(id, {
      status: 'requires_payment_method',
      amount_received: 100_000,
      amount_refunded: 100_000,
    });
    expect(await ledgerBalances(house, id)).toEqual({});
    const entitlements = await house.merchant.get(`/v1/entitlements?payer=${payer.id}`);
    expect(entitlements.body['data']).toEqual([]);
  });

  test('after the payment had succeeded: the ledger follows, and a person looks at it', async () => {
    const { id, qrCode, reference } = await offer(house);
    await house.sandbox.pay(qrCode);
    await becomes(id, { status: 'succeeded' });
    await refundInConsole(reference, '1000.00');
    await becomes(id, { status: 'succeeded', outcome: 'review', amount_refunded: 100_000 });
    expect(await ledgerBalances(house, id)).toEqual({});
    const { rows } = await house.sql.query('SELECT reason FROM reviews WHERE payment_id = $1', [id]);
    expect(rows).toEqual([{ reason: 'unexpected_refund' }]);
  });

  test('part by part: the review keeps the evidence of each part, and of the whole in the end', async () => {
    const { id, qrCode, reference } = await offer(house);
    await house.sandbox.pay(qrCode);
    await becomes(id, { status: 'succeeded' });
    const evidence = async (parts: number) =>
      until(`${parts} parts are known`, async () => {
        const { rows } = await house.sql.query<{ known: Record<string, any>[] }>(
          'SELECT jsonb_build_array(evidence) || later_evidence AS known FROM reviews WHERE payment_id = $1',
          [id],
        );
        return rows[0]?.known.length === parts && rows[0].known;
      });
    await refundInConsole(reference, '300.00', 'first');
    await evidence(1);
    await refundInConsole(reference, '200.00', 'second');
    await evidence(2);
    await refundInConsole(reference, '500.00', 'third');
    expect(await evidence(3)).toMatchObject([
      { refunds: [{ refundedMinor: 30_000 }] },
      { refunds: [{ refundedMinor: 50_000 }] },
      { paid: { refundedMinor: 100_000 } },
    ]);
    await becomes(id, { status: 'succeeded', outcome: 'review', amount_refunded: 100_000 });
    expect(await ledgerBalances(house, id)).toEqual({});
  });

  test('out of suspense: that settles it', async () => {
    const { id, qrCode, reference } = await offer(house);
    await house.sandbox.pay(qrCode, { amount: '1.00' });
    await becomes(id, { outcome: 'review', amount_received: 100 });
    await refundInConsole(reference, '1.00');
    await becomes(id, { outcome: 'known', amount_received: 100, amount_refunded: 100 });
    expect(await ledgerBalances(house, id)).toEqual({});
  });

  test('in the end the ledger equals the journal: nothing is left', async () => {
    expect(await ledgerTotals(house)).toEqual({ sum: 0, provider: 0 });
  });
});
