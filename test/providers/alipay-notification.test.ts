import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  alipayKeys,
  appId,
  connectorFor,
  nowMs,
  paidEvidence,
  reference,
  sellerId,
  sign,
  strangerKeys,
} from './alipay-test-gateway.js';
import type { ParsedNotification, VerifiedNotification } from '../../providers/connector.js';
import { readForm } from '../../providers/alipay/notification.js';

const connector = connectorFor('https://openapi.alipay.com/gateway.do');

type Fields = Record<string, string>;

const success: Fields = {
  app_id: appId,
  auth_app_id: appId,
  buyer_id: '2088102122524333',
  charset: 'utf-8',
  fund_bill_list: '[{"amount":"1000.01","fundChannel":"ALIPAYACCOUNT"}]',
  gmt_payment: '2026-11-23 11:05:00',
  notify_id: 'n1',
  notify_time: '2026-11-23 11:05:01',
  notify_type: 'trade_status_sync',
  out_trade_no: reference,
  receipt_amount: '1000.01',
  seller_id: sellerId,
  sign_type: 'RSA2',
  subject: '100% 课程 ＆ more',
  body: '',
  total_amount: '1000.01',
  trade_no: 'T1',
  trade_status: 'TRADE_SUCCESS',
  version: '1.0',
};

