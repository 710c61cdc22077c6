import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

/**
 * News of captures, voids and refunds as Adyen may send it: a failure after a success, and under the payment's reference
 * as well as under the act's own.
 */
let house: House;
let account: string;
let tokens: Record<string, string>;
let credential: { hmacKeys: string[]; merchantAccount: string };

beforeAll(async () => {
  house = await House.open({ env: { REPLY_TIMEOUT_MS: '4000' } });
  await house.merchant.addCourse();
  account = await accountAt(house, 'adyen-sandbox');
  const url = `${house.apiUrl}/notifications/adyen/${account}`;
  await house.sandbox.call('PUT', '/adyen/endpoints/adyen-sandbox', { url });
  ({ tokens } = (await house.sandbox.call('GET', '/adyen/cards/adyen-sandbox')) as { tokens: typeof tokens });
  const file = readFileSync(house.env['PROVIDER_ACCOUNTS_FILE'] ?? '', 'utf8');
  ({ 'adyen-sandbox': credential } = (
    JSON.parse(file) as { credentials: { 'adyen-sandbox': typeof credential } }
  ).credentials);
});
afterEach(() => house.sandbox.call('DELETE', '/adyen/faults'));
afterAll(() => house.close());
vi.setConfig({ testTimeout: 60_000 });

test.each(['its own', 'the payment’s'] as const)(
  'a capture that failed after it succeeded, told under %s reference, goes to a person',
  async (whose) => {
    const id = await paid('manual');
    const [of, capture] = await acts(id);
    await tell('CAPTURE_FAILED', of, capture, whose === 'its own' ? capture : of);
    await until('a person is asked', async () => (await house.merchant.payment(id))['outcome'] === 'review');
    // Told under its own reference, the ledger follows; else a person says what it means.
    if (whose === 'its own') expect(await ledgerBalances(house, id)).not.toHaveProperty('provider:adyen');
    const reviews = await house.sql.query('SELECT reason FROM reviews WHERE payment_id = $1', [id]);
    expect(reviews.rows).toEqual([{ reason: whose === 'its own' ? 'unexpected_refund' : 'no_answer' }]);
  },
);

test.each(['its own', 'the payment’s'] as const)(
  'a refund that failed after it succeeded, told under %s reference, goes to a person',
  async (whose) => {
    const id = await paid('automatic');
    const made = await house.merchant.post('/v1/refunds', { payment: id });
    const refundOf = async () => (await house.merchant.get(`/v1/refunds/${String(made.body['id'])}`)).body;
    await until('it is refunded', async () => (await refundOf())['status'] === 'succeeded');
    const [sale, refund] = await acts(id);
    await tell('REFUND_FAILED', sale, refund, whose === 'its own' ? refund : sale);
    await until('a person is asked', async () => (await house.merchant.payment(id))['outcome'] === 'review');
  },
);

test('a refund that is told under the payment’s reference ends', async () => {
  await silence();
  const id = await paid('automatic');
  await house.merchant.post('/v1/refunds', { payment: id });
  const [sale, refund] = await acts(id);
  await tell('REFUND', sale, refund, sale);
  await until('it is refunded', async () => (await acts(id))[1].status === 'succeeded');
  expect((await house.merchant.payment(id))['outcome']).toBe('known');
});

test.each([
  ['CAPTURE', 'capture', 'succeeded'],
  ['CANCELLATION', 'cancel', 'canceled'],
] as const)('%s told under the payment’s reference ends it', async (eventCode, route, status) => {
  const made = await house.merchant.pay({ ...card('manual'), method: 'card' });
  const id = made.body['id'] as string;
  await silence();
  await house.merchant.post(`/v1/payments/${id}/${route}`, {});
  await until('it was sent', async () => (await acts(id))[1]?.provider_reference);
  const [of, act] = await acts(id);
  await tell(eventCode, of, act, of);
  await until('it has ended', async () => (await house.merchant.payment(id))['status'] === status);
});

interface Act {
  readonly status: string;
  readonly provider_key: string;
  readonly provider_reference: string | null;
}

async function acts(id: string): Promise<[Act, Act]> {
  const { rows } = await house.sql.query<Act>(
    'SELECT status, provider_key, provider_reference FROM operations WHERE payment_id = $1 ORDER BY number',
    [id],
  );
  return rows as [Act, Act];
}

function card(capture: 'manual' | 'automatic') {
  return {
    capture,
    payment_token: { [account]: tokens['visa'] },
    order: { lines: [{ product: 'course-ts', quantity: 1 }] },
  };
}

async function paid(capture: 'manual' | 'automatic'): Promise<string> {
  const made = await house.merchant.pay({ ...card(capture), method: 'card' });
  const id = made.body['id'] as string;
  if (capture === 'manual') await house.merchant.post(`/v1/payments/${id}/capture`, {});
  await until('it is paid', async () => (await house.merchant.payment(id))['status'] === 'succeeded');
  return id;
}

function silence(): Promise<unknown> {
  return house.sandbox.call('POST', '/adyen/faults', { operation: 'notification', fault: 'lost', times: -1 });
}

/** A webhook with a genuine signature: https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures */
async function tell(eventCode: string, of: Act, act: Act, bears: Act): Promise<void> {
  const [pspReference, originalReference] = [act.provider_reference ?? '', of.provider_reference ?? ''];
  const [merchantReference, value, success] = [bears.provider_key, 100_000, 'true'];
  const { merchantAccount: merchantAccountCode, hmacKeys } = credential;
  const who = [pspReference, originalReference, merchantAccountCode, merchantReference];
  const text = [...who, value, 'CNY', eventCode, success].join(':');
  const key = Buffer.from(hmacKeys[0] ?? '', 'hex');
  const hmacSignature = createHmac('sha256', key).update(text).digest('base64');
  const item = {
    pspReference,
    originalReference,
    merchantAccountCode,
    merchantReference,
    eventCode,
    success,
  };
  const NotificationRequestItem = {
    ...item,
    additionalData: { hmacSignature },
    amount: { value, currency: 'CNY' },
    eventDate: new Date().toISOString(),
  };
  const response = await fetch(`${house.apiUrl}/notifications/adyen/${account}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ live: 'false', notificationItems: [{ NotificationRequestItem }] }),
  });
  expect(response.status).toBe(200);
}
