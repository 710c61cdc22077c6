import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { House } from './house.js';
import { ledgerBalances } from './ledger-balances.js';
import { referenceOf } from './offer.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

/**
 * An address can be paid for ever, also when its payment has ended and nobody polls it any more: then the news of it,
 * which names no amount, is all there is.
 */
let house: House;
let account: string;

beforeAll(async () => {
  house = await House.open({ without: ['api', 'worker'], env: { REVIEW_GRACE_MS: '600000' } });
  const file = JSON.parse(readFileSync(house.env['PROVIDER_ACCOUNTS_FILE'] ?? '', 'utf8')) as {
    credentials: Record<string, Record<string, unknown>>;
  };
  // What is sent has no ten minutes to show up, so that an invoice can end within a test.
  Object.assign(file.credentials['btcpay-sandbox'] ?? {}, { conclusiveMarginMs: 1 });
  house.env['PROVIDER_ACCOUNTS_FILE'] = join(house.folder, 'impatient-accounts.json');
  writeFileSync(house.env['PROVIDER_ACCOUNTS_FILE'], JSON.stringify(file));
  await house.start('api');
  await house.start('worker');
  account = await accountAt(house, 'btcpay-sandbox');
  const url = `${house.apiUrl}/notifications/btcpay/${account}`;
  await house.sandbox.call('PUT', '/btcpay/endpoints/btcpay-sandbox', { url });
});
afterAll(() => house.close());
afterEach(() => house.sandbox.call('DELETE', '/btcpay/faults'));
vi.setConfig({ testTimeout: 60_000 });

const play = (id: string, action: string, body: Record<string, unknown> = {}) =>
  house.sandbox.call('POST', `/btcpay/orders/${referenceOf(id)}/${action}`, body);
const fault = (planned: Record<string, unknown>) => house.sandbox.call('POST', '/btcpay/faults', planned);
const newsOf = async (id: string) =>
  (await house.sql.query('SELECT says FROM notifications WHERE payment_id = $1', [id])).rows;
const isBooked = (id: string) =>
  until(
    'the money is in the ledger',
    async () => (await ledgerBalances(house, id))[`provider:btcpay:${account}`] === 100_000,
    30_000,
  );

async function canceled(): Promise<string> {
  const made = await house.merchant.pay({ method: 'crypto' });
  const id = made.body['id'] as string;
  expect(made.body['status']).toBe('requires_action');
  await play(id, 'expire', { monitoring: true });
  await house.merchant.post(`/v1/payments/${id}/cancel`, {});
  await until('it is canceled', async () => (await house.merchant.payment(id))['status'] === 'canceled');
  return id;
}

test('a transfer that was told of is asked about until it is confirmed, also where nobody tells of that', async () => {
  const id = await canceled();
  const before = (await newsOf(id)).length;
  await play(id, 'pay');
  await until('the transfer is told of', async () => (await newsOf(id)).length > before);
  await fault({ operation: 'notification', fault: 'lost', times: -1, reference: referenceOf(id) });
  await play(id, 'confirm');
  await isBooked(id);
  expect(await house.merchant.payment(id)).toMatchObject({ status: 'canceled', outcome: 'review' });
});
