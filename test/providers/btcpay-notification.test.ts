import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  address,
  connectorFor,
  MINUTE_MS,
  nowMs,
  reference,
  storeId,
  webhookSecret,
  type Json,
} from './btcpay-test-server.js';

const connector = connectorFor('http://127.0.0.1:1');
const account = { accountId: 'acct_1', credential: 'shop' };

/** As BTCPay writes it: indented, its own members first, `metadata` of the invoice among them. */
const event = (changes: Json = {}): Json => ({
  deliveryId: 'D2kMKVwLsvMX8tHNuLPCwN',
  webhookId: 'W9GrQwDRbxZhDxW1vFDh5P',
  originalDeliveryId: 'D2kMKVwLsvMX8tHNuLPCwN',
  isRedelivery: false,
  type: 'InvoiceSettled',
  timestamp: nowMs / 1000,
  storeId,
  invoiceId: 'INVOICE1',
  metadata: { orderId: reference, itemDesc: 'A course' },
  manuallyMarked: false,
  overPaid: false,
  ...changes,
});

const sign = (body: Buffer, secret = webhookSecret): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

const bytes = (said: unknown): Buffer => Buffer.from(JSON.stringify(said, null, 2));

const deliver = (body: Buffer, signature: string | string[] | undefined = sign(body)) =>
  connector.parseNotification({ account, body, headers: { 'btcpay-sig': signature } });

const verified = (changes: Json) => ({
  kind: 'verified',
  notification: { dedupeKey: 'D2kMKVwLsvMX8tHNuLPCwN', reference, paid: null, ...changes },
});

describe('a webhook of BTCPay', () => {
  it.each([
    ['InvoiceSettled', { overPaid: true }, 'InvoiceSettled overPaid of INVOICE1'],
    ['InvoiceSettled', { manuallyMarked: true }, 'InvoiceSettled manuallyMarked of INVOICE1'],
    ['InvoiceProcessing', {}, 'InvoiceProcessing of INVOICE1'],
    ['InvoiceExpired', { partiallyPaid: true }, 'InvoiceExpired partiallyPaid of INVOICE1'],
    ['InvoiceInvalid', {}, 'InvoiceInvalid of INVOICE1'],
    [
      'InvoiceReceivedPayment',
      { afterExpiration: true },
      'InvoiceReceivedPayment afterExpiration of INVOICE1',
    ],
    ['InvoicePaymentSettled', {}, 'InvoicePaymentSettled of INVOICE1'],
    ['InvoicePaidAfterExpiration', {}, 'InvoicePaidAfterExpiration of INVOICE1'],
  ])('is a reason to ask, and never a payment: %s %j', async (type, changes, says) => {
    const payment = { id: 'tx', value: '1.0', fee: '0', status: 'Settled', destination: address };
    const said = event({ type, ...changes, paymentMethodId: 'BTC-CHAIN', payment });
    expect(await deliver(bytes(said))).toEqual(verified({ says }));
  });

  it('is the same one when it is delivered again, under a new id', async () => {
    const again = { deliveryId: 'XnewDeliveryIdXnewXnew', isRedelivery: true };
    expect(await deliver(bytes(event(again)))).toMatchObject(verified({}));
    const odd = { ...again, originalDeliveryId: null };
    expect(await deliver(bytes(event(odd)))).toMatchObject({ kind: 'refused', why: 'malformed' });
  });

  it('is itself the first time, whatever it says of another', async () => {
    const said = event({ originalDeliveryId: 'AnotherDeliveryIdOther' });
    expect(await deliver(bytes(said))).toMatchObject(verified({}));
    expect(await deliver(bytes(event({ originalDeliveryId: null })))).toMatchObject(verified({}));
  });

  it('is taken days later: a person may deliver it again at any time', async () => {
    const said = event({ timestamp: nowMs / 1000 - 90 * 86_400, isRedelivery: true });
    expect(await deliver(bytes(said))).toMatchObject(verified({}));
  });

  it.each([
    ['of what we did ourselves', { type: 'InvoiceCreated' }],
    ['about something else than an invoice', { type: 'PayoutCreated', invoiceId: undefined }],
    ['of an invoice that is not ours', { metadata: { orderId: 'WOO-1234' } }],
    ['of an invoice without an order', { metadata: {} }],
    ['of a server that tells no metadata', { metadata: undefined }],
    ['that the merchant sends as a test', { invoiceId: '__test__1__test__', metadata: null }],
  ])('is ignored %s', async (_, changes) => {
    expect(await deliver(bytes(event(changes)))).toMatchObject({ kind: 'ignored' });
  });
});

