import { createPrivateKey, createPublicKey } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { AlipaySdk, type AlipaySdkConfig } from 'alipay-sdk';
import type { ProviderError } from '../../domain/outcome.js';
import { formatBeijingTime } from './beijing-time.js';
import type { AlipayCredential } from './credentials.js';
import { exchanges, Exchange, GuardedDispatcher } from './guarded-dispatcher.js';

export type AlipayMethod =
  | 'alipay.trade.precreate'
  | 'alipay.trade.query'
  | 'alipay.trade.close'
  | 'alipay.trade.refund'
  | 'alipay.trade.fastpay.refund.query';

/** What came of one call, before anybody asks what it means. */
export type Answer =
  /** Alipay's own words, verified. */
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** Proven not to have reached Alipay. */
  | { readonly kind: 'not_delivered'; readonly error: ProviderError }
  | { readonly kind: 'unclear'; readonly error: ProviderError };

export type Reply = Readonly<Record<string, unknown>>;

export interface AlipayLimits {
  /** For the reply's headers, and again between any two pieces of its body. */
  readonly timeoutMs: number;
  /** For the whole call: a reply that drips never times out. */
  readonly deadlineMs: number;
}

export interface AlipayCall {
  readonly method: AlipayMethod;
  readonly notifyUrl?: string;
  readonly content: Readonly<Record<string, string>>;
}

/** A page of Alipay's, opened by the payer's browser under our signature: nothing is called for it. */
export interface AlipayPage {
  readonly method: 'alipay.trade.page.pay';
  readonly notifyUrl: string;
  readonly returnUrl: string;
  readonly content: Readonly<Record<string, string>>;
}

/** One credential's connection to Alipay. */
export class AlipayClient {
  readonly #sdk: AlipaySdk;
  readonly #dispatcher = new GuardedDispatcher();

  constructor(
    readonly credential: AlipayCredential,
    private readonly limits: AlipayLimits,
    private readonly now: () => number,
  ) {
    this.#sdk = new AlipaySdk({
      appId: credential.appId,
      privateKey: credential.privateKey,
      keyType: 'PKCS8',
      alipayPublicKey: credential.alipayPublicKey,
      gateway: credential.gateway,
      timeout: limits.timeoutMs,
      // Renaming a reply's members could only make two of them collide.
      camelcase: false,
      // The SDK hands its "proxy" to urllib as the dispatcher, of which only `dispatch` is used.
      proxyAgent: this.#dispatcher as unknown as NonNullable<AlipaySdkConfig['proxyAgent']>,
    });
    useParsedKeys(this.#sdk, credential);
  }

  /** Never rejects: nothing of an SDK error may get out, because it holds the request or the raw reply. */
  async call(call: AlipayCall): Promise<Answer> {
    const exchange = new Exchange();
    const finished = new AbortController();
    const deadline = wait(this.limits.deadlineMs, 'deadline' as const, { signal: finished.signal });
    try {
      const ended = await Promise.race([exchanges.run(exchange, () => this.#execute(call)), deadline]);
      if (ended === 'deadline') return unclear('timeout', 'Alipay did not answer in time');
      return this.#read(call.method, exchange);
    } catch (error) {
      return explainFailure(exchange, error);
    } finally {
      exchange.stop(new Error('the call is over'));
      finished.abort();
      deadline.catch(() => undefined);
    }
  }

  /** The signed address of a page. Alipay hears of it only when a browser opens it. */
  pageUrl({ method, notifyUrl, returnUrl, content }: AlipayPage): string {
    return this.#sdk.pageExecute(method, 'GET', {
      timestamp: formatBeijingTime(this.now()),
      notify_url: notifyUrl,
      return_url: returnUrl,
      bizContent: { ...content },
    });
  }

  /** True for a notification that carries Alipay's RSA2 signature; never throws. */
  isSignedNotification(fields: Readonly<Record<string, string>>): boolean {
    const { sign, sign_type: signType } = fields;
    // The SDK would take the weaker RSA (SHA-1) because the message says so, and base64 with rubbish in it.
    if (signType !== 'RSA2' || !isCanonicalBase64(sign)) return false;
    try {
      return this.#sdk.checkNotifySignV2({ ...fields });
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }

  async #execute({ method, notifyUrl, content }: AlipayCall): Promise<'answered'> {
    const parameters = {
      // The SDK's own timestamp is in the process's time zone.
      timestamp: formatBeijingTime(this.now()),
      ...(notifyUrl === undefined ? {} : { notify_url: notifyUrl }),
      bizContent: { ...content },
    };
    // What it returns is not used: #read verifies the bytes, and reads what it verified.
    await this.#sdk.exec(method, parameters);
    return 'answered';
  }

  /**
   * Verifies and reads the reply from its bytes. The SDK would verify the text after the first `…_response"` it
   * finds, but return what JSON.parse finds under that key, which in a crafted body (an escaped key, a second one
   * after `sign`) is something else; here the node that is verified is the node that is read.
   */
  #read(method: AlipayMethod, exchange: Exchange): Answer {
    const key = `${method.replaceAll('.', '_')}_response`;
    const envelope = new RegExp(
      `^\\s*\\{\\s*"${key}"\\s*:\\s*(\\{.*\\})\\s*,\\s*(?:"alipay_cert_sn"\\s*:\\s*"\\w+"\\s*,\\s*)?` +
        `"sign"\\s*:\\s*"([A-Za-z0-9+/=]+)"\\s*(?:,\\s*"alipay_cert_sn"\\s*:\\s*"\\w+"\\s*)?\\}\\s*$`,
      's',
    ).exec(exchange.body.toString('utf8'));
    const [, node = '', sign = ''] = envelope ?? [];
    if (!envelope || !this.#sdk.rsaCheck(node, sign, 'RSA2')) return unverified(exchange);
    const reply: unknown = JSON.parse(node);
    return isRecord(reply) ? { kind: 'reply', reply } : unverified(exchange);
  }
}

