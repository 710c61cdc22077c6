import { deliver, type DeliveryAnswer } from '../notification-queue.js';
import type { Falsehood } from './faults.js';
import { lieAbout } from './falsehoods.js';
import { seal, signatureHeaders, type Merchant, type Platform } from './platform.js';
import { formatTime } from './resources.js';

export interface News {
  readonly id: string;
  readonly mchid: string;
  /** The order's number, or the refund's. */
  readonly reference: string;
  readonly url: string;
  readonly eventType: string;
  readonly resource: Record<string, unknown>;
}

/** `probe` is WeChat Pay's own test of whether anybody verifies; `tampered` is a thief's change after signing. */
export type Lie = Falsehood | 'probe' | 'tampered';

export interface Message {
  readonly body: string;
  readonly headers: Record<string, string>;
}

const answerTimeoutMs = 5_000;
const staleMs = 6 * 60_000;

/** Sealed and signed as WeChat Pay does now, or with the lie in it. */
export function composeMessage(news: News, platform: Platform, lie?: Lie): Message {
  const merchant = platform.merchants.get(news.mchid);
  if (!merchant) throw new Error(`there is no merchant ${news.mchid}`);
  const body = bodyOf(news, merchant, platform, lie);
  const by = merchant.signedBy;
  const signing = lie === 'bad_signature' ? platform.forging(by) : platform.signing(by);
  const serial = lie === 'unknown_serial' ? 'ABCDEF0123456789' : signing.serial;
  const signed = lie === 'tampered' ? body.replace('EV-', 'EW-') : body;
  const atMs = Date.now() - (lie === 'stale_clock' ? staleMs : 0);
  const headers = lie === 'no_signature' ? {} : signatureHeaders(signed, { ...signing, serial }, atMs);
  const signature = headers['Wechatpay-Signature'];
  const probe = lie === 'probe' ? { 'Wechatpay-Signature': `WECHATPAY/SIGNTEST/${signature ?? ''}` } : {};
  return { body, headers: { ...headers, ...probe } };
}

function bodyOf(news: News, merchant: Merchant, platform: Platform, lie: Lie | undefined): string {
  const isLie = lie !== undefined && lie !== 'probe' && lie !== 'tampered';
  const resource = isLie ? lieAbout(lie, news.resource, platform.otherThan(merchant)) : news.resource;
  const kind = news.eventType.startsWith('REFUND') ? 'refund' : 'transaction';
  return JSON.stringify({
    id: news.id,
    create_time: formatTime(Date.now()),
    resource_type: 'encrypt-resource',
    event_type: news.eventType,
    summary: kind === 'refund' ? '退款' : '支付成功',
    resource: { original_type: kind, ...seal(JSON.stringify(resource), kind, merchant.apiV3Key) },
  });
}

export function postMessage(url: string, { body, headers }: Message): Promise<DeliveryAnswer> {
  const all = { 'content-type': 'application/json', 'user-agent': 'Mozilla/4.0', ...headers };
  return deliver(url, { headers: all, body }, answerTimeoutMs);
}
