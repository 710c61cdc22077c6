import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances, ledgerTotals } from './ledger-balances.js';
import { offered, paypalAccount, press, type Offered } from './paypal-payer.js';
import { granted } from './refund-acts.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  // A call that is never answered ends before the API answers 202.
  house = await House.open({ env: { REPLY_TIMEOUT_MS: '4000', CONCLUSIVE_MARGIN_MS: '2000' } });
  await house.merchant.addCourse();
  account = await paypalAccount(house);
});
afterEach(() => house.sandbox.call('DELETE', '/paypal/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const fault = (operation: string, name: string, more: Record<string, unknown> = {}) =>
  house.sandbox.call('POST', '/paypal/faults', { operation, fault: name, ...more });

const ends = (path: string, status: string) =>
  until(
    `${path} is ${status}`,
    async () => {
      const { body } = await house.merchant.get(path);
      return body['status'] === status && body;
    },
    60_000,
  );
const paymentEnds = (id: string, status: string) => ends(`/v1/payments/${id}`, status);

async function held(): Promise<Offered> {
  const made = await offered(house, { capture: 'manual' });
  await press(made.page, 'approve');
  await paymentEnds(made.id, 'requires_capture');
  return made;
}

async function paid(): Promise<Offered> {
  const made = await offered(house);
  await press(made.page, 'approve');
  await paymentEnds(made.id, 'succeeded');
  return made;
}

const capture = (id: string, body: Record<string, unknown> = {}) =>
  house.merchant.post(`/v1/payments/${id}/capture`, body);

/** Asked for once, and at its end. */
async function refunded(id: string, amount?: number): Promise<Record<string, unknown>> {
  const made = await house.merchant.post('/v1/refunds', {
    payment: id,
    ...(amount === undefined ? {} : { amount }),
  });
  expect([201, 202]).toContain(made.status);
  return ends(`/v1/refunds/${String(made.body['id'])}`, 'succeeded');
}

interface Moved {
  readonly hold?: number[];
  readonly charge?: number[];
  readonly release?: number[];
  readonly refund?: number[];
}

/** PayPal's journal has exactly this, each once, and our ledger the difference. */
async function expectMoved(id: string, moved: Moved): Promise<void> {
  for (const kind of ['hold', 'charge', 'release', 'refund'] as const) {
    expect([kind, await house.sandbox.moved(id, kind)]).toEqual([kind, moved[kind] ?? []]);
  }
  const sum = (amounts: readonly number[] = []) => amounts.reduce((total, amount) => total + amount, 0);
  const keptMinor = sum(moved.charge) - sum(moved.refund);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:paypal:${account}`] ?? 0).toBe(keptMinor);
  expect(balances['merchant:merchant456:payable'] ?? 0).toBe(-keptMinor || 0);
}

describe('money that PayPal holds', () => {
  test('opens nothing until it is captured, and then all of it is the merchant’s', async () => {
    const { id, payer } = await held();
    const inDays =
      (Date.parse((await house.merchant.payment(id))['capture_before'] as string) - Date.now()) / 86_400_000;
    expect(inDays).toBeGreaterThan(28);
    expect(inDays).toBeLessThan(29);
    expect(await granted(house, payer)).toBe(0);
    await expectMoved(id, { hold: [100_000] });
    const captured = await capture(id);
    expect([captured.status, captured.body['status']]).toEqual([200, 'succeeded']);
    expect(await granted(house, payer)).toBe(1);
    await expectMoved(id, { hold: [100_000], charge: [100_000] });
  });

  test('is taken in part, and once under one key', async () => {
    const { id } = await held();
    const key = randomUUID();
    const path = `/v1/payments/${id}/capture`;
    const [first, ...others] = await Promise.all(
      Array.from({ length: 6 }, () => house.merchant.post(path, { amount: 60_000 }, key)),
    );
    expect([first!.status, first!.body['amount_received']]).toEqual([200, 60_000]);
    for (const other of others) expect([other.status, other.text]).toEqual([200, first!.text]);
    expect((await capture(id)).body['code']).toBe('payment_not_capturable');
    await expectMoved(id, { hold: [100_000], charge: [60_000] });
  });

  test('is let go when the merchant cancels, and then cannot be captured', async () => {
    const { id, payer } = await held();
    await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    await paymentEnds(id, 'canceled');
    expect((await capture(id)).body['code']).toBe('payment_not_capturable');
    expect(await granted(house, payer)).toBe(0);
    await expectMoved(id, { hold: [100_000], release: [100_000] });
  });
});

describe('money that PayPal gives back', () => {
  test('all of it, and the course is closed', async () => {
    const { id, payer } = await paid();
    await refunded(id);
    expect(await house.merchant.payment(id)).toMatchObject({
      ...{ status: 'succeeded', outcome: 'known', amount_refunded: 100_000 },
    });
    expect(await granted(house, payer)).toBe(0);
    await expectMoved(id, { charge: [100_000], refund: [100_000] });
    const again = await house.merchant.post('/v1/refunds', { payment: id });
    expect([again.status, again.body['code']]).toEqual([409, 'payment_not_refundable']);
  });

  test('is not called refused where its answer was lost and the order lags behind, and goes back once', async () => {
    const { id } = await paid();
    await fault('notification', 'lost', { times: -1 });
    await fault('refund', 'timeout_after');
    const made = await house.merchant.post('/v1/refunds', { payment: id, amount: 30_000 });
    const isBack = async () => (await house.sandbox.moved(id, 'refund')).length === 1;
    await until('PayPal has given it back', isBack);
    // Looked at after the call, before it is made again, and by that call itself.
    await fault('get', 'query_not_yet', { times: 5 });
    await ends(`/v1/refunds/${String(made.body['id'])}`, 'succeeded');
    await expectMoved(id, { charge: [100_000], refund: [30_000] });
  });

  test('part by part, and never more than was taken', async () => {
    const { id, payer } = await paid();
    await refunded(id, 30_000);
    await refunded(id, 20_000);
    const tooMuch = await house.merchant.post('/v1/refunds', { payment: id, amount: 50_001 });
    expect(tooMuch.status).toBeGreaterThanOrEqual(400);
    expect(await granted(house, payer)).toBe(1);
    await expectMoved(id, { charge: [100_000], refund: [30_000, 20_000] });
    expect(await house.merchant.payment(id)).toMatchObject({ outcome: 'known', amount_refunded: 50_000 });
  });

  test('of what was captured in part', async () => {
    const { id } = await held();
    await capture(id, { amount: 60_000 });
    await refunded(id, 25_000);
    await refunded(id);
    await expectMoved(id, { hold: [100_000], charge: [60_000], refund: [25_000, 35_000] });
    expect(await house.merchant.payment(id)).toMatchObject({ outcome: 'known', amount_refunded: 60_000 });
  });

  test('is found by asking again, where neither the call nor the first looks are answered', async () => {
    const { id } = await paid();
    await fault('refund', 'error_500_after');
    await fault('get', 'error_500_before', { times: 3 });
    await refunded(id);
    await expectMoved(id, { charge: [100_000], refund: [100_000] });
  });
});

const troubles = [
  'timeout_after',
  'error_500_after',
  'reset_after',
  'truncated',
  'reset_before',
  'rate_limited',
];

describe('a call without a clean answer moves the money once:', () => {
  test.each(troubles)('a capture under %s', async (name) => {
    const { id, payer } = await held();
    await fault('capture_authorization', name);
    await capture(id, { amount: 80_000 });
    await paymentEnds(id, 'succeeded');
    expect(await granted(house, payer)).toBe(1);
    await expectMoved(id, { hold: [100_000], charge: [80_000] });
  });

  test.each(['timeout_after', 'error_500_before'])('a void under %s', async (name) => {
    const { id } = await held();
    await fault('void', name);
    await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    await paymentEnds(id, 'canceled');
    await expectMoved(id, { hold: [100_000], release: [100_000] });
  });

  test.each(['timeout_after', 'error_500_before'])('a refund under %s', async (name) => {
    const { id } = await paid();
    await fault('refund', name);
    await refunded(id, 40_000);
    await expectMoved(id, { charge: [100_000], refund: [40_000] });
  });
});

test('in the end the ledger equals the journal', async () => {
  const sumOf = async (kind: string) =>
    (await house.sandbox.journal({ kind })).reduce((total, { amount_minor: minor = 0 }) => total + minor, 0);
  const provider = (await sumOf('charge')) - (await sumOf('refund'));
  expect(await ledgerTotals(house)).toEqual({ sum: 0, provider });
});
