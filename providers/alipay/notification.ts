import { fromMajorUnits } from '../../domain/money.js';
import type { PaidEvidence } from '../../domain/outcome.js';
import type { NotificationRefusal, ParsedNotification } from '../connector.js';
import { parseBeijingTime } from './beijing-time.js';
import type { AlipayCredential } from './credentials.js';
import { forPeople, readPaid, textOf, toTradeStatus } from './mapping.js';

type Fields = Readonly<Record<string, string>>;

export interface NotificationReading {
  readonly credential: AlipayCredential;
  readonly isSigned: (fields: Fields) => boolean;
  readonly nowMs: number;
}

const MAX_BODY_BYTES = 64 * 1024;
const MAX_FIELDS = 100;
const MAX_CLOCK_LEAD_MS = 3_600_000;

/**
 * Alipay's asynchronous notification (https://opendocs.alipay.com/open/194/103296, 2026-11): a form whose
 * decoded fields are signed. Nothing is said about its fields before its signature holds.
 */
export function parseNotification(body: Buffer, reading: NotificationReading): ParsedNotification {
  const fields = readForm(body);
  if (typeof fields === 'string') return refused('malformed', fields);
  if (!reading.isSigned(fields))
    return refused('bad_signature', "not signed with RSA2 by Alipay's key for this app");
  if (fields['app_id'] !== reading.credential.appId)
    return refused('other_app', 'app_id is not the account’s');
  if (fields['seller_id'] !== reading.credential.sellerId) {
    return refused('other_merchant', 'seller_id is not the account’s');
  }
  const reference = textOf(fields, 'out_trade_no');
  const notifyId = textOf(fields, 'notify_id');
  const status = textOf(fields, 'trade_status');
  const notifiedAtMs = parseBeijingTime(fields['notify_time'] ?? '');
  if (!reference || !notifyId || !status || notifiedAtMs === undefined) {
    return refused('malformed', 'out_trade_no, notify_id, notify_time or trade_status is missing');
  }
  // An old notification is not a stale one: Alipay goes on sending for 25 hours, and a replay is stored only
  // once, by its key. A time that has not come yet, though, no honest sender has.
  if (notifiedAtMs > reading.nowMs + MAX_CLOCK_LEAD_MS)
    return refused('stale', 'notify_time lies in the future');
  return {
    kind: 'verified',
    notification: {
      dedupeKey: dedupeKey(fields, notifyId, status),
      reference,
      says: whatItSays(fields, status),
      paid: claimOf(fields),
    },
  };
}

/**
 * notify_id stays the same when a notification is sent again. The state and the refund stand beside it so that,
 * should Alipay ever use one id for two states, the second is not taken for a repetition.
 */
function dedupeKey(fields: Fields, notifyId: string, status: string): string {
  const refund = [fields['out_biz_no'], fields['refund_fee']].filter((part) => !!part);
  return forPeople([notifyId, status, ...refund].join('/'), 255);
}

function whatItSays(fields: Fields, status: string): string {
  if (!tellsRefund(fields)) return forPeople(status, 120);
  return forPeople(`${status}, refunded ${fields['refund_fee'] ?? 'an unnamed amount'}`, 120);
}

/**
 * A refund is told in the words of the payment: TRADE_SUCCESS again after a partial one, TRADE_CLOSED after the
 * last, with refund_fee, the sum of all refunds so far. What cannot be read exactly claims nothing.
 */
function claimOf(fields: Fields): PaidEvidence | null {
  const status = toTradeStatus(fields['trade_status']);
  switch (status) {
    case 'TRADE_SUCCESS':
    case 'TRADE_FINISHED':
      return tellsRefund(fields) ? refundedClaim(fields) : claim(fields);
    case 'TRADE_CLOSED':
      return tellsRefund(fields) ? refundedClaim(fields) : null;
    case 'WAIT_BUYER_PAY':
    case undefined:
      return null;
  }
}

function tellsRefund(fields: Fields): boolean {
  return ['refund_fee', 'gmt_refund', 'out_biz_no'].some((name) => !!fields[name]);
}

function claim(fields: Fields): PaidEvidence | null {
  return readPaid(fields, fields['seller_id'] ?? '', 'gmt_payment') ?? null;
}

function refundedClaim(fields: Fields): PaidEvidence | null {
  const paid = claim(fields);
  const refundedMinor = paid && fromMajorUnits(fields['refund_fee'] ?? '', paid.currency);
  if (!paid || !refundedMinor || refundedMinor > paid.amountMinor) return null;
  return { ...paid, refundedMinor };
}

/**
 * The form's fields, or why there are none. The signature covers `name=value` joined by `&`, decoded: a value
 * with `&name=` in it could be cut into other fields, and fields glued into such a value, under the same signature.
 * Nothing we send has an `&` (see `subjectOf` in index.ts), so such a value is refused.
 */
export function readForm(body: Buffer): Fields | string {
  if (body.length > MAX_BODY_BYTES) return 'the body is too long';
  const fields = new Map<string, string>();
  let pairs: string[];
  try {
    pairs = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body).split('&');
    if (pairs.length > MAX_FIELDS) return 'the form has too many fields';
    for (const pair of pairs) {
      const equals = pair.indexOf('=');
      const name = decodeField(pair.slice(0, Math.max(equals, 0)));
      const value = decodeField(pair.slice(equals + 1));
      if (!/^\w+$/.test(name)) return 'the body is not a form';
      if (fields.has(name)) return 'the form has a field twice';
      if (/&\w+=/.test(value)) return 'a value could be read as two fields';
      fields.set(name, value);
    }
  } catch {
    return 'the body is not a form in UTF-8';
  }
  return Object.fromEntries(fields);
}

function decodeField(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
