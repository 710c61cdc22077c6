import { verify } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { PaidEvidence } from '../../domain/outcome.js';
import type { NotificationRefusal, ParsedNotification, RawNotification } from '../connector.js';
import { parseObject } from './access-token.js';
import type { PaypalClient } from './client.js';
import { isOrderId, readCapture } from './order.js';
import { forPeople, parseTime, recordOf, recordsOf, textOf, type Reply } from './reply.js';

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
      const isClaim = type === 'PAYMENT.CAPTURE.COMPLETED';
      const paid = isClaim ? claimOf(resource, reference, client.credential.merchantId) : null;
      return { kind: 'verified', notification: { dedupeKey: forPeople(id, 255), reference, says, paid } };
    }
  }
}

type About =
  | { readonly kind: 'operation'; readonly reference: string }
  | { readonly kind: 'nothing_of_ours' }
  /** PayPal did not say: the event is to come again. */
  | { readonly kind: 'not_told' };

/**
 * A refund that was made in PayPal's own pages bears no reference of ours, or that of the authorization whose capture
 * it gives back. Only its link says which capture that is, and the capture says whose it is.
 */
async function whatItIsAbout(type: string, resource: Reply, client: PaypalClient): Promise<About> {
  const named = referenceOf(type, resource);
  const isSettled = named !== undefined && named[KIND_AT] !== 'a';
  const captureId = isSettled ? undefined : refundedCapture(resource);
  if (captureId !== undefined) return ownerOf(captureId, named, client);
  return named === undefined ? { kind: 'nothing_of_ours' } : { kind: 'operation', reference: named };
}

async function ownerOf(captureId: string, named: string | undefined, client: PaypalClient): Promise<About> {
  const answer = await client.ask((sdk) => sdk.payments.getCapturedPayment({ captureId }));
  // Genuine, and of money that PayPal does not show us: kept for a person, as what fits no operation is.
  if (answer.kind === 'refused' && answer.status === 404) {
    return { kind: 'operation', reference: named ?? captureId };
  }
  if (answer.kind !== 'reply' || textOf(answer.reply, 'id') !== captureId) return { kind: 'not_told' };
  const reference = ownReference(answer.reply) ?? named;
  return reference === undefined ? { kind: 'nothing_of_ours' } : { kind: 'operation', reference };
}

/** Of our references, the letter that tells what kind of operation it is (payment model, rule 6). */
const KIND_AT = 25;

/** The id alone: whoever wrote the event does not choose whom we ask. */
function refundedCapture(resource: Reply): string | undefined {
  const links = recordsOf(resource, 'links') ?? [];
  const up = textOf(
    links.find(({ rel }) => rel === 'up'),
    'href',
  );
  return /\/v2\/payments\/captures\/([A-Z0-9]{8,36})$/.exec(up ?? '')?.[1];
}

/** The order's reference, or the capture's or refund's own, where it was ours to give. */
function referenceOf(type: string, resource: Reply): string | undefined {
  if (!type.startsWith('CHECKOUT.')) return ownReference(resource);
  const [unit] = recordsOf(resource, 'purchase_units') ?? [];
  return [textOf(unit, 'custom_id')].find(isOurs);
}

/** A capture of an authorization bears its own as `invoice_id`, and the authorization's as `custom_id`. */
function ownReference(payment: Reply): string | undefined {
  return [textOf(payment, 'invoice_id'), textOf(payment, 'custom_id')].find(isOurs);
}

function isOurs(reference: string | undefined): reference is string {
  return reference !== undefined && /^[0-9a-z]{28}$/.test(reference);
}

/** Of a sale, whose letter is in its reference; what cannot be read exactly claims nothing. */
function claimOf(resource: Reply, reference: string, merchant: string): PaidEvidence | null {
  const order = textOf(recordOf(recordOf(resource, 'supplementary_data'), 'related_ids'), 'order_id');
  const capture = readCapture(resource);
  if (reference[KIND_AT] !== 's' || capture?.state !== 'COMPLETED' || !order || !isOrderId(order))
    return null;
  const { amountMinor, currency, madeAtMs } = capture;
  const paidAtMs = madeAtMs ?? null;
  return { reference, merchant, amountMinor, currency, refundedMinor: 0, providerReference: order, paidAtMs };
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
