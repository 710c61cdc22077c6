import { createHmac, timingSafeEqual } from 'node:crypto';
import type { PaidEvidence } from '../../domain/outcome.js';
import type { NotificationRefusal, ParsedNotification, RawNotification } from '../connector.js';
import { fromStripeAmount } from './amounts.js';
import type { StripeCredential } from './credentials.js';
import { CAPTURE_KEY, REFERENCE_KEY } from './intent.js';
import { forPeople, isRecord, recordOf, textOf, timeOf, type Reply } from './reply.js';

const MAX_BODY_BYTES = 256 * 1024;

/** Stripe signs anew at each attempt, so that an old signature is a replay (https://docs.stripe.com/webhooks, 2026-11). */
const TOLERANCE_MS = 300_000;

/**
 * Verified here and not by the SDK's constructEvent (23.1.0), which takes any time in the future, and reads the bytes
 * as text before it verifies them, so that a byte order mark or broken UTF-8 goes unnoticed.
 */
export function parseNotification(
  { body, headers }: Pick<RawNotification, 'body' | 'headers'>,
  credential: StripeCredential,
  nowMs: number,
): ParsedNotification {
  if (body.length > MAX_BODY_BYTES) return refused('malformed', 'the body is too long');
  const signature = readSignature(headers['stripe-signature']);
  if (!signature) return refused('bad_signature', 'there is no readable Stripe-Signature');
  if (!isSigned(body, signature, credential.webhookSecrets)) {
    return refused('bad_signature', 'no v1 signature fits the endpoint’s secret');
  }
  if (Math.abs(nowMs - signature.timestamp * 1000) > TOLERANCE_MS) {
    return refused('stale', 'signed more than five minutes away from now');
  }
  const event = parse(body);
  const id = event && textOf(event, 'id');
  const type = event && textOf(event, 'type');
  const object = recordOf(recordOf(event, 'data'), 'object');
  if (event?.['object'] !== 'event' || !id || !type || !object) {
    return refused('malformed', 'the body is not an event with an id, a type and an object');
  }
  if (event['livemode'] !== (credential.mode === 'live')) {
    return refused('other_merchant', 'the event is of the other mode');
  }
  // Named only in events about a connected account's doings.
  if ((event['account'] ?? credential.merchant) !== credential.merchant) {
    return refused('other_merchant', 'the event is about another account');
  }
  return readEvent({ event, id, type, object }, credential);
}

interface Event {
  readonly event: Reply;
  readonly id: string;
  readonly type: string;
  readonly object: Reply;
}

function readEvent(read: Event, credential: StripeCredential): ParsedNotification {
  const { id, type, object } = read;
  const reference = referenceOf(type, object);
  const says = forPeople([type, textOf(object, 'status')].filter((part) => part).join(', '), 120);
  if (reference === undefined || !/^[0-9a-z]{28}$/.test(reference)) return { kind: 'ignored', says };
  const paid = claimOf(read, reference, credential.merchant);
  return { kind: 'verified', notification: { dedupeKey: forPeople(id, 255), reference, says, paid } };
}

/**
 * Of a PaymentIntent, a refund, or a charge that gave money back; a charge's other events repeat its PaymentIntent's.
 * A captured PaymentIntent is news of its capture.
 */
function referenceOf(type: string, object: Reply): string | undefined {
  const metadata = recordOf(object, 'metadata') ?? {};
  const isCaptured = type === 'payment_intent.succeeded' && textOf(metadata, CAPTURE_KEY) !== undefined;
  switch (object['object']) {
    case 'payment_intent':
      return textOf(metadata, isCaptured ? CAPTURE_KEY : REFERENCE_KEY);
    case 'refund':
      return textOf(metadata, REFERENCE_KEY);
    case 'charge':
      return type === 'charge.refunded' ? textOf(metadata, REFERENCE_KEY) : undefined;
    default:
      return undefined;
  }
}

/** What cannot be read exactly claims nothing. */
function claimOf({ event, type, object }: Event, reference: string, merchant: string): PaidEvidence | null {
  const currency = (textOf(object, 'currency') ?? '').toUpperCase();
  const amountOf = (member: string) => fromStripeAmount(object[member], currency);
  const claim = (
    amountMinor: number | undefined,
    refundedMinor: number | undefined,
    providerReference: string | undefined,
  ): PaidEvidence | null => {
    if (!amountMinor || refundedMinor === undefined || refundedMinor > amountMinor || !providerReference) {
      return null;
    }
    const paidAtMs = timeOf(event, 'created') ?? null;
    return { reference, merchant, amountMinor, currency, refundedMinor, providerReference, paidAtMs };
  };
  const isManual = object['capture_method'] === 'manual';
  switch (type) {
    case 'payment_intent.succeeded':
      return isManual ? null : claim(amountOf('amount_received'), 0, textOf(object, 'id'));
    case 'payment_intent.amount_capturable_updated':
      return isManual ? claim(amountOf('amount_capturable'), 0, textOf(object, 'id')) : null;
    case 'charge.refunded': {
      // Of a charge captured in part, amount_refunded also counts what was let go.
      const [captured, held, back] = ['amount_captured', 'amount', 'amount_refunded'].map(amountOf);
      if (captured === undefined || held === undefined || back === undefined) return null;
      return claim(captured, Math.max(0, back - (held - captured)), textOf(object, 'payment_intent'));
    }
    default:
      return null;
  }
}

interface Signature {
  readonly timestamp: number;
  readonly timestampText: string;
  readonly candidates: readonly Buffer[];
}

const MAX_SIGNATURES = 20;

/** `t=1492774577,v1=5257…,v1=…,v0=…`: v0 is of test tools and proves nothing. */
function readSignature(header: string | string[] | undefined): Signature | undefined {
  if (typeof header !== 'string') return undefined;
  const parts = header.split(',').map((part) => part.trim());
  const times = parts.filter((part) => part.startsWith('t='));
  const [timestampText = ''] = times.map((part) => part.slice(2));
  if (times.length !== 1 || !/^\d{1,12}$/.test(timestampText)) return undefined;
  const candidates = parts
    .map((part) => /^v1=([0-9a-f]{64})$/.exec(part)?.[1])
    .filter((hex) => hex !== undefined)
    .map((hex) => Buffer.from(hex, 'hex'));
  if (candidates.length === 0 || candidates.length > MAX_SIGNATURES) return undefined;
  return { timestamp: Number(timestampText), timestampText, candidates };
}

/** Several while a secret is rotated: any of ours in any of Stripe's is enough. */
function isSigned(
  body: Buffer,
  { timestampText, candidates }: Signature,
  secrets: readonly string[],
): boolean {
  return secrets.some((secret) => {
    const expected = createHmac('sha256', secret).update(`${timestampText}.`).update(body).digest();
    return candidates.some((candidate) => timingSafeEqual(candidate, expected));
  });
}

function parse(body: Buffer): Reply | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
