import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

let house: House;
let account: string;
let tokens: Record<string, string>;

beforeAll(async () => {
  house = await House.open({ env: { REPLY_TIMEOUT_MS: '4000' } });
  await house.merchant.addCourse();
  account = await accountAt(house, 'adyen-sandbox');
  const url = `${house.apiUrl}/notifications/adyen/${account}`;
  await house.sandbox.call('PUT', '/adyen/endpoints/adyen-sandbox', { url });
  ({ tokens } = (await house.sandbox.call('GET', '/adyen/cards/adyen-sandbox')) as { tokens: typeof tokens });
});
afterEach(() => house.sandbox.call('DELETE', '/adyen/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 60_000 });

async function pay(card: string, capture: 'automatic' | 'manual'): Promise<string> {
  const made = await house.merchant.pay({
    ...{ method: 'card', payment_token: { [account]: tokens[card] }, capture },
    order: { lines: [{ product: 'course-ts', quantity: 1 }] },
  });
  expect(made.body['status']).toBe(capture === 'manual' ? 'requires_capture' : 'succeeded');
  return made.body['id'] as string;
}

const ends = (path: string, status: string) =>
  until(`${path} is ${status}`, async () => {
    const { body } = await house.merchant.get(path);
    return body['status'] === status && body;
  });
const refundEnds = (id: string, status: string) => ends(`/v1/refunds/${id}`, status);
const paymentEnds = (id: string, status: string) => ends(`/v1/payments/${id}`, status);

/** Our ledger and Adyen's journal agree about what is left with the merchant. */
async function expectKept(id: string, keptMinor: number): Promise<void> {
  const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
  const taken = sum(await house.sandbox.moved(id, 'charge'));
  expect(taken - sum(await house.sandbox.moved(id, 'refund'))).toBe(keptMinor);
  expect((await ledgerBalances(house, id))[`provider:adyen:${account}`] ?? 0).toBe(keptMinor);
}

test('a refund is received at once, and succeeds when its webhook has come', async () => {
  const id = await pay('visa', 'automatic');
  const made = await house.merchant.post('/v1/refunds', { payment: id, amount: 40_000 });
  expect([201, 202]).toContain(made.status);
  await refundEnds(made.body['id'] as string, 'succeeded');
  await expectKept(id, 60_000);
});

test('a refund that the issuer does not take fails by its webhook, and the money stays', async () => {
  const id = await pay('refund_fails', 'automatic');
  const made = await house.merchant.post('/v1/refunds', { payment: id });
  const refund = await refundEnds(made.body['id'] as string, 'failed');
  expect(refund['last_error']).toMatchObject({ code: 'refund_refused', provider: 'adyen' });
  await expectKept(id, 100_000);
});

test('a refund whose answer is lost goes out once', async () => {
  const id = await pay('visa', 'automatic');
  await house.sandbox.call('POST', '/adyen/faults', { operation: 'refund', fault: 'reset_after' });
  const made = await house.merchant.post('/v1/refunds', { payment: id });
  await refundEnds(made.body['id'] as string, 'succeeded');
  expect(await house.sandbox.moved(id, 'refund')).toEqual([100_000]);
  await expectKept(id, 0);
});

test('money that is held is taken in part, when Adyen says so', async () => {
  const id = await pay('visa', 'manual');
  await expectKept(id, 0);
  await house.merchant.post(`/v1/payments/${id}/capture`, { amount: 70_000 });
  const payment = await paymentEnds(id, 'succeeded');
  expect(payment['amount_received']).toBe(70_000);
  await expectKept(id, 70_000);
});

test('a capture that Adyen cannot carry out leaves the money held', async () => {
  const id = await pay('capture_fails', 'manual');
  await house.merchant.post(`/v1/payments/${id}/capture`, {});
  const payment = await until('the refusal is told', async () => {
    const seen = await house.merchant.payment(id);
    return seen['last_error'] && seen;
  });
  expect([payment['status'], payment['last_error']]).toMatchObject([
    'requires_capture',
    { code: 'capture_refused' },
  ]);
  await expectKept(id, 0);
});

test('money that is held is let go when the merchant cancels', async () => {
  const id = await pay('visa', 'manual');
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await paymentEnds(id, 'canceled');
  expect(await house.sandbox.moved(id, 'release')).toEqual([100_000]);
  await expectKept(id, 0);
});
