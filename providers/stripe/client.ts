import { Stripe } from 'stripe';
import type { NotExecuted, ProviderError } from '../../domain/outcome.js';
import { OutboundClient, type OutboundLimits, type OutboundResult } from '../outbound-call.js';
import { limitCodes } from './codes.js';
import type { StripeCredential } from './credentials.js';
import { Exchange, exchanges, OutboundHttpClient } from './exchange.js';
import { errorOf, isRecord, textOf, type Reply } from './reply.js';

/** What came of one call, before anybody asks what it means. */
export type Answer =
  /** `isReplayed`: what was answered when the key was first used, which may be history by now. */
  | { readonly kind: 'reply'; readonly reply: Reply; readonly isReplayed: boolean }
  /** A 4xx that Stripe explains: what it says about `error` still has to be looked up. `isReplayed` as above. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly isReplayed: boolean;
      readonly refusal: Reply;
      readonly error: ProviderError;
    }
  /** The key is not known, or may not do this: proven not to have run. */
  | { readonly kind: 'denied'; readonly status: number; readonly error: ProviderError }
  /** Proven not to have run. */
  | NotExecuted
  /** `isFinal`: a repetition under the same key would be told the same for a day. */
  | { readonly kind: 'unclear'; readonly error: ProviderError; readonly isFinal: boolean };

export interface StripeLimits {
  /** Of a call that moves money: an issuer takes its time. */
  readonly moving: OutboundLimits;
  /** Of one that asks or cancels. */
  readonly asking: OutboundLimits;
}

/** Pinned, so that a reply's shape never depends on the account's own default. */
export const API_VERSION = '2026-10-28.endive';

/** One credential's connection to Stripe. */
export class StripeClient {
  readonly #sdk: Stripe;
  readonly #moving: OutboundClient;
  readonly #asking: OutboundClient;

  constructor(
    readonly credential: StripeCredential,
    limits: StripeLimits,
    readonly now: () => number,
  ) {
    const { protocol, hostname, port } = new URL(credential.apiUrl);
    const isSecure = protocol === 'https:';
    this.#sdk = new Stripe(credential.secretKey, {
      apiVersion: API_VERSION,
      httpClient: new OutboundHttpClient(),
      maxNetworkRetries: 0,
      telemetry: false,
      host: hostname,
      port: port || (isSecure ? '443' : '80'),
      protocol: isSecure ? 'https' : 'http',
    });
    this.#moving = new OutboundClient(limits.moving);
    this.#asking = new OutboundClient(limits.asking);
  }

  /** A call that moves money. Never rejects. */
  move(request: (sdk: Stripe) => Promise<unknown>): Promise<Answer> {
    return this.#call(request, this.#moving);
  }

  /** A call that moves none, or lets go of what was held. Never rejects. */
  ask(request: (sdk: Stripe) => Promise<unknown>): Promise<Answer> {
    return this.#call(request, this.#asking);
  }

  async #call(request: (sdk: Stripe) => Promise<unknown>, outbound: OutboundClient): Promise<Answer> {
    const exchange = new Exchange(outbound);
    try {
      await exchanges.run(exchange, () => request(this.#sdk));
    } catch {
      // Nothing of an SDK error may get out: it holds the request and its key. The exchange tells what happened.
    }
    if (exchange.result) return readAnswer(exchange.result);
    return notExecuted({ code: 'not_sent', message: 'the request could not be made' });
  }
}

function readAnswer(result: OutboundResult): Answer {
  if (result.kind === 'not_delivered') {
    return notExecuted({ code: result.code, message: 'no connection to Stripe' });
  }
  if (result.kind === 'unclear') {
    return unclear({ code: result.code, message: 'the connection to Stripe failed' }, false);
  }
  const { status } = result;
  const body = parse(result.body);
  const refusal = body?.['error'];
  const isReplayed = result.headers['idempotent-replayed'] === 'true';
  if (status >= 200 && status < 300 && body && refusal === undefined) {
    return { kind: 'reply', reply: body, isReplayed };
  }
  if (status >= 400 && status < 500 && isRecord(refusal)) {
    return readRefusal(status, refusal, isReplayed, textOf(result.headers, 'retry-after'));
  }
  // A 500 is stored under the key like any other answer; repeating the call would only repeat it.
  return unclear({ code: `http_${status}`, message: 'Stripe did not answer readably' }, status >= 500);
}

/**
 * Keys, permissions and rates are checked before the idempotency layer (https://docs.stripe.com/error-low-level,
 * read 2026-11): so such a refusal proves that this call did not run, and says nothing of an earlier one under the
 * same key. Taken for `failed`, it would forget an earlier call that charged.
 */
function readRefusal(
  status: number,
  refusal: Reply,
  isReplayed: boolean,
  retryAfter: string | undefined,
): Answer {
  const error = errorOf(refusal);
  const isLimit = status === 429 && limitCodes.has(textOf(refusal, 'code') ?? '');
  if (isLimit) {
    const seconds = /^\d{1,4}$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
    return notExecuted(error, seconds === undefined ? undefined : seconds * 1000);
  }
  if (status === 401 || status === 403) return { kind: 'denied', status, error };
  if (status === 409 || status === 429) return unclear(error, false);
  return { kind: 'refused', status, isReplayed, refusal, error };
}

function parse(body: Buffer): Reply | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function notExecuted(error: ProviderError, retryAfterMs?: number): NotExecuted {
  return { kind: 'not_executed', error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function unclear(error: ProviderError, isFinal: boolean): Answer {
  return { kind: 'unclear', error, isFinal };
}
