import type {
  NotificationRefusal,
  ParsedNotification,
  ParsedReturn,
  RawNotification,
  RawReturn,
} from '../connector.js';
import type { UnionPayClient } from './client.js';
import { meaningOf } from './codes.js';
import { readPaid, txnTypeOf } from './mapping.js';
import { forPeople, isSigned, readForm, type Fields } from './message.js';

const MAX_BODY_BYTES = 64 * 1024;

/**
 * UnionPay's back notification: a form, signed as its replies are. Nothing of it is read before its signature holds.
 * It has no number of its own, and no time of sending: it is kept once by what it is about and what it says.
 */
export function parseNotification(
  client: UnionPayClient,
  { body }: Pick<RawNotification, 'body'>,
): ParsedNotification {
  if (body.length > MAX_BODY_BYTES) return refused('malformed', 'the body is too long');
  const fields = readForm(body);
  if (typeof fields === 'string') return refused('malformed', fields);
  if (!isSigned(fields, client.signers)) return refused('bad_signature', 'not signed by UnionPay');
  if (fields['merId'] !== client.credential.merId) {
    return refused('other_merchant', 'merId is not the account’s');
  }
  const { orderId, txnType, respCode } = fields;
  if (!orderId || !txnType || !respCode) {
    return refused('malformed', 'orderId, txnType or respCode is missing');
  }
  return {
    kind: 'verified',
    notification: {
      dedupeKey: forPeople([orderId, txnType, respCode, fields['queryId'] ?? ''].join('/'), 255),
      reference: orderId,
      says: forPeople(`${txnType} ${respCode} ${fields['respMsg'] ?? ''}`.trim(), 120),
      paid: claimOf(fields, txnType, respCode),
    },
  };
}

/**
 * The front notification: the same message, carried by the payer's browser. UnionPay's own words are that it is no
 * proof of success, so that it claims nothing and is only a reason to ask; it has a key of its own, so that the back
 * notification is still news. Who goes back without paying comes by GET, and brings nothing.
 */
export function parseReturn(client: UnionPayClient, raw: RawReturn): ParsedReturn {
  if (raw.method === 'GET' || raw.body.length === 0) return { kind: 'nothing' };
  const parsed = parseNotification(client, raw);
  if (parsed.kind === 'refused') return parsed;
  if (parsed.kind !== 'verified') return { kind: 'nothing' };
  const { notification } = parsed;
  const dedupeKey = forPeople(`front/${notification.dedupeKey}`, 255);
  const says = forPeople(`front ${notification.says}`, 120);
  return { kind: 'notification', notification: { ...notification, dedupeKey, says, paid: null } };
}

/** Only a sale's success claims a payment. An authorization, a capture, a void, a refund: a reason to ask. */
function claimOf(fields: Fields, txnType: string, respCode: string) {
  const isPaid = txnType === txnTypeOf('sale') && meaningOf(respCode).kind === 'success';
  return isPaid ? (readPaid(fields) ?? null) : null;
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