/**
 * The SDK (alipay-sdk 4.14.0, read 2026-11) gives its keys to node:crypto as they stand in its `config`, as PEM,
 * which OpenSSL then parses at each signature; node:crypto takes the parsed key as well.
 */
function useParsedKeys(sdk: AlipaySdk, { privateKey, alipayPublicKey }: AlipayCredential): void {
  Object.assign(sdk.config, {
    privateKey: createPrivateKey(privateKey),
    alipayPublicKey: createPublicKey(alipayPublicKey),
  });
}

/** Exported for its tests: a TLS record that breaks after the request was sent is hard to make. */
export function explainFailure(exchange: Exchange, error: unknown): Answer {
  const codes = exchange.error === undefined ? errorCodes(error) : errorCodes(exchange.error);
  const code = codes[0] ?? 'error';
  if (!exchange.wasDispatched) {
    return { kind: 'not_delivered', error: { code: 'not_sent', message: 'the request could not be made' } };
  }
  if (!exchange.hasBegun && codes.length > 0 && codes.every(isBeforeRequest)) {
    return { kind: 'not_delivered', error: { code, message: 'no connection to Alipay' } };
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return unclear('reply_too_large', 'the reply has no end');
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    return unclear('timeout', 'Alipay did not answer in time');
  }
  if (exchange.error !== undefined) return unclear(code, 'the connection to Alipay failed');
  if (exchange.status !== 200)
    return unclear(`http_${exchange.status ?? 0}`, 'Alipay did not answer with 200');
  return unverified(exchange);
}

/**
 * The codes at the ends of a chain of causes. Happy eyeballs make an AggregateError of one failure per address,
 * all of which have to prove that nothing was sent.
 */
function errorCodes(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 8) return [];
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.flatMap((each) => withoutCode(errorCodes(each, depth + 1)));
  }
  const deeper = error.cause === undefined ? [] : errorCodes(error.cause, depth + 1);
  if (deeper.length > 0) return deeper;
  return 'code' in error && typeof error.code === 'string' ? [error.code.slice(0, 64)] : [];
}

function withoutCode(codes: string[]): string[] {
  return codes.length > 0 ? codes : ['error'];
}

const beforeRequestCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_NONAME',
  'EPROTO',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'HOSTNAME_MISMATCH',
]);

function isBeforeRequest(code: string): boolean {
  return beforeRequestCodes.has(code) || /^(CERT_|ERR_TLS_|ERR_SSL_)/.test(code);
}

function isCanonicalBase64(text: string | undefined): boolean {
  return !!text && Buffer.from(text, 'base64').toString('base64') === text;
}

function isRecord(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unclear(code: string, message: string): Answer {
  return { kind: 'unclear', error: { code, message } };
}

/**
 * Alipay answers an app id or key that it does not know with an unsigned `error_response`: its code proves
 * nothing, but tells people where to look.
 */
function unverified(exchange: Exchange): Answer {
  const said = /"(?:sub_)?code"\s*:\s*"([\w.-]{1,64})"/g;
  const codes = [...exchange.body.toString('utf8').slice(0, 2000).matchAll(said)].map(([, code]) => code);
  const hint = codes.length > 0 ? ` (it claims ${codes.slice(0, 2).join(' ')})` : '';
  return unclear('unverified_reply', `the reply does not carry Alipay's signature${hint}`);
}
