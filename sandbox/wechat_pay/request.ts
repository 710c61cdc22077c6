import { createHash, verify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { readBody } from '../read-body.js';
import type { Merchant } from './platform.js';

/** What WeChat Pay answers instead of a result. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export interface RawRequest {
  readonly method: string;
  /** As it was sent, query string included: it is signed so. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface VerifiedCall {
  readonly merchant: Merchant;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly content: Readonly<Record<string, unknown>>;
  /** The platform key under which the caller wants its reply signed. */
  readonly wantedSerial: string | undefined;
}

export type CheckedCall =
  | { readonly kind: 'verified'; readonly call: VerifiedCall }
  /** `merchant` is known where the signature was right: the refusal is then signed too. */
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly merchant?: Merchant };

const clockToleranceMs = 5 * 60_000;
const bodyLimitBytes = 256 * 1024;
const scheme = 'WECHATPAY2-SHA256-RSA2048';

export async function readRequest(request: IncomingMessage): Promise<RawRequest> {
  const { method = '', url: target = '', headers } = request;
  return { method, target, headers, body: await readBody(request, bodyLimitBytes) };
}

/** Nonces that were used within the time in which their signature would still be taken. */
export class NonceBook {
  readonly #seen = new Map<string, number>();

  /** False for one that was there already. */
  take(mchid: string, nonce: string, nowMs: number): boolean {
    for (const [key, atMs] of this.#seen) {
      if (nowMs - atMs <= 2 * clockToleranceMs) break;
      this.#seen.delete(key);
    }
    const key = `${mchid} ${nonce}`;
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, nowMs);
    return true;
  }
}

/** Everything that is checked before an operation runs: headers, identity, clock, signature, form. */
export function checkRequest(
  raw: RawRequest,
  merchants: ReadonlyMap<string, Merchant>,
  nonces: NonceBook,
  nowMs: number,
): CheckedCall {
  const { headers } = raw;
  // The official Go SDK sends the second.
  if (!headers['user-agent'] || !/application\/json|\*\/\*/.test(headers.accept ?? '')) {
    return refuse(400, 'PARAM_ERROR', 'Http头缺少Accept或User-Agent');
  }
  const said = readAuthorization(headers.authorization);
  if (!said) return signError('Http头Authorization不合法');
  const merchant = merchants.get(said.mchid);
  if (merchant?.serial !== said.serial) return signError('商户证书序列号有误');
  if (Math.abs(nowMs - Number(said.timestamp) * 1000) > clockToleranceMs) {
    return signError('Http头Authorization值中的timestamp与发起请求的时间不得超过5分钟');
  }
  const text = `${raw.method}\n${raw.target}\n${said.timestamp}\n${said.nonce}\n`;
  const signed = Buffer.concat([Buffer.from(text), raw.body, Buffer.from('\n')]);
  if (!verify('sha256', signed, merchant.publicKey, Buffer.from(said.signature, 'base64'))) {
    return signError('错误的签名，验签失败');
  }
  if (!nonces.take(said.mchid, said.nonce, nowMs)) return signError('请求随机串重复');
  const content = readContent(raw);
  if (!content) return refuse(400, 'PARAM_ERROR', '请求包体不是合法的JSON', merchant);
  const { pathname: path, searchParams: query } = new URL(raw.target, 'http://wechat-pay');
  const serial = headers['wechatpay-serial'];
  const wantedSerial = typeof serial === 'string' ? serial : undefined;
  return { kind: 'verified', call: { merchant, method: raw.method, path, query, content, wantedSerial } };
}

function readAuthorization(header: string | undefined) {
  const match = /^(\S+)\s+(.+)$/.exec(header ?? '');
  if (match?.[1] !== scheme) return undefined;
  const said = new Map<string, string>();
  for (const part of (match[2] ?? '').split(',')) {
    const [, name, value] = /^\s*(\w+)="([^"]*)"\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined || said.has(name)) return undefined;
    said.set(name, value);
  }
  const [mchid, serial, timestamp, nonce, signature] = [
    'mchid',
    'serial_no',
    'timestamp',
    'nonce_str',
    'signature',
  ].map((name) => said.get(name) ?? '');
  if (!mchid || !serial || !signature || said.size !== 5) return undefined;
  if (!timestamp || !/^\d{10}$/.test(timestamp) || !nonce || !/^\w{1,32}$/.test(nonce)) return undefined;
  return { mchid, serial, timestamp, nonce, signature };
}

function readContent({ method, headers, body }: RawRequest): Record<string, unknown> | undefined {
  if (method === 'GET') return body.length === 0 ? {} : undefined;
  if (!headers['content-type']?.startsWith('application/json')) return undefined;
  try {
    const content: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isRecord(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fingerprintOf(path: string, content: unknown): string {
  return createHash('sha256')
    .update(`${path}\n${JSON.stringify(sorted(content))}`)
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

function signError(message: string): CheckedCall {
  return refuse(401, 'SIGN_ERROR', message);
}

function refuse(status: number, code: string, message: string, merchant?: Merchant): CheckedCall {
  return { kind: 'refused', refusal: { status, code, message }, ...(merchant ? { merchant } : {}) };
}
