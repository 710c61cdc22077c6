import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { besideUs, stripeAccount } from './provider-accounts.js';
import { until } from './until.js';

let house: House;
let account: string;

beforeAll(async () => {
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000' } });
  await house.merchant.addCourse();
  account = await stripeAccount(house);
});
afterEach(() => house.sandbox.call('DELETE', '/stripe/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 90_000 });

const fault = (operation: string, name: string, times = 1) =>
  house.sandbox.call('POST', '/stripe/faults', { operation, fault: name, times });

interface Held {
  readonly id: string;
  readonly payer: string;
}

/** A payment whose money the provider holds. */
async function hold(change: Record<string, unknown> = {}): Promise<Held> {
  const payer = `payer-${randomUUID()}`;
  const made = await house.merchant.pay({
    ...{ method: 'card', payment_token: 'pm_card_visa', capture: 'manual', payer: { id: payer } },
    order: { lines: [{ product: 'course-ts', quantity: 1 }] },
    ...change,
  });
  expect([made.status, made.body['status'], made.body['amount_received']]).toEqual([
    201,
    'requires_capture',
    0,
  ]);
  return { id: made.body['id'] as string, payer };
}

const capture = (id: string, body: Record<string, unknown> = {}, key?: string) =>
  house.merchant.post(`/v1/payments/${id}/capture`, body, key);

const ends = (id: string, status: string) =>
  until(
    `it is ${status}`,
    async () => {
      const payment = await house.merchant.payment(id);
      return payment['status'] === status && payment;
    },
    45_000,
  );

async function granted(payer: string): Promise<number> {
  const { body } = await house.merchant.get(`/v1/entitlements?payer=${payer}`);
  return (body['data'] as { status: string }[]).filter(({ status }) => status === 'granted').length;
}

/** Our ledger and the provider's journal agree: so much was taken, in one piece. */
async function expectTaken(id: string, takenMinor: number): Promise<void> {
  expect(await house.sandbox.moved(id, 'hold')).toEqual([100_000]);
  expect(await house.sandbox.moved(id, 'charge')).toEqual(takenMinor > 0 ? [takenMinor] : []);
  const balances = await ledgerBalances(house, id);
  expect(balances[`provider:stripe:${account}`] ?? 0).toBe(takenMinor);
  expect(balances['merchant:merchant456:payable'] ?? 0).toBe(-takenMinor || 0);
}

describe('money that is held', () => {
  test('says until when, and nothing is posted or opened for it', async () => {
    const { id, payer } = await hold();
    const payment = await house.merchant.payment(id);
    const inDays = (Date.parse(payment['capture_before'] as string) - Date.now()) / 86_400_000;
    expect(inDays).toBeGreaterThan(6.9);
    expect(inDays).toBeLessThan(7);
    expect(payment['capture']).toBe('manual');
    expect(await granted(payer)).toBe(0);
    await expectTaken(id, 0);
  });

  test('is taken when the merchant captures it, and the course is open then', async () => {
    const { id, payer } = await hold();
    const captured = await capture(id);
    expect([captured.status, captured.body['status'], captured.body['amount_received']]).toEqual([
      200,
      'succeeded',
      100_000,
    ]);
    expect(captured.body['capture_before']).toBeNull();
    expect(await granted(payer)).toBe(1);
    await expectTaken(id, 100_000);
  });

  test('is taken in part, and what is left of it is let go', async () => {
    const { id } = await hold();
    const captured = await capture(id, { amount: 60_000 });
    expect([captured.body['status'], captured.body['amount_received']]).toEqual(['succeeded', 60_000]);
    await expectTaken(id, 60_000);
  });

  test('is captured once under one key, however often it is asked for', async () => {
    const { id } = await hold();
    const key = randomUUID();
    const [first, ...others] = await Promise.all(
      Array.from({ length: 8 }, () => capture(id, { amount: 70_000 }, key)),
    );
    expect(first!.status).toBe(200);
    for (const other of others) expect([other.status, other.text]).toEqual([200, first!.text]);
    await expectTaken(id, 70_000);
    const again = await capture(id);
    expect([again.status, again.body['code']]).toEqual([409, 'payment_not_capturable']);
  });

  test('is let go when the merchant cancels, and then cannot be captured', async () => {
    const { id, payer } = await hold();
    const canceled = await house.merchant.post(`/v1/payments/${id}/cancel`, {});
    expect([200, 202]).toContain(canceled.status);
    await ends(id, 'canceled');
    expect(await house.sandbox.moved(id, 'release')).toEqual([100_000]);
    const late = await capture(id);
    expect([late.status, late.body['code']]).toEqual([409, 'payment_not_capturable']);
    await expectTaken(id, 0);
    expect(await granted(payer)).toBe(0);
  });

  test('is captured or let go, and never both, when both are asked for at once', async () => {
    for (let round = 0; round < 4; round += 1) {
      const { id } = await hold();
      await Promise.all([capture(id), house.merchant.post(`/v1/payments/${id}/cancel`, {})]);
      const payment = await until('it has ended', async () => {
        const now = await house.merchant.payment(id);
        return ['succeeded', 'canceled'].includes(now['status'] as string) && now;
      });
      const isTaken = payment['status'] === 'succeeded';
      await expectTaken(id, isTaken ? 100_000 : 0);
      expect(await house.sandbox.moved(id, 'release')).toEqual(isTaken ? [] : [100_000]);
    }
  });

  test('is let go before the provider would, when nobody captures it', async () => {
    const { id } = await hold();
    await house.sql.query(
      `UPDATE operations SET capture_before = now() + interval '2 s' WHERE payment_id = $1`,
      [id],
    );
    // The workflow read the seven days: it is told that the rows have changed, as the sweeper tells it.
    await house.sql.query(`UPDATE payments SET due_at = now() WHERE id = $1`, [id]);
    const payment = await ends(id, 'canceled');
    expect(payment['last_error']).toMatchObject({ code: 'expired' });
    expect(await house.sandbox.moved(id, 'release')).toEqual([100_000]);
    await expectTaken(id, 0);
  });

  test('after 3-D Secure tells until when, too', async () => {
    const made = await house.merchant.pay({
      ...{ method: 'card', payment_token: 'pm_card_threeDSecure2Required', capture: 'manual' },
    });
    const { url } = made.body['next_action'].redirect as { url: string };
    await fetch(url, { method: 'POST', body: new URLSearchParams({ answer: 'pass' }), redirect: 'manual' });
    const id = made.body['id'] as string;
    const payment = await ends(id, 'requires_capture');
    const inDays = (Date.parse(payment['capture_before'] as string) - Date.now()) / 86_400_000;
    expect(inDays).toBeGreaterThan(6.9);
    await capture(id);
    await expectTaken(id, 100_000);
  });

  test('and let go by somebody else ends the payment', async () => {
    const { id } = await hold();
    const { rows } = await house.sql.query(
      `SELECT provider_reference FROM operations WHERE payment_id = $1 AND kind = 'authorize'`,
      [id],
    );
    const intent = (rows[0] as { provider_reference: string }).provider_reference;
    await besideUs(house, `/v1/payment_intents/${intent}/cancel`);
    const payment = await ends(id, 'canceled');
    expect(payment['last_error']).toMatchObject({ code: 'expired', provider: 'stripe' });
    await expectTaken(id, 0);
  });
});

describe('a capture without a clean answer', () => {
  test.each([
    'reset_after',
    'truncated',
    'error_500_after',
    'timeout_before',
    'reset_before',
    'error_502_html',
    'rate_limited',
    'wrong_amount',
    'wrong_reference',
  ])('%s ends right, and takes the money once', async (name) => {
    const { id } = await hold();
    await fault('capture', name);
    const captured = await capture(id, { amount: 80_000 });
    expect([200, 202]).toContain(captured.status);
    const payment = await ends(id, 'succeeded');
    expect(payment['amount_received']).toBe(80_000);
    await expectTaken(id, 80_000);
  });
});

describe('kill -9 of the worker', () => {
  test.each(['capture', 'cancel'] as const)('after the call of a %s moves the money once', async (act) => {
    const point = 'worker.followup.after_call';
    const { id } = await hold();
    await house.restart('worker', {
      CRASH_POINT: point,
      CRASH_POINT_MARKER: join(house.folder, `${act}-${point}`),
    });
    const revived = house.process('worker').exited.then(async ({ signal }) => {
      await house.start('worker');
      return signal;
    });
    await house.merchant.post(`/v1/payments/${id}/${act}`, {});
    expect(await revived).toBe('SIGKILL');
    await ends(id, act === 'capture' ? 'succeeded' : 'canceled');
    await expectTaken(id, act === 'capture' ? 100_000 : 0);
    expect(await house.sandbox.moved(id, 'release')).toEqual(act === 'capture' ? [] : [100_000]);
  });
});

describe('a kill switch', () => {
  test.each([
    ['the provider', { provider: 'stripe' }],
    ['the operation', { operation: 'authorize' }],
    ['the method', { method: 'card' }],
  ])('of %s stops a new charge; held money is taken, let go and given back', async (_, scope) => {
    const [taken, released, paid] = [await hold(), await hold(), await hold()];
    await capture(paid.id);
    const thrown = await house.merchant.post('/v1/kill_switches', { ...scope, reason: 'a drill' });
    expect(thrown.status).toBe(201);
    try {
      const card = { method: 'card', payment_token: 'pm_card_visa', capture: 'manual' };
      const refused = await house.merchant.pay(card);
      expect([refused.status, refused.body['code']]).toEqual([422, 'method_unavailable']);
      // The first call of each is lost, so that it is also made again while the switch is on.
      for (const call of ['capture', 'cancel', 'refund']) await fault(call, 'reset_before');
      await capture(taken.id, { amount: 80_000 });
      await house.merchant.post(`/v1/payments/${released.id}/cancel`, {});
      const refund = await house.merchant.post('/v1/refunds', { payment: paid.id, amount: 30_000 });
      await ends(taken.id, 'succeeded');
      await ends(released.id, 'canceled');
      await until('it is given back', async () => {
        const { body } = await house.merchant.get(`/v1/refunds/${refund.body['id'] as string}`);
        return body['status'] === 'succeeded';
      });
    } finally {
      await house.merchant.send('DELETE', `/v1/kill_switches/${thrown.body['id'] as string}`);
    }
    await expectTaken(taken.id, 80_000);
    await expectTaken(released.id, 0);
    expect(await house.sandbox.moved(released.id, 'release')).toEqual([100_000]);
    expect(await house.sandbox.moved(paid.id, 'refund')).toEqual([30_000]);
    expect((await ledgerBalances(house, paid.id))[`provider:stripe:${account}`]).toBe(70_000);
  });
});

test('a capture that was sent longer ago than the key lives is asked about, and not sent again', async () => {
  const { id } = await hold();
  await fault('capture', 'reset_before', -1);
  expect((await capture(id)).status).toBe(202);
  await until(
    'its first answer is missing',
    async () => (await house.merchant.payment(id))['outcome'] === 'unknown',
  );
  await house.sql.query(
    `UPDATE operations SET sent_at = sent_at - interval '2 days', next_poll_at = now()
      WHERE payment_id = $1 AND kind = 'capture'`,
    [id],
  );
  await house.sandbox.call('DELETE', '/stripe/faults');
  await house.sql.query(
    `UPDATE operations SET conclusive_after = now() WHERE payment_id = $1 AND kind = 'capture'`,
    [id],
  );
  const payment = await ends(id, 'requires_capture');
  expect(payment['last_error']).toMatchObject({ code: 'capture_refused' });
  await expectTaken(id, 0);
  expect((await capture(id)).body['status']).toBe('succeeded');
  await expectTaken(id, 100_000);
});

test('where Temporal lost the workflow, the sweeper has the capture carried out', async () => {
  const { id } = await hold();
  await (await house.temporal()).workflow.getHandle(id).terminate('for the sweeper');
  await house.process('worker').stop();
  const asked = capture(id);
  await until('the request is a row', async () => {
    const { rows } = await house.sql.query(
      `SELECT 1 FROM operations WHERE payment_id = $1 AND kind = 'capture'`,
      [id],
    );
    return rows.length === 1;
  });
  await (
    await house.temporal()
  ).workflow
    .getHandle(id)
    .terminate('once more')
    .catch(() => undefined);
  await house.start('worker');
  expect((await asked).status).toBeLessThan(300);
  await ends(id, 'succeeded');
  await expectTaken(id, 100_000);
});
