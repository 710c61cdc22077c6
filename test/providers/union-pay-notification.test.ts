import { describe, expect, it } from 'vitest';
import { parseFields, sentBy, tampered } from './union-pay-notifications.js';
import {
  authorities,
  connectorFor,
  issue,
  merchant,
  middle,
  nowMs,
  operation,
  reference,
  root,
  signed,
  unionPayName,
  type Fields,
} from './union-pay-test-server.js';

const DAY_MS = 24 * 3_600_000;

describe('a back notification', () => {
  it('that is genuine claims what was paid, and is kept once', async () => {
    const parsed = await parseFields(signed(sentBy()));
    expect(parsed).toEqual({
      kind: 'verified',
      notification: {
        dedupeKey: `${reference}/01/00/442401051450467846498`,
        reference,
        says: '01 00 成功[0000000]',
        paid: {
          reference,
          merchant: '777290058110048',
          amountMinor: 100_001,
          currency: 'CNY',
          refundedMinor: 0,
          providerReference: '442401051450467846498',
          paidAtMs: null,
          card: { funding: 'unknown', brand: 'unionpay', last4: '0048', country: null },
        },
      },
    });
  });

  it.each<[string, Fields]>([
    ['a refusal', { respCode: '30' }],
    ['an authorization', { txnType: '02' }],
    ['a capture', { txnType: '03' }],
    ['a refund', { txnType: '04' }],
    ['a void', { txnType: '32' }],
    ['an undone sale', { txnType: '31' }],
    ['another currency', { currencyCode: '840' }],
    ['no amount', { txnAmt: '' }],
  ])('of %s claims no payment: it is a reason to ask', async (_what, change) => {
    const parsed = await parseFields(signed(sentBy(change)));
    expect(parsed).toMatchObject({ kind: 'verified', notification: { reference, paid: null } });
  });

  it('does not count fields without a value, as UnionPay’s own SDK does not', async () => {
    expect(await parseFields({ ...signed(sentBy()), reserved: '' })).toMatchObject({ kind: 'verified' });
  });

  it('of another merchant is refused', async () => {
    const parsed = await parseFields(signed(sentBy({ merId: '700000000000001' })));
    expect(parsed).toMatchObject({ kind: 'refused', why: 'other_merchant' });
  });
});

describe('the payer’s browser', () => {
  const bring = (method: 'GET' | 'POST', fields: Fields) =>
    connectorFor('http://127.0.0.1:1').parseReturn?.({
      account: operation.account,
      reference,
      method,
      query: '',
      body: Buffer.from(method === 'GET' ? '' : new URLSearchParams(fields).toString()),
      headers: {},
    });

  it('brings a front notification: a reason to ask, under a key of its own', async () => {
    expect(await bring('POST', signed(sentBy()))).toEqual({
      kind: 'notification',
      notification: {
        dedupeKey: `front/${reference}/01/00/442401051450467846498`,
        reference,
        says: 'front 01 00 成功[0000000]',
        paid: null,
      },
    });
  });

  it('brings nothing where the payer gave up, and is refused where it brings a forgery', async () => {
    expect(await bring('GET', {})).toEqual({ kind: 'nothing' });
    expect(await bring('POST', {})).toEqual({ kind: 'nothing' });
    const forged = { ...signed(sentBy()), txnAmt: '1' };
    expect(await bring('POST', forged)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });
});

describe('what nobody at UnionPay signed', () => {
  const other = authorities(' 2');
  // A foreign authority may call itself what it likes.
  const twin = authorities();
  it.each([
    ['a certificate of another authority', issue(unionPayName, other.middle)],
    ['a certificate of an authority of the same name', issue(unionPayName, twin.middle)],
    ['a certificate that signed itself', issue(unionPayName)],
    ['a certificate of the root alone', issue(unionPayName, root)],
    ['the merchant’s own certificate', merchant],
    ['a name that only begins like UnionPay’s', issue([['CN', '041@1@中国银联股份有限公司2@1']], middle)],
    ['UnionPay’s name in another place', issue([['CN', '中国银联股份有限公司@1@2@3']], middle)],
    ['two common names', issue([['CN', 'x'], ...unionPayName], middle)],
    ['an expired certificate', issue(unionPayName, middle, { notAfterMs: nowMs - 1000 })],
    ['a certificate of tomorrow', issue(unionPayName, middle, { notBeforeMs: nowMs + DAY_MS })],
    ['the middle authority itself', middle],
    ['a middle authority under UnionPay’s name', issue(unionPayName, middle, { isAuthority: true })],
  ])('is refused: %s', async (_what, signer) => {
    expect(await parseFields(signed(sentBy(), signer))).toMatchObject({
      kind: 'refused',
      why: 'bad_signature',
    });
  });

  it('under the old name of the test environment counts in mode test alone', async () => {
    const old = issue([['CN', '041@Z2017-11-1@00040000:SIGN@00000001']], middle);
    const fields = signed(sentBy(), old);
    expect(await parseFields(fields)).toMatchObject({ kind: 'verified' });
    const live = { mode: 'live', gateway: 'https://gateway.95516.com' };
    expect(await parseFields(fields, { settings: live })).toMatchObject({ why: 'bad_signature' });
    expect(await parseFields(signed(sentBy()), { settings: live })).toMatchObject({ kind: 'verified' });
  });

  it('is refused once a certificate that was known has expired', async () => {
    let at = nowMs;
    const fields = signed(sentBy());
    const connector = connectorFor('http://127.0.0.1:1', { now: () => at });
    expect(await parseFields(fields, {}, connector)).toMatchObject({ kind: 'verified' });
    at = nowMs + 366 * DAY_MS;
    expect(await parseFields(fields, {}, connector)).toMatchObject({ why: 'bad_signature' });
  });

  it('is refused where the configured authority has expired', async () => {
    const brief = { isAuthority: true, notAfterMs: nowMs + 1000 };
    const rootName = [['CN', 'R']] as const;
    const shortRoot = issue(rootName, undefined, { isAuthority: true });
    const shortMiddle = issue([['CN', 'M']], shortRoot, brief);
    const fields = signed(sentBy(), issue(unionPayName, shortMiddle));
    const settings = { rootCertificate: shortRoot.pem, middleCertificate: shortMiddle.pem };
    expect(await parseFields(fields, { settings })).toMatchObject({ kind: 'verified' });
    const later = await parseFields(fields, { settings, now: () => nowMs + 2000 });
    expect(later).toMatchObject({ why: 'bad_signature' });
  });

  it('is refused whichever field is changed, added, taken away or glued to another', async () => {
    const fields = signed(sentBy());
    for (const [what, forged] of tampered(fields)) {
      const parsed = await parseFields(forged);
      expect([what, parsed.kind]).toEqual([what, 'refused']);
    }
  });

  it.each([
    ['nothing', ''],
    ['no form', '{"orderId": "1"}'],
    ['a field twice', 'orderId=1&orderId=2'],
    ['bytes that are no text', Buffer.from([0x61, 0x3d, 0xff])],
    ['too much', `a=${'1'.repeat(70_000)}`],
    ['too many fields', Array.from({ length: 101 }, (_, index) => `f${index}=1`).join('&')],
  ])('is refused: %s', async (_what, body) => {
    expect(await parseFields(Buffer.from(body))).toMatchObject({ kind: 'refused', why: 'malformed' });
  });

  it.each(['orderId', 'txnType', 'respCode'])('is refused, though signed, without %s', async (name) => {
    const parsed = await parseFields(signed(sentBy({ [name]: '' })));
    expect(parsed).toMatchObject({ kind: 'refused', why: 'malformed' });
  });
});