describe('a webhook that is refused', () => {
  it.each([
    ['another store', { storeId: 'OTHERSTORE1' }, 'other_merchant'],
    ['no store', { storeId: undefined }, 'malformed'],
    ['no delivery', { deliveryId: '' }, 'malformed'],
    ['no type', { type: 7 }, 'malformed'],
    ['a time to come', { timestamp: (nowMs + 61 * MINUTE_MS) / 1000 }, 'stale'],
    ['no time', { timestamp: 'now' }, 'malformed'],
  ])('names %s', async (_, changes, why) => {
    expect(await deliver(bytes(event(changes)))).toMatchObject({ kind: 'refused', why });
  });

  it.each([
    ['by another secret', sign(bytes(event()), 'another-secret-of-20')],
    ['by no secret', sign(bytes(event()), '')],
    ['in another algorithm', sign(bytes(event())).replace('sha256', 'sha1')],
    ['without the algorithm', sign(bytes(event())).slice('sha256='.length)],
    ['too short', sign(bytes(event())).slice(0, -2)],
    ['twice', [sign(bytes(event())), sign(bytes(event()))]],
    ['with something behind it', `${sign(bytes(event()))} `],
  ])('is signed %s', async (_, signature) => {
    expect(await deliver(bytes(event()), signature)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });

  it('is not signed', async () => {
    const raw = { account, body: bytes(event()), headers: {} };
    expect(await connector.parseNotification(raw)).toMatchObject({ why: 'bad_signature' });
  });

  it('has any bit flipped', async () => {
    const body = bytes(event());
    const signature = sign(body);
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const flipped = Buffer.from(body);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(await deliver(flipped, signature)).toMatchObject({ why: 'bad_signature' });
    }
  });

  it.each([Buffer.from(''), Buffer.from('{"type":'), Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('[]')])(
    'is no event, though signed: %s',
    async (body) => expect(await deliver(body)).toMatchObject({ kind: 'refused', why: 'malformed' }),
  );

  it('is too long to be one', async () => {
    const body = bytes(event({ metadata: { orderId: reference, note: 'x'.repeat(65_536) } }));
    expect(await deliver(body)).toMatchObject({ kind: 'refused', why: 'malformed' });
  });
});

it('signs as BTCPay’s own documentation does', async () => {
  // Its OpenAPI document: `sha256=HMAC256(UTF8(webhook's secret), body)`; a vector made with OpenSSL:
  // printf '{"a":1}' | openssl dgst -sha256 -hmac 'schlüssel-mit-ümlaut'
  const body = Buffer.from('{"a":1}');
  const own = connectorFor('http://127.0.0.1:1', { changes: { webhookSecret: 'schlüssel-mit-ümlaut' } });
  const signature = 'sha256=5588e4b2fe49e1c8073d97e309ae05e1cefa31d85876647e6359c18059dc4c4d';
  const parsed = await own.parseNotification({ account, body, headers: { 'btcpay-sig': signature } });
  expect(parsed).toMatchObject({ kind: 'refused', why: 'malformed' });
});

it('answers what BTCPay reads: the status', () => {
  expect(connector.notificationReply(true).status).toBe(200);
  expect(connector.notificationReply(false).status).toBe(400);
});
