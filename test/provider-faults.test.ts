import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { until } from './until.js';

let house: House;
beforeAll(async () => {
  house = await House.open();
});
afterEach(() => house.sandbox.clearFaults());
afterAll(() => house.close());

/** Buys under a fault, and waits until the payer has a code to pay with, at once or after a 202. */
async function buyThrough(): Promise<{
  id: string;
  qrCode: string;
  status: number;
  first: Record<string, any>;
}> {
  const answer = await house.merchant.pay();
  expect([201, 202]).toContain(answer.status);
  const id = answer.body['id'] as string;
  const payment = await until('the payer gets a code', async () => {
    const seen = await house.merchant.payment(id);
    return seen['next_action'].type === 'qr_code' && seen;
  });
  return {
    id,
    qrCode: payment['next_action'].qr_code.data as string,
    status: answer.status,
    first: answer.body,
  };
}

async function payAndSettle(id: string, qrCode: string): Promise<void> {
  await house.sandbox.pay(qrCode);
  const succeeded = async () => (await house.merchant.payment(id))['status'] === 'succeeded';
  await until('it succeeds', succeeded, 40_000);
  expect(await house.sandbox.charges(referenceOf(id))).toEqual([100_000]);
  expect(await ledgerBalances(house, id)).toMatchObject({ 'merchant:merchant456:payable': -100_000 });
}

describe('precreate under faults: replayed byte for byte, paid once', () => {
  test.each([
    'timeout_before',
    'timeout_after',
    'error_500_before',
    'error_500_after',
    'error_502_html',
    'reset_before',
    'reset_after',
    'truncated',
    'oversized',
    'slow_drip',
    'bad_signature',
    'no_signature',
    'wrong_reference',
    'system_error_before',
    'system_error_after',
    'rate_limited',
    'refused',
  ])('%s', async (fault) => {
    await house.sandbox.fault('precreate', fault);
    const { id, qrCode } = await buyThrough();
    const offers = await house.sandbox.journal({ reference: referenceOf(id), kind: 'offer' });
    expect(offers).toHaveLength(1);
    await payAndSettle(id, qrCode);
  });

  test('while the outcome is unknown the payment says so, and the caller has its 202 within 10 s', async () => {
    await house.sandbox.fault('precreate', 'timeout_after', { times: 3 });
    const before = Date.now();
    const answer = await house.merchant.pay();
    expect(Date.now() - before).toBeLessThan(10_500);
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      status: 'processing',
      outcome: 'unknown',
      last_error: { code: 'outcome_unknown' },
    });
    const id = answer.body['id'] as string;
    const payment = await until(
      'the payer gets a code',
      async () => {
        const seen = await house.merchant.payment(id);
        return seen['status'] === 'requires_action' && seen;
      },
      40_000,
    );
    expect(payment['outcome']).toBe('known');
    await payAndSettle(id, payment['next_action'].qr_code.data);
  });

  test('a definite refusal is an answer: declined, with the code and the advice', async () => {
    await house.sandbox.fault('precreate', 'code', { code: '40004', sub_code: 'ACQ.BUYER_NOT_EXIST' });
    const answer = await house.merchant.pay();
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      status: 'requires_payment_method',
      outcome: 'known',
      last_error: { provider: 'alipay', provider_code: expect.stringContaining('BUYER_NOT_EXIST') },
      attempts: [{ status: 'rejected' }],
    });
    const again = await house.merchant.post(`/v1/payments/${answer.body['id']}/confirm`, {
      method: 'alipay',
    });
    expect(again.status).toBe(200);
    expect(again.body).toMatchObject({
      status: 'requires_action',
      attempts: [{ status: 'rejected' }, { status: 'action_required' }],
    });
    await house.sandbox.pay(again.body['next_action'].qr_code.data);
    await until(
      'it succeeds',
      async () => (await house.merchant.payment(answer.body['id']))['status'] === 'succeeded',
    );
  });

  test('an unlisted code is never a refusal', async () => {
    await house.sandbox.fault('precreate', 'code', { code: '40004', sub_code: 'ACQ.NEVER_HEARD_OF' });
    const { id, qrCode } = await buyThrough();
    await payAndSettle(id, qrCode);
  });

  test('while the provider refuses connections nothing is sent, and afterwards it goes on', async () => {
    await house.sandbox.call('POST', '/alipay/outage', { down: true });
    const answer = await house.merchant.pay();
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ status: 'processing', outcome: 'known' });
    await house.sandbox.call('POST', '/alipay/outage', { down: false });
    const id = answer.body['id'] as string;
    const payment = await until(
      'the payer gets a code',
      async () => {
        const seen = await house.merchant.payment(id);
        return seen['status'] === 'requires_action' && seen;
      },
      40_000,
    );
    await payAndSettle(id, payment['next_action'].qr_code.data);
  });
});

describe('look-ups under faults change no state', () => {
  test.each(['timeout_before', 'error_500_before', 'bad_signature', 'wrong_reference', 'truncated'])(
    'a poll that ends in %s leaves the payment as it is, and a later one finds it paid',
    async (fault) => {
      await house.sandbox.fault('notification', 'lost');
      await house.sandbox.fault('query', fault);
      const { id, qrCode } = await buyThrough();
      await payAndSettle(id, qrCode);
    },
  );
});
