import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { ParsedNotification } from '../../providers/connector.js';
import {
  connectorFor,
  hmacKey,
  item,
  merchantAccount,
  operation,
  psp,
  reference,
  sign,
  signed,
  webhookOf,
  type Item,
} from './adyen-test-server.js';

const connector = connectorFor('http://127.0.0.1:9', {});
const parse = (body: Buffer): Promise<ParsedNotification> =>
  connector.parseNotification({ account: operation.account, body, headers: {} });
const read = (changes: Partial<Item>) => parse(webhookOf(signed(changes)));
const capture = `${reference.slice(0, 25)}c02`;
const refund = `${reference.slice(0, 25)}r03`;
const authorization = `${reference.slice(0, 25)}a01`;

describe('the signature', () => {
  it('is Adyen’s own, by the example of its libraries', () => {
    // The vector of adyen-java-api-library and adyen-python-api-library (their tests of the HMAC, read 2026-11).
    const of: Item = {
      ...item,
      pspReference: '7914073381342284',
      merchantAccountCode: 'TestMerchant',
      merchantReference: 'TestPayment-1407325143704',
      amount: { value: 1130, currency: 'EUR' },
    };
    expect(sign(of)).toBe('coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0=');
  });

  it('is verified as the official library verifies it', () => {
    const library = createRequire(import.meta.url)('@adyen/api-library/lib/src/utils/hmacValidator.js') as {
      default: new () => { calculateHmac(of: unknown, key: string): string };
    };
    for (const of of [item, { ...item, originalReference: 'ABCDEFGH12345678', success: 'false' }]) {
      expect(new library.default().calculateHmac(of, hmacKey)).toBe(sign(of));
    }
  });

  it('by either of two keys is enough while they are rotated', async () => {
    const next = 'A'.repeat(64);
    const rotating = connectorFor('http://127.0.0.1:9', { hmacKeys: [next, hmacKey] });
    for (const key of [next, hmacKey]) {
      const body = webhookOf(signed({}, key));
      const parsed = await rotating.parseNotification({ account: operation.account, body, headers: {} });
      expect(parsed.kind).toBe('verified');
    }
  });

  it.each([
    ['pspReference', { pspReference: 'ZZZZZZZZZZZZZZZZ' }],
    ['originalReference', { originalReference: 'ZZZZZZZZZZZZZZZZ' }],
    ['merchantReference', { merchantReference: `${reference.slice(0, -1)}2` }],
    ['amount', { amount: { value: 4901, currency: 'EUR' } }],
    ['currency', { amount: { value: 4900, currency: 'USD' } }],
    ['eventCode', { eventCode: 'REFUND' }],
    ['success', { success: 'false' }],
  ])('does not bear another %s', async (_, changes) => {
    const genuine = signed()['NotificationRequestItem'] as Record<string, unknown>;
    const body = webhookOf({ NotificationRequestItem: { ...genuine, ...changes } });
    expect(await parse(body)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });

  it('is not borne by the same text cut into other fields', async () => {
    const genuine = signed({ originalReference: 'ABCDEFGH12345678' })['NotificationRequestItem'] as Item;
    const moved = {
      ...genuine,
      pspReference: `${psp}:ABCDEFGH12345678`,
      originalReference: merchantAccount,
      merchantAccountCode: reference,
      merchantReference: '4900',
    };
    expect((await parse(webhookOf({ NotificationRequestItem: moved }))).kind).toBe('refused');
    expect(await read({ merchantReference: `${reference}:1` })).toMatchObject({ why: 'malformed' });
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['of another length', 'AAAA'],
    ['not a text', 7],
    ['in hex', 'ab'.repeat(32)],
  ])('that is %s proves nothing', async (_, hmacSignature) => {
    const body = webhookOf({ NotificationRequestItem: { ...item, additionalData: { hmacSignature } } });
    expect(await parse(body)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });
});

describe('a body', () => {
  const genuine = JSON.parse(webhookOf(signed()).toString()) as Record<string, unknown>;
  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['without items', JSON.stringify({ live: 'false' })],
    ['with no item', JSON.stringify({ live: 'false', notificationItems: [] })],
    ['with a bare item', JSON.stringify({ ...genuine, notificationItems: [item] })],
    ['with nothing as an item', JSON.stringify({ ...genuine, notificationItems: [null] })],
    ['with a byte order mark', `\ufeff${JSON.stringify(genuine)}`],
    ['too long', JSON.stringify({ ...genuine, padding: 'x'.repeat(300_000) })],
  ])('that is %s is refused', async (_, text) => {
    expect((await parse(Buffer.from(text))).kind).toBe('refused');
  });

  it('of the other mode, or of another account, is refused', async () => {
    const live = Buffer.from(JSON.stringify({ ...genuine, live: 'true' }));
    expect(await parse(live)).toMatchObject({ kind: 'refused', why: 'other_merchant' });
    expect(await read({ merchantAccountCode: 'SomebodyElse' })).toMatchObject({ why: 'other_merchant' });
  });

  it('with several items keeps all of them, or none', async () => {
    const both = webhookOf(
      signed(),
      signed({ eventCode: 'REPORT_AVAILABLE' }),
      signed({ merchantReference: refund, eventCode: 'REFUND' }),
    );
    expect(await parse(both)).toMatchObject({
      kind: 'verified',
      notification: { reference },
      others: [{ reference: refund }],
    });
    const spoiled = webhookOf(signed(), signed({}, 'B'.repeat(64)));
    expect(await parse(spoiled)).toMatchObject({ kind: 'refused', why: 'bad_signature' });
  });
});

