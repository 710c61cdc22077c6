import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ParsedNotification, VerifiedNotification } from '../../providers/connector.js';
import {
  connectorFor,
  mchid,
  nowMs,
  operation,
  paid,
  paidEvidence,
  reference,
  refunded,
  refundReference,
  sealed,
  signedHeaders,
  strangerKeys,
  type SignedAs,
} from './wechat-pay-test-server.js';

const connector = connectorFor('https://api.mch.weixin.qq.com');

type Headers = Record<string, string | string[]>;

const parse = (body: string | Buffer, headers: Headers): Promise<ParsedNotification> =>
  connector.parseNotification({ account: operation.account, body: Buffer.from(body), headers });

function bodyOf(resource: unknown, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: 'EV-2018022511223320873',
    create_time: '2026-11-23T11:05:01+08:00',
    event_type: 'TRANSACTION.SUCCESS',
    resource_type: 'encrypt-resource',
    summary: '支付成功',
    resource: { original_type: 'transaction', ...sealed(JSON.stringify(resource)) },
    ...changes,
  });
}

const notify = (resource: unknown, changes: Record<string, unknown> = {}, signedAs: SignedAs = {}) => {
  const body = bodyOf(resource, changes);
  return parse(body, signedHeaders(body, signedAs));
};

async function verified(resource: unknown, changes = {}): Promise<VerifiedNotification> {
  const parsed = await notify(resource, changes);
  if (parsed.kind !== 'verified') throw new Error(JSON.stringify(parsed));
  return parsed.notification;
}

describe('a genuine notification of a payment', () => {
  it('claims what the order was worth', async () => {
    expect(await verified(paid)).toEqual({
      dedupeKey: 'EV-2018022511223320873',
      reference,
      says: 'TRANSACTION.SUCCESS SUCCESS',
      paid: paidEvidence,
    });
  });

  it('has the same key when it is sent again, and another one for other news', async () => {
    const again = await notify(paid, {}, { atMs: nowMs + 200_000 });
    expect(again).toMatchObject({ notification: { dedupeKey: (await verified(paid)).dedupeKey } });
    expect((await verified(paid, { id: 'EV-2' })).dedupeKey).toBe('EV-2');
  });

  it.each([
    ['in another state', { ...paid, trade_state: 'REFUND' }],
    ['without a transaction', { ...paid, transaction_id: undefined }],
    ['of an unreadable amount', { ...paid, amount: { total: '1' } }],
    ['of no amount', { ...paid, amount: undefined }],
  ])('claims nothing for an order %s', async (_, resource) => {
    expect(await verified(resource)).toMatchObject({ reference, paid: null });
  });

  it('is ignored for an order that is not ours', async () => {
    expect(await notify({ ...paid, out_trade_no: '20261123-17' })).toMatchObject({ kind: 'ignored' });
    expect(await notify({ ...paid, out_trade_no: refundReference })).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    [{ ...paid, mchid: '1900000110' }, 'other_merchant'],
    [{ ...paid, mchid: undefined }, 'other_merchant'],
    [{ ...paid, appid: 'wx0000000000000000' }, 'other_app'],
    [{ ...paid, appid: undefined }, 'other_app'],
  ])('is refused where it is for another account', async (resource, why) => {
    expect(await notify(resource)).toMatchObject({ kind: 'refused', why });
  });
});

describe('a genuine notification of a refund', () => {
  const { status, ...told } = refunded;
  const refund = { mchid, ...told, refund_status: status, currency: undefined };
  const success = { event_type: 'REFUND.SUCCESS' };

  it('is a reason to ask about the refund, where it is ours', async () => {
    expect(await verified(refund, success)).toMatchObject({
      reference: refundReference,
      says: 'REFUND.SUCCESS SUCCESS',
      paid: null,
    });
    const abnormal = { ...refund, refund_status: 'ABNORMAL' };
    expect(await verified(abnormal, { event_type: 'REFUND.ABNORMAL' })).toMatchObject({
      reference: refundReference,
      says: 'REFUND.ABNORMAL ABNORMAL',
    });
  });

  it('that was not ordered here says how much of the order went back', async () => {
    const notification = await verified({ ...refund, out_refund_no: 'console-1' }, success);
    expect(notification).toMatchObject({
      reference,
      says: 'REFUND.SUCCESS SUCCESS, not ordered here',
      paid: { ...paidEvidence, refundedMinor: 40_000, paidAtMs: null },
    });
  });

  it.each([
    { refund_status: 'ABNORMAL' },
    { amount: { total: 100_001, refund: 100_002 } },
    { amount: { total: 100_001 } },
    { transaction_id: undefined },
  ])('that was not ordered here claims nothing with %j', async (change) => {
    const foreign = { ...refund, out_refund_no: 'console-1', ...change };
    expect(await verified(foreign, success)).toMatchObject({ reference, paid: null });
  });

  it('is ignored for an order that is not ours, and refused for another merchant', async () => {
    expect(await notify({ ...refund, out_trade_no: '20261123-17' }, success)).toMatchObject({
      kind: 'ignored',
    });
    expect(await notify({ ...refund, mchid: '1' }, success)).toMatchObject({ why: 'other_merchant' });
  });
});

