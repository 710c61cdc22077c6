import { verify } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { PaidEvidence } from '../../domain/outcome.js';
import type { NotificationRefusal, ParsedNotification, RawNotification } from '../connector.js';
import { parseObject } from './access-token.js';
import type { PaypalClient } from './client.js';
import { isOrderId, readCapture } from './order.js';
import { forPeople, parseTime, recordOf, textOf, type Reply } from './reply.js';
import { claimOfReturn, kindOf, orderOf, whatItIsAbout } from './whose-event.js';

const MAX_BODY_BYTES = 256 * 1024;
/** PayPal sends for three days, and whether under its first time is not documented. Each event is stored only once. */
const OLDEST_MS = 4 * 24 * 3_600_000;
const CLOCK_MARGIN_MS = 300_000;

/**
 * RSA-SHA256 over `transmission id|time|webhook id|CRC32 of the raw body`, by a certificate of PayPal's
 * (https://developer.paypal.com/api/rest/webhooks/rest/, read 2026-11). The webhook's id is the account's own, so that
 * an event of another account does not fit.
 */
export async function parseNotification(
  { body, headers }: Pick<RawNotification, 'body' | 'headers'>,
  client: PaypalClient,
): Promise<ParsedNotification> {
  if (body.length > MAX_BODY_BYTES) return refused('malformed', 'the body is too long');
  const signature = readSignature(headers);
  if (!signature) return refused('bad_signature', 'the headers of a signature are missing or unreadable');
  const sentAtMs = parseTime(signature.time);
  const nowMs = client.now();
  if (sentAtMs === undefined) return refused('malformed', 'the time of the transmission is unreadable');
  if (sentAtMs < nowMs - OLDEST_MS || sentAtMs > nowMs + CLOCK_MARGIN_MS) {
    return refused('stale', 'sent more than four days ago, or in the future');
  }
  const certificate = await client.certificates.get(signature.certificateUrl);
  if (typeof certificate === 'string') return refused('bad_signature', certificate);
  const message = `${signature.id}|${signature.time}|${client.credential.webhookId}|${crc32(body)}`;
  if (!verify('sha256', Buffer.from(message), certificate.publicKey, signature.bytes)) {
    return refused('bad_signature', 'the signature fits neither the body nor this webhook');
  }
  client.certificates.proved(signature.certificateUrl);
  const event = parseObject(body);
  const id = textOf(event, 'id');
  const type = textOf(event, 'event_type');
  const resource = recordOf(event, 'resource');
  if (!id || !type || !resource) {
    return refused('malformed', 'the body is not an event with an id, a type and a resource');
  }
  return readEvent({ id, type, resource }, client);
}

interface Signature {
  readonly id: string;
  readonly time: string;
  readonly certificateUrl: string;
  readonly bytes: Buffer;
}

function readSignature(headers: RawNotification['headers']): Signature | undefined {
  const header = (name: string): string => {
    const value = headers[name];
    return typeof value === 'string' ? value : '';
  };
  const id = header('paypal-transmission-id');
  const time = header('paypal-transmission-time');
  const text = header('paypal-transmission-sig');
  const isReadable =
    /^[\w-]{1,100}$/.test(id) && /^[A-Za-z0-9+/]{100,2000}={0,2}$/.test(text) && time.length < 50;
  if (!isReadable || header('paypal-auth-algo') !== 'SHA256withRSA') return undefined;
  return { id, time, certificateUrl: header('paypal-cert-url'), bytes: Buffer.from(text, 'base64') };
}

interface Event {
  readonly id: string;
  readonly type: string;
  readonly resource: Reply;
}

async function readEvent({ id, type, resource }: Event, client: PaypalClient): Promise<ParsedNotification> {
  const says = forPeople([type, textOf(resource, 'status')].filter((part) => part).join(', '), 120);
  const about = await whatItIsAbout(type, resource, client);
  switch (about.kind) {
    case 'nothing_of_ours':
      return { kind: 'ignored', says };
    case 'not_told':
      return { kind: 'unanswered', says };
    case 'operation': {
      const { reference } = about;
      const { merchantId } = client.credential;
      const paid =
        type === 'PAYMENT.CAPTURE.COMPLETED'
          ? claimOf(resource, reference, merchantId)
          : claimOfReturn(type, resource, about, merchantId);
      return { kind: 'verified', notification: { dedupeKey: forPeople(id, 255), reference, says, paid } };
    }
  }
}

/** Of a sale, whose letter is in its reference; what cannot be read exactly claims nothing. */
function claimOf(resource: Reply, reference: string, merchant: string): PaidEvidence | null {
  const order = orderOf(resource);
  const capture = readCapture(resource);
  if (kindOf(reference) !== 's' || capture?.state !== 'COMPLETED' || !order || !isOrderId(order)) return null;
  const { amountMinor, currency, madeAtMs } = capture;
  const paidAtMs = madeAtMs ?? null;
  return { reference, merchant, amountMinor, currency, refundedMinor: 0, providerReference: order, paidAtMs };
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
