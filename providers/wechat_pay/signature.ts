import { verify, type KeyObject } from 'node:crypto';

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The four headers under which WeChat Pay signs its replies and its notifications. */
export interface Signature {
  readonly timestamp: string;
  readonly nonce: string;
  /** Of the platform's certificate (hex), or the id of its public key (`PUB_KEY_ID_…`). */
  readonly serial: string;
  readonly signature: string;
}

const MAX_CLOCK_OFFSET_MS = 300_000;

/** Undefined where a header is missing, doubled or cannot be what it should be. */
export function readSignature(headers: Headers): Signature | undefined {
  const [timestamp, nonce, serial, signature] = ['timestamp', 'nonce', 'serial', 'signature'].map((name) => {
    const value = headers[`wechatpay-${name}`];
    return typeof value === 'string' && value.length <= 1024 ? value : '';
  });
  if (!timestamp || !nonce || !serial || !signature || !/^\d{1,11}$/.test(timestamp)) return undefined;
  return { timestamp, nonce, serial, signature };
}

/** WeChat Pay signs anew whenever it sends, so that only a replayed message is old. */
export function isFresh({ timestamp }: Signature, nowMs: number): boolean {
  return Math.abs(nowMs - Number(timestamp) * 1000) <= MAX_CLOCK_OFFSET_MS;
}

/** Over the body's very bytes; never throws. */
export function isSignedBy(
  { timestamp, nonce, signature }: Signature,
  body: Buffer,
  key: KeyObject,
): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.toString('base64') !== signature) return false;
  const signed = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);
  return verify('sha256', signed, key, bytes);
}
