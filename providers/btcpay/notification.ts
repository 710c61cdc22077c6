import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { NotificationRefusal, ParsedNotification } from '../connector.js';
import type { BtcpayCredential } from './credentials.js';
import { forPeople, parseJson } from './replies.js';

export interface NotificationReading {
  readonly credential: BtcpayCredential;
  readonly nowMs: number;
}

const MAX_BODY_BYTES = 64 * 1024;
const MAX_CLOCK_LEAD_MS = 3_600_000;

const deliveryId = z.string().regex(/^[\w-]{1,100}$/);
const eventSchema = z.object({
  deliveryId,
  originalDeliveryId: deliveryId.nullish(),
  isRedelivery: z.boolean(),
  type: z.string().regex(/^\w{1,60}$/),
  /** Of the event; a redelivery keeps it. */
  timestamp: z.int().positive(),
  storeId: z.string(),
});
type Event = z.infer<typeof eventSchema>;

/** The events of an invoice that can change what we know of it; InvoiceCreated tells us what we did ourselves. */
const invoiceEventSchema = z.object({
  invoiceId: z.string(),
  metadata: z.object({ orderId: z.string().regex(/^[0-9a-z]{28}$/) }),
  manuallyMarked: z.boolean().optional(),
  overPaid: z.boolean().optional(),
  partiallyPaid: z.boolean().optional(),
  afterExpiration: z.boolean().optional(),
});
const flags = ['manuallyMarked', 'overPaid', 'partiallyPaid', 'afterExpiration'] as const;

/**
 * A webhook of the merchant's BTCPay Server (WebhookSender and WebhookInvoiceEvent of btcpayserver 2.x, read
 * 2026-11). The merchant hosts that server and holds its secret: it may sign what it likes. So no event is taken for
 * a payment, whatever it says, and its amounts are coins without a rate anyway: each is a reason to ask.
 */
export function parseNotification(
  body: Buffer,
  signature: string | string[] | undefined,
  { credential, nowMs }: NotificationReading,
): ParsedNotification {
  if (body.length > MAX_BODY_BYTES) return refused('malformed', 'the body is too long');
  if (!isSigned(body, signature, credential.webhookSecret)) {
    return refused('bad_signature', "BTCPay-Sig is not the body's HMAC under the webhook's secret");
  }
  const said = parseJson(body);
  const event = eventSchema.safeParse(said);
  if (!event.success) return refused('malformed', 'deliveryId, type, timestamp or storeId is missing');
  if (event.data.storeId !== credential.storeId) {
    return refused('other_merchant', 'storeId is not the account’s');
  }
  // An old one is not stale: an operator can redeliver at any time, it is stored once by its key, and it proves
  // nothing. A time that has not come yet, though, no honest server has.
  if (event.data.timestamp * 1000 > nowMs + MAX_CLOCK_LEAD_MS) {
    return refused('stale', 'timestamp lies in the future');
  }
  const key = dedupeKeyOf(event.data);
  if (key === undefined) return refused('malformed', 'a redelivery does not name the original delivery');
  return readInvoiceEvent(said, event.data.type, key);
}

function readInvoiceEvent(said: unknown, type: string, dedupeKey: string): ParsedNotification {
  if (type === 'InvoiceCreated' || !type.startsWith('Invoice')) return { kind: 'ignored', says: type };
  const event = invoiceEventSchema.safeParse(said);
  // The server's own test of a webhook, or an invoice that somebody else made in the same store.
  if (!event.success) return { kind: 'ignored', says: `${type} of no order of ours` };
  const { invoiceId, metadata } = event.data;
  const told = flags.filter((flag) => event.data[flag] === true);
  const says = forPeople([type, ...told, `of ${invoiceId}`].join(' '), 120);
  return { kind: 'verified', notification: { dedupeKey, reference: metadata.orderId, says, paid: null } };
}

/**
 * Each redelivery has a deliveryId of its own, and the first one's as originalDeliveryId. Unique in one server, and
 * so in one account; another merchant's server may use the same.
 */
function dedupeKeyOf({ isRedelivery, deliveryId: id, originalDeliveryId }: Event): string | undefined {
  return isRedelivery ? (originalDeliveryId ?? undefined) : id;
}

function isSigned(body: Buffer, signature: string | string[] | undefined, secret: string): boolean {
  if (typeof signature !== 'string') return false;
  const match = /^sha256=([0-9a-f]{64})$/i.exec(signature);
  if (!match?.[1]) return false;
  const expected = createHmac('sha256', Buffer.from(secret, 'utf8')).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(match[1], 'hex'));
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
