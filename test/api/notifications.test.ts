import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
});
afterAll(() => house.close());
beforeEach(() => {
  house.temporal.calls.length = 0;
  house.crashPoints.length = 0;
});

async function paid(): Promise<{ id: string; reference: string }> {
  const payer = { id: `payer-${randomUUID()}` };
  const { body } = await merchant.post('/v1/payments', { amount: 100_000, method: 'ALIPAY', payer });
  const id = body['id'] as string;
  const { rows } = await house.sql.query<{ provider_key: string }>(
    'SELECT provider_key FROM operations WHERE payment_id = $1',
    [id],
  );
  house.temporal.calls.length = 0;
  house.crashPoints.length = 0;
  return { id, reference: rows[0]!.provider_key };
}

async function notify(body: string, path = `/notifications/alipay/${merchant.accountId}`) {
  const response = await fetch(house.url + path, { method: 'POST', body });
  // Whom it concerns is woken before the acknowledgement goes out, though that does not wait for it.
  return { status: response.status, text: await response.text() };
}

const genuine = (reference: string, dedupe: string = randomUUID()) =>
  JSON.stringify({ reference, dedupe, says: 'TRADE_SUCCESS' });

async function stored(reference: string) {
  const { rows } = await house.sql.query<Record<string, unknown>>(
    `SELECT payment_id, says, result, due_at IS NOT NULL AS due, processed_at, convert_from(raw_body, 'UTF8') AS raw
       FROM notifications WHERE provider_key = $1`,
    [reference],
  );
  return rows;
}

it('is kept once, acknowledged each time, and wakes the workflow', async () => {
  const { id, reference } = await paid();
  const body = genuine(reference);
  const answers = await Promise.all(Array.from({ length: 10 }, () => notify(body)));
  expect(answers).toEqual(Array(10).fill({ status: 200, text: 'success' }));
  expect(await stored(reference)).toEqual([
    { payment_id: id, says: 'TRADE_SUCCESS', result: null, due: true, processed_at: null, raw: body },
  ]);
  expect(house.temporal.calls[0]).toEqual({ what: 'wake', paymentId: id, detail: 'notification' });
  expect(house.crashPoints.slice(0, 2)).toEqual([
    'api.notification.before_commit',
    ...[expect.stringMatching(/^api\.notification\./) as string],
  ]);
});

it('that was applied already wakes nobody', async () => {
  const { reference } = await paid();
  const body = genuine(reference);
  await notify(body);
  await house.sql.query('UPDATE notifications SET processed_at = now() WHERE provider_key = $1', [reference]);
  house.temporal.calls.length = 0;
  expect((await notify(body)).status).toBe(200);
  expect(house.temporal.calls).toEqual([]);
});

it('for a payment at its end starts its late settlement', async () => {
  const { id, reference } = await paid();
  await house.temporal.closeAttempt(id, 'canceled');
  await notify(genuine(reference));
  expect(house.temporal.calls).toEqual([
    { what: 'wakeLate', paymentId: id, detail: expect.stringMatching(/^op_/) as string },
  ]);
});

it('with an unknown reference is kept as an orphan, acknowledged, and alerts', async () => {
  const reference = `unknown-${randomUUID()}`;
  const body = genuine(reference);
  expect(await notify(body)).toEqual({ status: 200, text: 'success' });
  await notify(body);
  expect(await stored(reference)).toMatchObject([{ payment_id: null, result: 'orphan', due: false }]);
  const alerts = house.logLines.filter((line) => line.includes('"alert":"orphan_notification"'));
  expect(alerts.filter((line) => line.includes(reference))).toHaveLength(1);
  const { rows } = await house.sql.query(`SELECT 1 FROM audit_log WHERE detail ->> 'reference' = $1`, [
    reference,
  ]);
  expect(rows).toHaveLength(1);
  expect(house.temporal.calls).toEqual([]);
});

it('with the reference of another account is an orphan there, not news of our operation', async () => {
  const { reference } = await paid();
  const other = await house.merchant('another');
  await notify(genuine(reference), `/notifications/alipay/${other.accountId}`);
  expect(await stored(reference)).toMatchObject([{ payment_id: null, result: 'orphan' }]);
});

it('that is forged is refused, and a flood of them leaves ten lines a minute', async () => {
  const flooded = await house.merchant('flooded');
  const path = `/notifications/alipay/${flooded.accountId}`;
  const answers = await Promise.all(Array.from({ length: 50 }, () => notify('forged \0', path)));
  expect(answers).toEqual(Array(50).fill({ status: 400, text: 'fail' }));
  const { rows } = await house.sql.query(
    `SELECT detail ->> 'why' AS why FROM audit_log WHERE action = 'notification.refused' AND merchant_id = 'flooded'`,
  );
  expect(rows).toEqual(Array(10).fill({ why: 'bad_signature' }));
  const metrics = await (await fetch(`${house.url}/metrics`)).text();
  expect(metrics).toContain('quittance_notifications_total{provider="alipay",result="refused"} 50');
});

it('to an account or provider that there is not is 404, and counted', async () => {
  for (const path of [
    `/notifications/alipay/acct_${'0'.repeat(25)}`,
    '/notifications/alipay/x',
    `/notifications/stripe/${merchant.accountId}`,
    `/notifications/constructor/${merchant.accountId}`,
  ]) {
    expect((await notify('{}', path)).status, path).toBe(404);
  }
  const metrics = await (await fetch(`${house.url}/metrics`)).text();
  expect(metrics).toMatch(/quittance_notifications_total\{provider="unknown",result="unknown_account"\} 2/);
});

it('that is too large is refused unread', async () => {
  const tooLarge = await notify('x'.repeat(256 * 1024 + 1));
  expect([tooLarge.status, tooLarge.text]).toEqual([413, expect.stringContaining('262144 bytes')]);
  const page = await (await fetch(`${house.url}/problems/body_too_large`)).text();
  expect(page).toMatch(/64 KB.*256 KB/);
  // Refused, but read: providers that tell all of an object need it.
  expect((await notify('x'.repeat(70_000))).status).not.toBe(413);
});