describe('a message at the door', () => {
  it('of another kind is acknowledged and not stored', async () => {
    expect(await notify({}, { event_type: 'PAYSCORE.USER_PAID' })).toMatchObject({ kind: 'ignored' });
  });

  it.each([
    ['signed by a stranger', { key: strangerKeys.privateKey }, 'bad_signature'],
    ['under a certificate while there is only a public key', { serial: 'ABCDEF0123456789' }, 'bad_signature'],
    ['under an unknown public key', { serial: 'PUB_KEY_ID_1' }, 'bad_signature'],
    ['signed 301 s ago', { atMs: nowMs - 301_000 }, 'stale'],
    ['signed in 301 s', { atMs: nowMs + 301_000 }, 'stale'],
  ])('%s is refused', async (_, signedAs, why) => {
    expect(await notify(paid, {}, signedAs)).toMatchObject({ kind: 'refused', why });
  });

  it('that probes whether signatures are verified is refused', async () => {
    const body = bodyOf(paid);
    const genuine = signedHeaders(body);
    const probe = {
      ...genuine,
      'wechatpay-signature': `WECHATPAY/SIGNTEST/${genuine['wechatpay-signature']}`,
    };
    expect(await parse(body, probe)).toMatchObject({ why: 'bad_signature', detail: 'a signature probe' });
  });

  it.each(['timestamp', 'nonce', 'serial', 'signature'])('without its %s is refused', async (name) => {
    const body = bodyOf(paid);
    const { [`wechatpay-${name}`]: value = '', ...headers } = signedHeaders(body);
    expect(await parse(body, headers)).toMatchObject({ kind: 'refused', why: 'malformed' });
    const doubled = { ...headers, [`wechatpay-${name}`]: [value, value] };
    expect(await parse(body, doubled)).toMatchObject({ kind: 'refused', why: 'malformed' });
  });

  it.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['no id', bodyOf(paid, { id: undefined })],
    ['no type', bodyOf(paid, { event_type: undefined })],
    ['no resource', bodyOf(paid, { resource: undefined })],
    ['another cipher', bodyOf(paid, { resource: { ...sealed('{}'), algorithm: 'AES' } })],
    ['another merchant’s seal', bodyOf(paid, { resource: sealed('{}', '', 'x'.repeat(32)) })],
    ['another context', bodyOf(paid, { resource: { ...sealed('{}'), associated_data: 'refund' } })],
    ['a seal cut short', bodyOf(paid, { resource: { ...sealed('{}'), ciphertext: 'AAAA' } })],
    ['a sealed list', bodyOf(paid, { resource: sealed('[]') })],
    ['too much', bodyOf(paid, { summary: 'x'.repeat(65_536) })],
  ])('signed, and with %s inside, is malformed', async (_, body) => {
    expect(await parse(body, signedHeaders(body))).toMatchObject({ kind: 'refused', why: 'malformed' });
  });

  it('that differs in one bit from a genuine one is never verified', async () => {
    const body = Buffer.from(bodyOf(paid));
    const headers = signedHeaders(body);
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length * 8 - 1), async (bit) => {
        const flipped = Buffer.from(body);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(await parse(flipped, headers)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
      }),
    );
    const { 'wechatpay-signature': signature = '' } = headers;
    await fc.assert(
      fc.asyncProperty(fc.nat(signature.length - 1), async (at) => {
        const other = signature[at] === 'A' ? 'B' : 'A';
        const changed = signature.slice(0, at) + other + signature.slice(at + 1);
        const parsed = await parse(body, { ...headers, 'wechatpay-signature': changed });
        expect(parsed).toMatchObject({ kind: 'refused', why: 'bad_signature' });
      }),
    );
  });

  it('is answered in WeChat Pay’s own form', () => {
    expect(connector.notificationReply(true)).toMatchObject({ status: 200, body: '{"code":"SUCCESS"}' });
    expect(connector.notificationReply(false)).toMatchObject({ status: 400 });
    expect(JSON.parse(connector.notificationReply(false).body)).toMatchObject({ code: 'FAIL' });
  });
});