function textOf(fields: Fields): string {
  return Object.entries(fields)
    .filter(([name]) => name !== 'sign_type')
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function formOf(fields: Fields): string {
  return new URLSearchParams(fields).toString();
}

function signed(changes: Record<string, string | undefined> = {}, key = alipayKeys.privateKey): Fields {
  const entries = Object.entries({ ...success, ...changes }).filter(([, value]) => value !== undefined);
  const fields = Object.fromEntries(entries) as Fields;
  return { ...fields, sign: sign(textOf(fields), key) };
}

async function parse(body: string | Buffer): Promise<ParsedNotification> {
  return connector.parseNotification({
    account: { accountId: 'acct_1', credential: 'shop' },
    body: Buffer.from(body),
    headers: {},
  });
}

async function verified(changes: Record<string, string | undefined> = {}): Promise<VerifiedNotification> {
  const parsed = await parse(formOf(signed(changes)));
  if (parsed.kind !== 'verified') throw new Error(JSON.stringify(parsed));
  return parsed.notification;
}

describe('a genuine notification', () => {
  it('claims what was paid', async () => {
    expect(await verified()).toEqual({
      dedupeKey: 'n1/TRADE_SUCCESS',
      reference,
      says: 'TRADE_SUCCESS',
      paid: paidEvidence,
    });
    expect((await verified({ trade_status: 'TRADE_FINISHED' })).paid).toEqual(paidEvidence);
  });

  it('is stored once however often it comes, even a day late, and apart from the next state', async () => {
    expect((await verified({ notify_time: '2026-11-22 10:00:00' })).dedupeKey).toBe(
      (await verified()).dedupeKey,
    );
    expect((await verified({ notify_id: 'n2' })).dedupeKey).not.toBe((await verified()).dedupeKey);
    expect((await verified({ trade_status: 'TRADE_FINISHED' })).dedupeKey).not.toBe(
      (await verified()).dedupeKey,
    );
  });

  it.each([
    ['waiting', { trade_status: 'WAIT_BUYER_PAY', gmt_payment: undefined }],
    ['closed unpaid', { trade_status: 'TRADE_CLOSED', gmt_payment: undefined }],
    ['in a state nobody knows', { trade_status: 'TRADE_PENDING' }],
    ['of an unreadable amount', { total_amount: '1e3' }],
    ['of an unknown currency', { trans_currency: 'ZZZ' }],
    ['refunded by an unnamed amount', { gmt_refund: '2026-11-23 11:06:00.123' }],
    ['refunded by more than was paid', { refund_fee: '1000.02' }],
    ['refunded by nothing', { refund_fee: '0.00' }],
  ])('claims nothing for a trade %s', async (_, changes) => {
    const notification = await verified(changes);
    expect(notification.reference).toBe(reference);
    expect(notification.paid).toBeNull();
  });

  it('tells a partial refund, which is no second payment', async () => {
    const refund = { refund_fee: '0.50', gmt_refund: '2026-11-23 11:06:00.123', out_biz_no: 'r1' };
    const notification = await verified(refund);
    expect(notification.paid).toEqual({ ...paidEvidence, refundedMinor: 50 });
    expect(notification.says).toBe('TRADE_SUCCESS, refunded 0.50');
    expect(notification.dedupeKey).not.toBe((await verified()).dedupeKey);
  });

  it('tells a full refund, which is no unpaid closing', async () => {
    const refund = { trade_status: 'TRADE_CLOSED', refund_fee: '1000.01', gmt_refund: '2026-11-23 11:06:00' };
    expect((await verified(refund)).paid).toEqual({ ...paidEvidence, refundedMinor: 100_001 });
  });

  it('keeps the provider’s own currency', async () => {
    expect((await verified({ trans_currency: 'USD' })).paid).toMatchObject({ currency: 'USD' });
  });
});

describe('a notification that is refused', () => {
  it.each([
    ['for another app', { app_id: '9021000000000002' }, 'other_app'],
    ['for no app', { app_id: undefined }, 'other_app'],
    ['for another seller', { seller_id: '2088000000000002' }, 'other_merchant'],
    ['for no seller', { seller_id: undefined }, 'other_merchant'],
    ['without a reference', { out_trade_no: undefined }, 'malformed'],
    ['without an id', { notify_id: '' }, 'malformed'],
    ['without a state', { trade_status: undefined }, 'malformed'],
    ['without a time', { notify_time: undefined }, 'malformed'],
    ['with a time that is none', { notify_time: '2026-02-30 11:05:01' }, 'malformed'],
    ['from the future', { notify_time: '2026-11-23 12:04:06' }, 'stale'],
    ['signed in the weaker way', { sign_type: 'RSA' }, 'bad_signature'],
    ['signed in an unknown way', { sign_type: 'MD5' }, 'bad_signature'],
    ['signed in no way', { sign_type: undefined }, 'bad_signature'],
  ])('is %s', async (_, changes, why) => {
    expect(await parse(formOf(signed(changes)))).toMatchObject({ kind: 'refused', why });
  });

  it('is signed with another key, or not at all', async () => {
    expect(await parse(formOf(signed({}, strangerKeys.privateKey)))).toMatchObject({ why: 'bad_signature' });
    expect(await parse(formOf(success))).toMatchObject({ why: 'bad_signature' });
    expect(await parse(formOf({ ...success, sign: '' }))).toMatchObject({ why: 'bad_signature' });
  });

  it('has a field twice, is no form, or is too long', async () => {
    const form = formOf(signed());
    for (const body of [
      `${form}&total_amount=1000.01`,
      `${form}&total%5Famount=1000.01`,
      `${form}&`,
      `${form}&x`,
      `${form}&x=%zz`,
      `${form}&x=%ff`,
      `${form}&__proto__[a]=1`,
      '',
      '{"trade_status":"TRADE_SUCCESS"}',
      `${form}&x=${'x'.repeat(65_536)}`,
      form + '&x=1'.repeat(100),
    ]) {
      expect(await parse(body)).toMatchObject({ kind: 'refused', why: 'malformed' });
    }
    expect(await parse(Buffer.concat([Buffer.from(form), Buffer.from([0xff])]))).toMatchObject({
      why: 'malformed',
    });
  });

  it('has its signed text cut into other fields', async () => {
    // The payer of 1000.01 sees a subject that was made to become an amount.
    const genuine = signed({ subject: 'x&total_amount=99999.00&total_amount_2=' });
    const cut = {
      ...genuine,
      subject: 'x',
      total_amount: '99999.00',
      total_amount_2: '&total_amount=1000.01',
    };
    expect(textOf({ ...cut, sign: '' })).toBe(textOf({ ...genuine, sign: '' }));
    expect(await parse(formOf(cut))).toMatchObject({ kind: 'refused', why: 'malformed' });
    expect(await parse(formOf(genuine))).toMatchObject({ kind: 'refused', why: 'malformed' });
  });

  it('has its refund glued to the field before', async () => {
    const genuine = signed({ refund_fee: '1000.01' });
    const { refund_fee: fee = '', ...rest } = genuine;
    const glued = { ...rest, receipt_amount: `1000.01&refund_fee=${fee}` };
    expect(await parse(formOf(glued))).toMatchObject({ kind: 'refused', why: 'malformed' });
  });
});

describe('any bytes at all', () => {
  it('are refused or say the same once a single bit is flipped', { timeout: 120_000 }, async () => {
    const genuine = Buffer.from(formOf(signed()));
    const meaning = readForm(genuine);
    let refusals = 0;
    for (let index = 0; index < genuine.length; index += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const bytes = Buffer.from(genuine);
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        const parsed = await parse(bytes);
        if (parsed.kind === 'refused') refusals += 1;
        // %2b for %2B is another spelling of the same form, and the only kind that may pass.
        else expect(readForm(bytes)).toEqual(meaning);
      }
    }
    expect(refusals).toBeGreaterThan(genuine.length * 8 * 0.9);
  });

  it('are refused and never throw', async () => {
    const genuine = Buffer.from(formOf(signed()));
    const anyBody = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.dictionary(fc.string(), fc.string()).map((fields) => Buffer.from(formOf(fields))),
      fc
        .dictionary(fc.constantFrom('sign', 'sign_type', 'app_id', 'notify_time', '__proto__'), fc.string())
        .map((fields) => Buffer.from(formOf({ ...success, ...fields }))),
      fc.nat({ max: genuine.length - 1 }).map((length) => genuine.subarray(0, length)),
    );
    await fc.assert(
      fc.asyncProperty(anyBody, async (body) => {
        expect((await parse(body)).kind).toBe('refused');
      }),
      { numRuns: 2000 },
    );
  });
});

it('tells Alipay to stop, or to go on', async () => {
  expect(connector.notificationReply(true)).toEqual({
    status: 200,
    contentType: 'text/plain',
    body: 'success',
  });
  expect(connector.notificationReply(false)).toEqual({
    status: 400,
    contentType: 'text/plain',
    body: 'failure',
  });
});

it('lets a missing credential be seen as our fault, not as a forgery', async () => {
  const broken = connectorFor('http://example.com/gateway.do');
  const raw = { account: { accountId: 'acct_1', credential: 'shop' }, body: Buffer.from(''), headers: {} };
  await expect(broken.parseNotification(raw)).rejects.toThrow(
    /^credential shop is not usable for Alipay: check gateway$/,
  );
  expect(nowMs).toBeGreaterThan(0);
});
