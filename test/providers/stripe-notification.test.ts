import { createHmac } from 'node:crypto';
import { Stripe } from 'stripe';
import { describe, expect, it } from 'vitest';
import {
  captureReference,
  charge,
  connectorFor,
  held,
  intent,
  intentId,
  merchant,
  nowMs,
  nowSeconds,
  operation,
  reference,
  refundReference,
  succeeded,
  webhookSecret,
  type Reply,
} from './stripe-test-server.js';

const connector = connectorFor('http://127.0.0.1:9', undefined, {
  webhookSecrets: ['whsec_another0123456789', webhookSecret],
});

const event = (type: string, object: Reply, changes: Reply = {}): Reply => ({
  id: 'evt_1',
  object: 'event',
  type,
  livemode: false,
  created: nowSeconds - 2,
  data: { object },
  ...changes,
});
const sign = (body: string | Buffer, at = nowSeconds, secret = webhookSecret) =>
  createHmac('sha256', secret).update(`${at}.`).update(body).digest('hex');
const headerOf = (body: string | Buffer, at = nowSeconds) => `t=${at},v1=${sign(body, at)}`;

function parse(body: string | Buffer, header: string | string[] | undefined = headerOf(body)) {
  const headers = { 'stripe-signature': header };
  return connector.parseNotification({ account: operation.account, body: Buffer.from(body), headers });
}
const say = (type: string, object: Reply, changes: Reply = {}) =>
  parse(JSON.stringify(event(type, object, changes)));

describe('a genuine event', () => {
  const claim = {
    reference,
    merchant,
    amountMinor: 4900,
    currency: 'EUR',
    refundedMinor: 0,
    providerReference: intentId,
    paidAtMs: nowMs - 2000,
  };

  it('is stored by its id, under our reference, with what it claims', async () => {
    expect(await say('payment_intent.succeeded', succeeded())).toEqual({
      kind: 'verified',
      notification: {
        dedupeKey: 'evt_1',
        reference,
        says: 'payment_intent.succeeded, succeeded',
        paid: claim,
      },
    });
  });

  const manual = { capture_method: 'manual' };
  const metadata = { quittance_reference: reference, quittance_capture: captureReference };
  const refunded = (changes: Reply = {}) =>
    charge({
      metadata: { quittance_reference: reference },
      amount: 4900,
      amount_captured: 4900,
      amount_refunded: 900,
      currency: 'eur',
      ...changes,
    });
  const refund = { object: 'refund', status: 'failed', metadata: { quittance_reference: refundReference } };
  it.each<[string, Reply, string, Reply | null]>([
    ['payment_intent.payment_failed', intent(), reference, null],
    ['payment_intent.canceled', intent({ status: 'canceled' }), reference, null],
    ['payment_intent.amount_capturable_updated', held(manual), reference, claim],
    ['payment_intent.succeeded', succeeded({ ...manual, metadata }), captureReference, null],
    ['payment_intent.succeeded', succeeded(manual), reference, null],
    ['payment_intent.succeeded', succeeded({ amount_received: 'x' }), reference, null],
    ['charge.refunded', refunded(), reference, { ...claim, refundedMinor: 900 }],
    // Of what was captured in part, what was let go did not go back.
    [
      'charge.refunded',
      refunded({ amount_captured: 900, amount_refunded: 4900 }),
      reference,
      { ...claim, amountMinor: 900, refundedMinor: 900 },
    ],
    [
      'charge.refunded',
      refunded({ amount_captured: 4000 }),
      reference,
      { ...claim, amountMinor: 4000, refundedMinor: 0 },
    ],
    ['refund.failed', refund, refundReference, null],
    ['charge.refund.updated', refund, refundReference, null],
  ])('%s is news of the operation that it is about', async (type, object, about, paid) => {
    expect(await say(type, object)).toMatchObject({ notification: { reference: about, paid } });
  });

  it.each<[string, Reply]>([
    ['customer.created', { object: 'customer', metadata: {} }],
    ['charge.succeeded', charge({ metadata: { quittance_reference: reference } })],
    ['payment_intent.succeeded', succeeded({ metadata: {} })],
    ['payment_intent.succeeded', succeeded({ metadata: { quittance_reference: 'not one of ours' } })],
    ['charge.dispute.created', { object: 'dispute', payment_intent: intentId }],
  ])('%s about nothing of ours is ignored', async (type, object) => {
    expect(await say(type, object)).toMatchObject({ kind: 'ignored' });
  });

  it('is known by any of its signatures and any of our secrets', async () => {
    const body = JSON.stringify(event('payment_intent.succeeded', succeeded()));
    const other = '0'.repeat(64);
    const header = `t=${nowSeconds},v1=${other},v1=${sign(body)},v0=${other}`;
    expect(await parse(body, header)).toMatchObject({ kind: 'verified' });
  });

  it('as the official SDK signs it is verified', async () => {
    const payload = JSON.stringify(event('payment_intent.succeeded', succeeded()));
    const options = { payload, secret: webhookSecret, timestamp: nowSeconds };
    const header = new Stripe('sk_test_x').webhooks.generateTestHeaderString(options);
    expect(await parse(payload, header)).toMatchObject({ kind: 'verified' });
  });
});

