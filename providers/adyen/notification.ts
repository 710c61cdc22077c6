import type { PaidEvidence, Told } from '../../domain/outcome.js';
import type {
  NotificationRefusal,
  ParsedNotification,
  RawNotification,
  VerifiedNotification,
} from '../connector.js';
import { fromAdyenAmount } from './amounts.js';
import type { AdyenCredential } from './credentials.js';
import { errorOf, forPeople, parseJson, textOf, type Reply } from './reply.js';
import { readItem, type WebhookItem } from './webhook-item.js';

const MAX_BODY_BYTES = 256 * 1024;
const MAX_ITEMS = 20;

/**
 * One item in each webhook, as Adyen documents for JSON; should there be more, all of them or none are taken. An item
 * has neither an id nor a time that is signed: what tells a repetition is Adyen's number, the event and its success,
 * and an old one that is played back is one that was stored already.
 */
export function parseNotification(
  { body }: Pick<RawNotification, 'body'>,
  credential: AdyenCredential,
): ParsedNotification {
  if (body.length > MAX_BODY_BYTES) return refused('malformed', 'the body is too long');
  const webhook = parseJson(body);
  const wrappers: unknown = webhook?.['notificationItems'];
  if (!webhook || !Array.isArray(wrappers) || wrappers.length === 0 || wrappers.length > MAX_ITEMS) {
    return refused('malformed', 'the body has no items');
  }
  if (webhook['live'] !== String(credential.mode === 'live')) {
    return refused('other_merchant', 'the webhook is of the other mode');
  }
  const notifications: VerifiedNotification[] = [];
  const ignored: string[] = [];
  for (const wrapper of wrappers as unknown[]) {
    const value = (wrapper as Reply | null)?.['NotificationRequestItem'];
    const read = readItem(value, credential.hmacKeys);
    if (read.kind !== 'item') return refused(read.kind, read.detail);
    if (read.item.merchantAccountCode !== credential.merchantAccount) {
      return refused('other_merchant', 'the webhook is about another merchant account');
    }
    const notification = readEvent(read.item, read.unsigned);
    if (notification) notifications.push(notification);
    else ignored.push(saysOf(read.item));
  }
  const [first, ...others] = notifications;
  if (!first) return { kind: 'ignored', says: forPeople(ignored.join('; '), 200) };
  return { kind: 'verified', notification: first, ...(others.length > 0 ? { others } : {}) };
}

function saysOf({ eventCode, isSuccess }: WebhookItem): string {
  return forPeople(`${eventCode}, success ${isSuccess}`, 120);
}

/** Undefined for what is about no operation of ours, or moves nothing of it. */
function readEvent(item: WebhookItem, unsigned: Reply): VerifiedNotification | undefined {
  const letter = /^[0-9a-z]{25}([a-z])[0-9a-z]{2}$/.exec(item.merchantReference)?.[1];
  const meaning = letter === undefined ? undefined : meaningOf(item, unsigned, letter);
  if (!meaning) return undefined;
  return {
    dedupeKey: `${item.pspReference}/${item.eventCode}/${item.isSuccess}`,
    reference: item.merchantReference,
    providerReference: item.pspReference,
    says: saysOf(item),
    ...meaning,
  };
}

interface Meaning {
  readonly paid: PaidEvidence | null;
  readonly told?: Told;
}

/** Why a person should look: money of a payment moved in a way that its operation does not know. */
const toLookAt: Meaning = { paid: null };

/**
 * https://docs.adyen.com/development-resources/webhooks/webhook-types, read 2026-11. `letter` is the kind in our own
 * reference: which of them a webhook about a change bears, the payment's or the change's, Adyen does not say clearly,
 * so both are read.
 */
function meaningOf(item: WebhookItem, unsigned: Reply, letter: string): Meaning | undefined {
  const { eventCode, isSuccess } = item;
  const isPayment = letter === 'a' || letter === 's';
  switch (eventCode) {
    case 'AUTHORISATION':
      if (!isPayment) return undefined;
      return isSuccess ? { paid: paidOf(item, 0) } : { paid: null, told: failed(item, unsigned) };
    case 'OFFER_CLOSED':
      return isPayment && isSuccess ? { paid: null, told: { kind: 'closed' } } : undefined;
    case 'CAPTURE':
      // A sale is captured by itself, and was told as paid when it was authorised.
      return letter === 's' && isSuccess ? undefined : changed(item, unsigned, isPayment && !isSuccess);
    case 'CAPTURE_FAILED':
      return isPayment ? { paid: paidOf(item, item.value) } : { paid: null, told: failed(item, unsigned) };
    case 'CANCELLATION':
    case 'TECHNICAL_CANCEL':
    case 'REFUND':
    case 'CANCEL_OR_REFUND':
      return changed(item, unsigned, isPayment && isSuccess);
    case 'REFUND_FAILED':
    case 'REFUNDED_REVERSED':
      return isPayment ? toLookAt : { paid: null, told: failed(item, unsigned) };
    case 'CHARGEBACK':
    case 'SECOND_CHARGEBACK':
    case 'CHARGEBACK_REVERSED':
    case 'EXPIRE':
      return isPayment ? toLookAt : undefined;
    default:
      return undefined;
  }
}

/** The end of a capture, a void or a refund; `isReturn`: seen from its payment, that money is not with us any more. */
function changed(item: WebhookItem, unsigned: Reply, isReturn: boolean): Meaning {
  const moved = movedOf(item);
  const told = item.isSuccess ? moved : failed(item, unsigned);
  return { paid: isReturn ? paidOf(item, item.value) : null, ...(told ? { told } : {}) };
}

/** What cannot be read exactly claims nothing. */
function paidOf(item: WebhookItem, refundedValue: number): PaidEvidence | null {
  const { currency, merchantReference: reference, merchantAccountCode: merchant } = item;
  const amountMinor = fromAdyenAmount(item.value, currency);
  const refundedMinor = fromAdyenAmount(refundedValue, currency);
  if (!amountMinor || refundedMinor === undefined) return null;
  const providerReference = item.originalReference === '' ? item.pspReference : item.originalReference;
  return { reference, merchant, amountMinor, currency, refundedMinor, providerReference, paidAtMs: null };
}

function movedOf(item: WebhookItem): Told | undefined {
  const { currency, merchantReference: reference, pspReference: providerReference } = item;
  const amountMinor = fromAdyenAmount(item.value, currency);
  if (!amountMinor) return undefined;
  return {
    kind: 'succeeded',
    moved: { reference, amountMinor, currency, providerReference, movedAtMs: null },
  };
}

/** That it failed is signed; why is not, and is kept for people alone. */
function failed(item: WebhookItem, unsigned: Reply): Told {
  const error = errorOf(`${item.eventCode.toLowerCase()}_failed`, textOf(unsigned, 'reason') ?? '');
  return { kind: 'failed', reason: 'declined', error, providerReference: item.pspReference };
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
