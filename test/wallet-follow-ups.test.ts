import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectDatabase, type Database } from '../db/connect.js';
import { verifyWallets } from '../db/verify-wallets.js';
import { House } from './house.js';
import type { Merchant } from './merchant.js';
import { accountAt } from './provider-account.js';
import { until } from './until.js';

const PRICE = 100_000;
const TOPPED_UP = 150_000;

let house: House;
let merchant: Merchant;
let database: Database;

beforeAll(async () => {
  house = await House.open();
  ({ merchant } = house);
  database = connectDatabase({ url: house.env['DATABASE_URL'] ?? '', applicationName: 'test' });
  await merchant.addCourse();
  await accountAt(house, 'wallet-test');
});
afterAll(async () => {
  await database.destroy();
  await house.close();
});

async function payByWallet(change: Record<string, unknown> = {}): Promise<{ payer: string; id: string }> {
  const payer = `payer-${randomUUID()}`;
  expect((await merchant.post(`/v1/wallets/${payer}/top_ups`, { amount: TOPPED_UP })).status).toBe(201);
  const made = await merchant.pay({ method: 'WALLET', payer: { id: payer }, ...change });
  expect(made.status, made.text).toBe(201);
  return { payer, id: made.body['id'] as string };
}

async function expectWallet(payer: string, balance: number, held: number): Promise<void> {
  const { body } = await merchant.get(`/v1/wallets/${payer}`);
  expect(body['balances'][0]).toMatchObject({ balance, held });
  expect((await verifyWallets(database)).differences).toEqual([]);
}

const ends = (id: string, status: string) =>
  until(`${id} is ${status}`, async () => (await merchant.payment(id))['status'] === status, 30_000);

test('a hold is captured in part: the rest is the payer’s again at once', async () => {
  const { payer, id } = await payByWallet({ capture: 'manual' });
  await ends(id, 'requires_capture');
  await expectWallet(payer, TOPPED_UP - PRICE, PRICE);
  const captured = await merchant.post(`/v1/payments/${id}/capture`, { amount: 60_000 });
  expect(captured.status, captured.text).toBeLessThan(300);
  await ends(id, 'succeeded');
  expect((await merchant.payment(id))['amount_received']).toBe(60_000);
  await expectWallet(payer, TOPPED_UP - 60_000, 0);
});

test('a hold that is canceled is released', async () => {
  const { payer, id } = await payByWallet({ capture: 'manual' });
  await ends(id, 'requires_capture');
  expect((await merchant.post(`/v1/payments/${id}/cancel`, {})).status).toBeLessThan(300);
  await ends(id, 'canceled');
  await expectWallet(payer, TOPPED_UP, 0);
});

test('refunds go back to the wallet, the last takes the course away, and no more than was paid goes back', async () => {
  const order = { lines: [{ product: 'course-ts', quantity: 1 }] };
  const { payer, id } = await payByWallet({ order });
  await expectWallet(payer, TOPPED_UP - PRICE, 0);
  const part = await merchant.post('/v1/refunds', { payment: id, amount: 40_000 });
  expect([part.status, part.body['status']], part.text).toEqual([201, 'succeeded']);
  await expectWallet(payer, TOPPED_UP - 60_000, 0);
  const rest = await merchant.post('/v1/refunds', { payment: id });
  expect([rest.status, rest.body['amount']], rest.text).toEqual([201, 60_000]);
  await expectWallet(payer, TOPPED_UP, 0);
  const owned = await merchant.get(`/v1/entitlements?payer=${payer}`);
  expect(owned.body['data']).toMatchObject([{ product: 'course-ts', status: 'revoked' }]);
  expect((await merchant.post('/v1/refunds', { payment: id, amount: 1 })).status).toBeGreaterThanOrEqual(400);
  await expectWallet(payer, TOPPED_UP, 0);
});
