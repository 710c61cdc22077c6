import { afterEach, describe, expect, it } from 'vitest';
import * as events from './paypal-events.js';
import { captured, DAY_MS, lasting, newKey, PATH, type Lie } from './paypal-events.js';
import { nowMs, reference, refusal, type TestServer } from './paypal-test-server.js';

let server: TestServer;
afterEach(() => server.close());

async function told(lie: Lie = {}): Promise<events.Told> {
  const event = await events.told(lie);
  ({ server } = event);
  return event;
}

/** What PayPal was asked, beside its certificates and tokens. */
const asked = (): string[] =>
  server.calls.map(({ route }) => route).filter((route) => route !== `GET ${PATH}`);

it('genuine it is verified, and claims what was captured; its certificate is fetched once', async () => {
  const { raw, parsed } = await told();
  expect(parsed).toMatchObject({
    kind: 'verified',
    notification: {
      dedupeKey: 'WH-1',
      reference,
      paid: { reference, amountMinor: 4900, currency: 'USD', providerReference: '5O190127TN364715T' },
    },
  });
  await server.connector.parseNotification(raw);
  expect(server.calls.map(({ route }) => route)).toEqual([`GET ${PATH}`]);
});

it.each<[string, Lie, string]>([
  ['signed for another webhook', { signedFor: '9ZZ4291016473214C' }, 'bad_signature'],
  ['of a certificate with another name', { subject: [['CN', 'paypal.com.evil.example']] }, 'bad_signature'],
  ['of a certificate that only ends like PayPal', { subject: [['CN', 'notpaypal.com']] }, 'bad_signature'],
  ['of a certificate that is over', { dates: lasting(-3 * DAY_MS, -DAY_MS) }, 'bad_signature'],
  ['of a certificate that is to come', { dates: lasting(DAY_MS, 3 * DAY_MS) }, 'bad_signature'],
  ['of another algorithm', { headers: { 'paypal-auth-algo': 'none' } }, 'bad_signature'],
  ['without a signature', { headers: { 'paypal-transmission-sig': '' } }, 'bad_signature'],
  ['five days old', { sentAtMs: nowMs - 5 * DAY_MS }, 'stale'],
  ['of the future', { sentAtMs: nowMs + DAY_MS }, 'stale'],
  ['without an id', { body: { ...captured, id: '' } }, 'malformed'],
])('%s it is refused', async (_what, lie, why) => {
  expect((await told(lie)).parsed).toMatchObject({ kind: 'refused', why });
});

it('of a certificate that nobody we trust has issued it is refused', async () => {
  const { parsed } = await told({ issuerKey: newKey() });
  expect(parsed).toMatchObject({ kind: 'refused', why: 'bad_signature' });
});

it('of a good certificate of another key it is refused', async () => {
  expect((await told({ key: newKey() })).parsed).toMatchObject({ kind: 'refused', why: 'bad_signature' });
});

it.each([
  'https://evil.example/v1/notifications/certs/CERT-1',
  'https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1',
  'https://api.sandbox.paypal.com@evil.example/v1/notifications/certs/CERT-1',
  'http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1',
  'https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1',
  'https://api.sandbox.paypal.com/v1/notifications/certs/../../oauth2/token',
  'http://127.0.0.1:1/v1/notifications/certs/CERT-1',
  'http://169.254.169.254/v1/notifications/certs/CERT-1',
  'file:///v1/notifications/certs/CERT-1',
  '',
])('whose certificate is at "%s" it is refused, and nothing is fetched', async (url) => {
  const { parsed } = await told({ headers: { 'paypal-cert-url': url } });
  expect(parsed).toMatchObject({
    kind: 'refused',
    why: 'bad_signature',
    detail: 'the certificate is not at PayPal',
  });
  expect(server.calls).toEqual([]);
});

it.each([
  ['CHECKOUT.ORDER.APPROVED', { id: '5O190127TN364715T', purchase_units: [{ custom_id: reference }] }],
  ['PAYMENT.CAPTURE.REFUNDED', { id: 'R1', status: 'COMPLETED', custom_id: reference }],
  ['PAYMENT.CAPTURE.PENDING', { ...captured.resource, status: 'PENDING' }],
])('%s is only a reason to ask', async (event_type, resource) => {
  const { parsed } = await told({ body: { id: 'WH-2', event_type, resource } });
  expect(parsed).toMatchObject({ kind: 'verified', notification: { reference, paid: null } });
});

it('about nothing of ours it is acknowledged, and not kept, where no link leads to a capture', async () => {
  const links = [{ rel: 'up', href: 'https://api.paypal.com/v2/checkout/orders/5O190127TN364715T' }];
  const resource = { ...captured.resource, custom_id: 'somebody else’s', links };
  expect((await told({ body: { ...captured, resource } })).parsed).toMatchObject({ kind: 'ignored' });
  expect(asked()).toEqual([]);
});

const usd = (value: string) => ({ currency_code: 'USD', value });