describe('an event', () => {
  it('of a charge claims it', async () => {
    expect(await read({})).toEqual({
      kind: 'verified',
      notification: {
        dedupeKey: `${psp}/AUTHORISATION/true`,
        reference,
        providerReference: psp,
        says: 'AUTHORISATION, success true',
        paid: {
          reference,
          merchant: merchantAccount,
          amountMinor: 4900,
          currency: 'EUR',
          refundedMinor: 0,
          providerReference: psp,
          paidAtMs: null,
        },
      },
    });
  });

  it('that fails an authorization tells a refusal, whose reason is for people', async () => {
    expect(await read({ success: 'false', reason: 'Refused' })).toMatchObject({
      notification: {
        dedupeKey: `${psp}/AUTHORISATION/false`,
        paid: null,
        told: { kind: 'failed', reason: 'declined', error: { message: 'Refused' } },
      },
    });
  });

  it.each([
    ['OFFER_CLOSED', reference, 'true', { kind: 'closed' }],
    ['CAPTURE', capture, 'true', { kind: 'succeeded', moved: { amountMinor: 4900 } }],
    ['CAPTURE', capture, 'false', { kind: 'failed' }],
    ['CAPTURE_FAILED', capture, 'true', { kind: 'failed' }],
    ['CANCELLATION', `${reference.slice(0, 25)}v02`, 'true', { kind: 'succeeded' }],
    ['REFUND', refund, 'true', { kind: 'succeeded', moved: { reference: refund } }],
    ['REFUND', refund, 'false', { kind: 'failed' }],
    ['REFUND_FAILED', refund, 'true', { kind: 'failed' }],
  ])('%s about %s, success %s, tells an end', async (eventCode, merchantReference, success, told) => {
    const originalReference = 'ABCDEFGH12345678';
    expect(await read({ eventCode, merchantReference, success, originalReference })).toMatchObject({
      notification: { reference: merchantReference, paid: null, told },
    });
  });

  it.each([
    ['REFUND', reference],
    ['CANCELLATION', authorization],
    ['CAPTURE_FAILED', reference],
  ])(
    '%s that bears the payment’s reference says that its money is gone',
    async (eventCode, merchantReference) => {
      expect(
        await read({ eventCode, merchantReference, originalReference: 'ABCDEFGH12345678' }),
      ).toMatchObject({
        notification: {
          providerReference: psp,
          paid: { refundedMinor: 4900, providerReference: 'ABCDEFGH12345678' },
        },
      });
    },
  );

  it.each(['CHARGEBACK', 'SECOND_CHARGEBACK', 'REFUND_FAILED', 'EXPIRE'])(
    '%s claims nothing, and is looked at',
    async (eventCode) => {
      const parsed = await read({ eventCode });
      expect(parsed).toMatchObject({ kind: 'verified', notification: { paid: null } });
      expect(parsed.kind === 'verified' && parsed.notification).not.toHaveProperty('told');
    },
  );

  it.each([
    [{ eventCode: 'REPORT_AVAILABLE', merchantReference: '' }],
    [{ eventCode: 'NOTIFICATION_OF_FRAUD' }],
    [{ eventCode: 'CAPTURE' }],
    [{ merchantReference: 'an-order-of-somebody-else' }],
    [{ eventCode: 'AUTHORISATION', merchantReference: refund }],
    [{ eventCode: 'OFFER_CLOSED', success: 'false' }],
  ])('%j moves nothing of ours, and is not kept', async (changes) => {
    expect(await read(changes)).toMatchObject({ kind: 'ignored' });
  });
});

describe('the reply', () => {
  it('stops Adyen by its own word, or makes it send again', () => {
    expect(connector.notificationReply(true)).toMatchObject({ status: 200, body: '[accepted]' });
    expect(connector.notificationReply(false).status).toBe(401);
  });
});