describe('what is refused', () => {
  const body = JSON.stringify(event('payment_intent.succeeded', succeeded()));

  it.each<[string, string | string[] | undefined]>([
    ['no signature', ''],
    ['two headers', [headerOf(body), headerOf(body)]],
    ['another secret', `t=${nowSeconds},v1=${sign(body, nowSeconds, 'whsec_other')}`],
    ['another scheme', `t=${nowSeconds},v0=${sign(body)}`],
    ['no time', `v1=${sign(body)}`],
    ['two times', `t=${nowSeconds},t=${nowSeconds},v1=${sign(body)}`],
    ['a time that was not signed', `t=${nowSeconds - 1},v1=${sign(body)}`],
    ['a time written otherwise', `t=0${nowSeconds},v1=${sign(body)}`],
    ['capital letters', `t=${nowSeconds},v1=${sign(body).toUpperCase()}`],
    ['too many signatures', `t=${nowSeconds}${`,v1=${sign(body)}`.repeat(21)}`],
  ])('%s', async (_, header) => {
    expect(await parse(body, header)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });

  it.each([-301, 301])('a signature of %i seconds away', async (seconds) => {
    const at = nowSeconds + seconds;
    expect(await parse(body, headerOf(body, at))).toMatchObject({ kind: 'refused', why: 'stale' });
    const within = at - Math.sign(seconds);
    expect(await parse(body, headerOf(body, within))).toMatchObject({ kind: 'verified' });
  });

  it('any flipped bit of the body or the signature', async () => {
    const header = headerOf(body);
    for (let at = 0; at < body.length; at += 7) {
      const flipped = Buffer.from(body);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(await parse(flipped, header)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
    }
    for (let at = header.length - 64; at < header.length; at += 1) {
      const changed = header[at] === '0' ? '1' : '0';
      const forged = header.slice(0, at) + changed + header.slice(at + 1);
      expect(await parse(body, forged)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
    }
  });

  it.each<[string, Reply, string]>([
    ['the other mode', { livemode: true }, 'other_merchant'],
    ['no mode', { livemode: undefined }, 'other_merchant'],
    ['another account', { account: 'acct_1Other' }, 'other_merchant'],
    ['no id', { id: undefined }, 'malformed'],
    ['no object', { data: {} }, 'malformed'],
    ['another thing', { object: 'v2.core.event' }, 'malformed'],
  ])('a signed event of %s', async (_, changes, why) => {
    expect(await say('payment_intent.succeeded', succeeded(), changes)).toMatchObject({ why });
  });

  it.each([Buffer.from('[]'), Buffer.from('{'), Buffer.from([0xff]), Buffer.alloc(300_000, 32)])(
    'signed rubbish',
    async (rubbish) => {
      expect(await parse(rubbish)).toMatchObject({ kind: 'refused', why: 'malformed' });
    },
  );
});

it('answers Stripe by the status', () => {
  expect(connector.notificationReply(true).status).toBe(200);
  expect(connector.notificationReply(false).status).toBe(400);
});