describe('a refund that was made in PayPal’s own pages', () => {
  const captureId = '3C679366HH908993F';
  const captureOfIt = `GET /v2/payments/captures/${captureId}`;
  const owned = (own: Record<string, unknown>) =>
    [200, { id: captureId, status: 'REFUNDED', ...own }] as const;
  const refund = (own: object = {}, href = `https://evil.example/v2/payments/captures/${captureId}`) => ({
    id: 'WH-3',
    event_type: 'PAYMENT.CAPTURE.REFUNDED',
    resource: { id: '1Y107995YT783435V', status: 'COMPLETED', ...own, links: [{ rel: 'up', href }] },
  });
  const [ofCapture, ofHold, ofRefund] = ['c', 'a', 'r'].map((kind) => `${reference.slice(0, 25)}${kind}01`);

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
    ['the capture’s own reference', {}, { invoice_id: ofCapture, custom_id: ofHold }, ofCapture],
    ['that of the order it took', {}, { invoice_id: 'by hand', custom_id: reference }, reference],
    [
      'the capture’s, where it names the hold itself',
      { custom_id: ofHold },
      { invoice_id: ofCapture },
      ofCapture,
    ],
    ['the hold’s, where the capture names nothing', { custom_id: ofHold }, {}, ofHold],
  ])('is about %s', async (_what, own, ofIt, expected) => {
    const { parsed } = await told({ body: refund(own), answers: { [captureOfIt]: owned(ofIt) } });
    const notification = { dedupeKey: 'WH-3', reference: expected };
    expect(parsed).toMatchObject({ kind: 'verified', notification });
    expect(asked()).toEqual([captureOfIt]);
  });

  it('of a capture that is not ours is not kept', async () => {
    const { parsed } = await told({
      body: refund(),
      answers: { [captureOfIt]: owned({ invoice_id: '17' }) },
    });
    expect(parsed).toMatchObject({ kind: 'ignored' });
  });

  it('of a capture that PayPal does not show us is kept as it is, for a person', async () => {
    const { parsed } = await told({
      body: refund(),
      answers: { [captureOfIt]: [404, refusal('INVALID_RESOURCE_ID')] },
    });
    expect(parsed).toMatchObject({ kind: 'verified', notification: { reference: captureId, paid: null } });
  });

  it.each<[string, readonly [number, unknown]]>([
    ['fails', [500, 'no']],
    ['is refused', [403, { name: 'NOT_AUTHORIZED', message: 'no' }]],
    ['is too frequent', [429, { name: 'RATE_LIMIT_REACHED', message: 'no' }]],
    ['tells of another capture', [200, { id: '9ZZ79366HH908993F', invoice_id: reference }]],
  ])('is not acknowledged where the look-up %s', async (_what, answer) => {
    const { parsed } = await told({ body: refund(), answers: { [captureOfIt]: answer } });
    expect(parsed).toMatchObject({ kind: 'unanswered' });
  });

  it('of ours needs no look-up', async () => {
    const { parsed } = await told({ body: refund({ invoice_id: ofRefund, amount: usd('10.00') }) });
    expect(parsed).toMatchObject({ kind: 'verified', notification: { reference: ofRefund, paid: null } });
    expect(asked()).toEqual([]);
  });

  it.each([reference, ofCapture!])(
    'that names %s is about it, whether PayPal answers or not',
    async (named) => {
      const { parsed } = await told({
        body: refund({ invoice_id: named }),
        answers: { [captureOfIt]: [500, 'no'] },
      });
      expect(parsed).toMatchObject({ kind: 'verified', notification: { reference: named, paid: null } });
    },
  );

  const taken = { invoice_id: ofCapture, amount: usd('49.00') };
  const claim = (refundedMinor: number) => ({
    reference: ofCapture,
    amountMinor: 4900,
    currency: 'USD',
    refundedMinor,
  });

  it.each<[string, object, Record<string, unknown>, object | null]>([
    ['a part', { amount: usd('10.00') }, taken, claim(1000)],
    ['all', { amount: usd('49.00') }, taken, claim(4900)],
    ['more than was taken', { amount: usd('49.01') }, taken, null],
    ['another currency', { amount: { currency_code: 'EUR', value: '10.00' } }, taken, null],
    ['an amount that cannot be read', { amount: usd('1e1') }, taken, null],
    ['nothing yet', { amount: usd('10.00'), status: 'PENDING' }, taken, null],
    ['of a hold', { amount: usd('10.00') }, { ...taken, invoice_id: ofHold }, null],
  ])('claims what it says went back: %s', async (_what, own, ofIt, expected) => {
    const { parsed } = await told({ body: refund(own), answers: { [captureOfIt]: owned(ofIt) } });
    if (expected === null) expect(parsed).toMatchObject({ notification: { paid: null } });
    else expect(parsed).toMatchObject({ notification: { paid: expected } });
  });

  it('or a reversal that is told as the capture itself claims all of it', async () => {
    const resource = { id: captureId, status: 'REVERSED', ...taken, links: [] };
    const { parsed } = await told({ body: { id: 'WH-4', event_type: 'PAYMENT.CAPTURE.REVERSED', resource } });
    expect(parsed).toMatchObject({ kind: 'verified', notification: { paid: claim(4900) } });
  });

  it.each(['https://api.paypal.com/v2/payments/captures/../refunds/1', 'captures', ''])(
    'whose link is "%s" asks nobody',
    async (href) => {
      expect((await told({ body: refund({}, href) })).parsed).toMatchObject({ kind: 'ignored' });
      expect(asked()).toEqual([]);
    },
  );

  it('and forged makes us ask nobody', async () => {
    const { parsed } = await told({ body: refund(), signedFor: '9ZZ4291016473214C' });
    expect(parsed).toMatchObject({ kind: 'refused' });
    expect(asked()).toEqual([]);
  });
});
