import type { ProviderError } from '../../domain/outcome.js';
import type { OutboundLimits, OutboundResult } from '../outbound-call.js';
import type { WechatPayCredential } from './credentials.js';
import { PlatformKeys } from './platform-keys.js';
import { errorOf, forPeople, parseReply, textOf, type Reply } from './reply.js';
import { isFresh, isSignedBy, readSignature } from './signature.js';
import { WechatPayTransport, type WechatPayCall } from './transport.js';

/** What came of one call, before anybody asks what it means. */
export type Answer =
  /** WeChat Pay's own words, verified, whatever the status. */
  | { readonly kind: 'reply'; readonly status: number; readonly reply: Reply }
  /** Our own signature was not accepted, which WeChat Pay can only say without one of its own. */
  | { readonly kind: 'signature_refused'; readonly error: ProviderError }
  /** Proven not to have reached WeChat Pay. */
  | { readonly kind: 'not_delivered'; readonly error: ProviderError }
  | { readonly kind: 'unclear'; readonly error: ProviderError };

/** One credential's connection to WeChat Pay. */
export class WechatPayClient {
  readonly keys: PlatformKeys;
  readonly #transport: WechatPayTransport;

  constructor(
    readonly credential: WechatPayCredential,
    limits: OutboundLimits,
    private readonly now: () => number,
  ) {
    this.#transport = new WechatPayTransport(credential, limits);
    this.keys = new PlatformKeys(credential, this.#transport, now);
  }

  /** Never rejects. */
  async call(call: WechatPayCall): Promise<Answer> {
    const result = await this.#transport.send(call);
    switch (result.kind) {
      case 'not_delivered':
        return {
          kind: 'not_delivered',
          error: { code: result.code, message: 'no connection to WeChat Pay' },
        };
      case 'unclear':
        return unclear(result.code, 'WeChat Pay gave no whole answer');
      case 'response':
        return this.#read(result);
    }
  }

  async #read(response: Extract<OutboundResult, { kind: 'response' }>): Promise<Answer> {
    const { status, headers, body } = response;
    const signature = readSignature(headers);
    if (!signature) return unsigned(status, body);
    if (!isFresh(signature, this.now())) {
      return unclear('stale_reply', 'the reply was not signed within five minutes of now');
    }
    const key = await this.keys.find(signature.serial);
    if (!key)
      return unclear('unknown_platform_key', `no key is known for ${serialForPeople(signature.serial)}`);
    if (!isSignedBy(signature, body, key)) return unverified(body);
    if (body.length === 0) return { kind: 'reply', status, reply: {} };
    const reply = parseReply(body);
    return reply ? { kind: 'reply', status, reply } : unclear('unreadable_reply', 'the reply is not JSON');
  }
}

/**
 * WeChat Pay signs its reply where it could verify the request's signature, refusals included
 * (https://wechatpay-api.gitbook.io/wechatpay-api-v3, "签名验证", 2026-11). So the one thing that it has to say
 * unsigned is that it could not; any other unsigned body proves nothing.
 */
function unsigned(status: number, body: Buffer): Answer {
  const reply = parseReply(body);
  if (status === 401 && reply?.['code'] === 'SIGN_ERROR') {
    return { kind: 'signature_refused', error: errorOf(reply) };
  }
  return status < 300 ? unverified(body) : unclear(`http_${status}`, `an unsigned ${status}${claimOf(body)}`);
}

function unverified(body: Buffer): Answer {
  return unclear('unverified_reply', `the reply does not carry WeChat Pay's signature${claimOf(body)}`);
}

/** Proves nothing, but tells people where to look. */
function claimOf(body: Buffer): string {
  const claimed = textOf(parseReply(body) ?? {}, 'code');
  return claimed === undefined ? '' : ` (it claims ${forPeople(claimed, 64)})`;
}

function serialForPeople(serial: string): string {
  return forPeople(serial, 80);
}

function unclear(code: string, message: string): Answer {
  return { kind: 'unclear', error: { code, message } };
}
