import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ParsedNotification, StartRequest } from '../../providers/connector.js';
import { openHouse, until, type Arrival, type House } from './wechat-pay-house.js';

let folder: string;
let house: House;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wechat-pay-'));
  house = await openHouse({ folder });
});
beforeEach(() => {
  house.arrivals.length = 0;
  house.reply = () => 200;
});
afterAll(async () => {
  await house.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The same state, in another process so to say. */
async function reopen(options: Parameters<typeof openHouse>[0] = {}): Promise<void> {
  await house.close();
  house = await openHouse({ ...options, folder });
}

const first = { accountId: 'acct_1', credential: 'wechat-pay-sandbox' };
const second = { accountId: 'acct_2', credential: 'wechat-pay-sandbox-2' };

const parse = ({ body, headers }: Arrival, account = first): Promise<ParsedNotification> =>
  house.connector.parseNotification({ account, body, headers });

async function paySale(changes: Partial<StartRequest> = {}): Promise<StartRequest> {
  const sale = house.request(changes);
  await house.connector.start(sale);
  await house.control('POST', `/wechat_pay/orders/${sale.reference}/pay`, {});
  return sale;
}

const arrival = (number: number) =>
  until(`arrival ${number}`, () => house.arrivals[number - 1]) as Promise<Arrival>;
const notify = (sale: StartRequest, mode: string) =>
  house.control('POST', `/wechat_pay/orders/${sale.reference}/notify`, { mode });
const inject = (fault: Record<string, unknown>) =>
  house.control('POST', '/wechat_pay/faults', { operation: 'notification', ...fault });
const keyOf = (parsed: ParsedNotification) =>
  parsed.kind === 'verified' ? parsed.notification.dedupeKey : parsed.kind;

describe('a notification', () => {
  it('comes again, signed anew under the same id, until it is answered with 200 or 204', async () => {
    house.reply = (count) => [500, 302, 204][count - 1] ?? 204;
    const sale = await paySale();
    const third = await arrival(3);
    expect(keyOf(await parse(third))).toMatch(/^EV-/);
    expect(keyOf(await parse(third))).toBe(keyOf(await parse(await arrival(1))));
    expect(third.headers['wechatpay-nonce']).not.toBe((await arrival(1)).headers['wechatpay-nonce']);
    const entries = await until('it is acknowledged', async () => {
      const found = await house.journal(sale.reference, 'notification');
      return found.at(-1)?.outcome === 'acknowledged' ? found : undefined;
    });
    expect(entries.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
      ['refused', 1],
      ['refused', 2],
      ['acknowledged', 3],
    ]);
  });

  it('is given up after fifteen repetitions', async () => {
    await reopen({ speed: 1_000_000 });
    house.reply = () => 500;
    const sale = await paySale();
    const entries = await until('it is given up', async () => {
      const found = await house.journal(sale.reference, 'notification');
      return found.at(-1)?.outcome === 'given_up' ? found : undefined;
    });
    expect(entries).toHaveLength(16);
  });

  it.each([
    ['bad_signature', { why: 'bad_signature' }],
    ['probe', { why: 'bad_signature' }],
    ['tampered', { why: 'bad_signature' }],
    ['unknown_serial', { why: 'bad_signature' }],
    ['stale_clock', { why: 'stale' }],
    ['no_signature', { why: 'malformed' }],
    ['wrong_merchant', { why: 'other_merchant' }],
    ['wrong_reference', { kind: 'ignored' }],
    ['wrong_amount', { notification: { paid: { amountMinor: 1_000_001 } } }],
    ['genuine', { notification: { paid: { amountMinor: 100_000 } } }],
  ])('sent by hand as %s is taken for what it is', async (mode, expected) => {
    const sale = await paySale();
    await arrival(1);
    await notify(sale, mode);
    expect(await parse(await arrival(2))).toMatchObject(expected);
  });

  it('can be lost, delayed, doubled or false', async () => {
    await inject({ fault: 'lost' });
    const lost = await paySale();
    await until('it is lost', async () => (await house.journal(lost.reference, 'notification'))[0]);
    expect(house.arrivals).toHaveLength(0);
    await inject({ fault: 'delayed', delay_ms: 50 });
    await inject({ fault: 'duplicated', copies: 3 });
    await paySale();
    await paySale();
    await arrival(4);
    await inject({ fault: 'bad_signature' });
    await paySale();
    const parsed = await parse(await arrival(5));
    expect(parsed).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });

  it('for one account is refused by the other', async () => {
    await paySale();
    expect(await parse(await arrival(1))).toMatchObject({ kind: 'verified' });
    expect(await parse(await arrival(1), second)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });
});

describe('certificates', () => {
  it('sign for the account that has no public key, and the next one takes over at once', async () => {
    const sale = await paySale({ account: second });
    expect(await parse(await arrival(1), second)).toMatchObject({ kind: 'verified' });
    const { serial } = await house.control('POST', '/wechat_pay/certificates');
    // The connector fetches certificates once a minute at most; another process has no such memory.
    const connector = house.newConnector();
    await notify(sale, 'genuine');
    const rotated = await arrival(2);
    expect(rotated.headers['wechatpay-serial']).toBe(serial);
    for (const { body, headers } of [rotated, await arrival(1)]) {
      const parsed = await connector.parseNotification({ account: second, body, headers });
      expect(parsed).toMatchObject({ kind: 'verified' });
    }
    expect(await connector.query(sale)).toMatchObject({ kind: 'succeeded' });
  });

  it('and the public key sign side by side while WeChat Pay changes over', async () => {
    await reopen({ change: (known) => ({ ...known, platformCertificates: true }) });
    const sale = await paySale();
    const mchid = house.credentials['wechat-pay-sandbox']?.['mchid'];
    await house.control('POST', '/wechat_pay/signing', { mchid, by: 'certificate' });
    await notify(sale, 'genuine');
    const serials = [await arrival(1), await arrival(2)].map(({ headers }) => headers['wechatpay-serial']);
    expect(serials).toEqual([expect.stringMatching(/^PUB_KEY_ID_/), expect.stringMatching(/^[0-9A-F]{40}$/)]);
    for (const each of house.arrivals) expect(await parse(each)).toMatchObject({ kind: 'verified' });
    await house.control('POST', '/wechat_pay/signing', { mchid, by: 'public_key' });
  });
});

it('a restart keeps keys, orders, refunds, faults and owed notifications', async () => {
  house.reply = () => 500;
  const sale = await paySale();
  const waiting = house.request();
  await house.connector.start(waiting);
  const refund = house.refundOf(sale, 1_000);
  await house.connector.refund?.start(refund);
  await house.control('POST', '/wechat_pay/faults', { operation: 'close', fault: 'rate_limited' });
  await until('the refund is done', async () => (await house.journal(sale.reference, 'refund'))[0]);
  await arrival(2);
  const { credentials } = house;
  const told = (await house.journal(sale.reference, 'notification')).length;

  await reopen();
  expect(house.credentials).toEqual(credentials);
  await until('the owed notification is tried again', async () => {
    const tried = await house.journal(sale.reference, 'notification');
    return tried.length > told ? tried : undefined;
  });
  expect(await house.connector.query(waiting)).toMatchObject({ kind: 'pending' });
  expect(await house.connector.query(sale)).toMatchObject({ error: { code: 'REFUND' } });
  expect(await house.connector.refund?.query(refund)).toMatchObject({ kind: 'succeeded' });
  expect(await house.connector.refund?.start(refund)).toMatchObject({ kind: 'succeeded' });
  await house.connector.close(waiting);
  expect(await house.journal(waiting.reference, 'close')).toEqual([]);
  expect(await house.connector.close(waiting)).toEqual({ kind: 'closed' });
  await expect(house.control('POST', `/wechat_pay/orders/${sale.reference}/pay`, {})).rejects.toThrow('paid');
  expect(await house.journal(sale.reference, 'charge')).toHaveLength(1);
  expect(await house.journal(sale.reference, 'refund')).toHaveLength(1);
});
