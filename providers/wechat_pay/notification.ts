import type { PaidEvidence } from '../../domain/outcome.js';
import type { NotificationRefusal, ParsedNotification, RawNotification } from '../connector.js';
import type { WechatPayClient } from './client.js';
import type { WechatPayCredential } from './credentials.js';
import { readPaid } from './mapping.js';
import { fenOf, forPeople, isRecord, parseReply, textOf, type Reply } from './reply.js';
import { openSealed } from './sealed-resource.js';
import { isFresh, isSignedBy, readSignature } from './signature.js';

const MAX_BODY_BYTES = 64 * 1024;
/** WeChat Pay itself sends a share of notifications with such a signature, to see whether it is verified. */
const PROBE_PREFIX = 'WECHATPAY/SIGNTEST/';

/**
 * WeChat Pay's notifications of payments and refunds (https://pay.weixin.qq.com/doc/v3/merchant/4012791882,
 * 2026-11): signed as a whole, with the resource sealed by the APIv3 key. Nothing of the body is read before its
 * signature holds.
 */
export async function parseNotification(
  client: WechatPayClient,
  { body, headers }: RawNotification,
  nowMs: number,
): Promise<ParsedNotification> {
  if (body.length > MAX_BODY_BYTES) return refused('malformed', 'the body is too long');
  const signature = readSignature(headers);
  if (!signature) return refused('malformed', 'a signature header is missing or not readable');
  if (signature.signature.startsWith(PROBE_PREFIX)) return refused('bad_signature', 'a signature probe');
  if (!isFresh(signature, nowMs)) return refused('stale', 'not signed within five minutes of now');
  const key = await client.keys.find(signature.serial);
  if (!key) return refused('bad_signature', 'signed under a serial that is not known for this merchant');
  if (!isSignedBy(signature, body, key)) return refused('bad_signature', "not WeChat Pay's signature");
  return readEvent(parseReply(body), client.credential);
}

function readEvent(event: Reply | undefined, credential: WechatPayCredential): ParsedNotification {
  const id = event && textOf(event, 'id');
  const type = event && textOf(event, 'event_type');
  if (!event || !id || !type) return refused('malformed', 'id or event_type is missing');
  const isPayment = type === 'TRANSACTION.SUCCESS';
  if (!isPayment && !/^REFUND\.\w+$/.test(type)) return ignored(`${type} ${id}`);
  const opened = openSealed(event['resource'], credential.apiV3Key);
  const resource = opened && parseReply(opened);
  if (!resource) return refused('malformed', 'the resource does not open with the account’s APIv3 key');
  if (resource['mchid'] !== credential.mchid) return refused('other_merchant', 'mchid is not the account’s');
  // A refund names no app.
  if (isPayment && resource['appid'] !== credential.appid)
    return refused('other_app', 'appid is not the account’s');
  return isPayment ? readPayment(id, type, resource) : readRefund(id, type, resource);
}

/** Our provider keys: 28 characters, of which the 26th tells the kind. */
function isOurNumber(text: string | undefined, kind: 's' | 'r'): text is string {
  return new RegExp(`^[0-9a-z]{25}${kind}[0-9a-z]{2}$`).test(text ?? '');
}

function readPayment(id: string, type: string, resource: Reply): ParsedNotification {
  const reference = textOf(resource, 'out_trade_no');
  if (!isOurNumber(reference, 's')) return ignored(`${type} of an order that is not ours`);
  const isPaid = resource['trade_state'] === 'SUCCESS';
  const says = `${type} ${textOf(resource, 'trade_state') ?? ''}`;
  return verified(id, reference, says, isPaid ? (readPaid(resource) ?? null) : null);
}

/**
 * News of a refund of ours is a reason to ask for it. One that somebody else ordered (in the merchant's console, say)
 * is told as a refund of the order, in the words in which the order's own money is told.
 */
function readRefund(id: string, type: string, resource: Reply): ParsedNotification {
  const refund = textOf(resource, 'out_refund_no');
  const order = textOf(resource, 'out_trade_no');
  const state = textOf(resource, 'refund_status') ?? '';
  if (!isOurNumber(order, 's')) return ignored(`${type} of an order that is not ours`);
  if (isOurNumber(refund, 'r')) return verified(id, refund, `${type} ${state}`, null);
  const paid = state === 'SUCCESS' ? refundedClaim(resource, order) : null;
  return verified(id, order, `${type} ${state}, not ordered here`, paid);
}

/** It names no currency: only orders in CNY are ours. */
function refundedClaim(resource: Reply, reference: string): PaidEvidence | null {
  const { amount } = resource;
  const merchant = textOf(resource, 'mchid');
  const providerReference = textOf(resource, 'transaction_id');
  if (!isRecord(amount) || !merchant || !providerReference) return null;
  const amountMinor = fenOf(amount, 'total');
  const refundedMinor = fenOf(amount, 'refund');
  if (amountMinor === undefined || refundedMinor === undefined || refundedMinor > amountMinor) return null;
  return {
    reference,
    merchant,
    amountMinor,
    currency: 'CNY',
    refundedMinor,
    providerReference,
    paidAtMs: null,
  };
}

function verified(
  id: string,
  reference: string,
  says: string,
  paid: PaidEvidence | null,
): ParsedNotification {
  const notification = {
    dedupeKey: forPeople(id, 255),
    reference,
    says: forPeople(says.trim(), 120),
    paid,
  };
  return { kind: 'verified', notification };
}

function ignored(says: string): ParsedNotification {
  return { kind: 'ignored', says: forPeople(says, 120) };
}

function refused(why: NotificationRefusal, detail: string): ParsedNotification {
  return { kind: 'refused', why, detail };
}
