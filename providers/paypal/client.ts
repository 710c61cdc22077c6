import { Client, Environment, OrdersController, PaymentsController } from '@paypal/paypal-server-sdk';
import type { NotExecuted, ProviderError } from '../../domain/outcome.js';
import { OutboundClient, type OutboundLimits, type OutboundResult } from '../outbound-call.js';
import { AccessToken, parseObject, type TokenAnswer } from './access-token.js';
import { CertificateStore } from './certificates.js';
import { busyCodes } from './codes.js';
import type { PaypalCredential } from './credentials.js';
import { Exchange, exchanges, sendOnce } from './exchange.js';
import { codeOf, errorOf, textOf, type Reply } from './reply.js';

/** What came of one call, before anybody asks what it means. */
export type Answer =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** A 4xx that PayPal explains. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly code: string;
      readonly refusal: Reply;
      readonly error: ProviderError;
    }
  /** The client is not known, or may not do this: proven not to have run. */
  | { readonly kind: 'denied'; readonly status: number; readonly error: ProviderError }
  /** Proven not to have run. */
  | NotExecuted
  | { readonly kind: 'unclear'; readonly error: ProviderError };

export interface PaypalLimits {
  /** Of a call that moves money: PayPal asks a bank. */
  readonly moving: OutboundLimits;
  /** Of one that moves none. */
  readonly asking: OutboundLimits;
}

/** The SDK's own doors to what is used of PayPal's API. */
export interface PaypalSdk {
  readonly orders: OrdersController;
  readonly payments: PaymentsController;
}

/** One credential's connection to PayPal. */
export class PaypalClient {
  readonly certificates: CertificateStore;
  readonly #sdk: PaypalSdk;
  readonly #moving: OutboundClient;
  readonly #asking: OutboundClient;
  readonly #token: AccessToken;

  constructor(
    readonly credential: PaypalCredential,
    limits: PaypalLimits,
    readonly now: () => number,
  ) {
    const client = new Client({
      environment: Environment.Sandbox,
      timeout: limits.moving.deadlineMs,
      // Ours takes its place with every request; without one the SDK would ask for a token of its own.
      clientCredentialsAuthCredentials: {
        oAuthClientId: 'unused',
        oAuthClientSecret: 'unused',
        oAuthToken: { accessToken: 'unused', tokenType: 'Bearer' },
      },
      unstable_httpClientOptions: { adapter: sendOnce },
    });
    this.#sdk = { orders: new OrdersController(client), payments: new PaymentsController(client) };
    this.#moving = new OutboundClient(limits.moving);
    this.#asking = new OutboundClient(limits.asking);
    this.#token = new AccessToken(credential, this.#asking, now);
    this.certificates = new CertificateStore(credential, this.#asking, now);
  }

  /** A call that moves money, and is not sent any more from `sendBeforeMs`. Never rejects. */
  move(request: (sdk: PaypalSdk) => Promise<unknown>, sendBeforeMs = Infinity): Promise<Answer> {
    return this.#call(request, this.#moving, sendBeforeMs);
  }

  /** A call that moves none. Never rejects. */
  ask(request: (sdk: PaypalSdk) => Promise<unknown>): Promise<Answer> {
    return this.#call(request, this.#asking);
  }

  /** A new access token: who has one may use the account, and nothing was moved. */
  authenticate(): Promise<TokenAnswer> {
    return this.#token.renew();
  }

  async #call(
    request: (sdk: PaypalSdk) => Promise<unknown>,
    outbound: OutboundClient,
    sendBeforeMs = Infinity,
  ): Promise<Answer> {
    const access = await this.#token.get();
    if (access.kind === 'denied') return { kind: 'denied', status: 401, error: access.error };
    if (access.kind === 'none') return notExecuted(access.error);
    if (this.now() >= sendBeforeMs) {
      return notExecuted({
        code: 'too_late',
        message: 'its time to be sent was over before there was a token',
      });
    }
    const exchange = new Exchange(outbound, this.credential.apiUrl, access.token);
    try {
      await exchanges.run(exchange, () => request(this.#sdk));
    } catch {
      // Nothing of an SDK error may get out: it holds the request and its token. The exchange tells what happened.
    }
    if (!exchange.result) return notExecuted({ code: 'not_sent', message: 'the request could not be made' });
    const answer = readAnswer(exchange.result);
    if (answer.kind === 'denied' && answer.status === 401) this.#token.forget(access.token);
    return answer;
  }
}

function readAnswer(result: OutboundResult): Answer {
  if (result.kind === 'not_delivered') {
    return notExecuted({ code: result.code, message: 'no connection to PayPal' });
  }
  if (result.kind === 'unclear') {
    return { kind: 'unclear', error: { code: result.code, message: 'the connection to PayPal failed' } };
  }
  const { status } = result;
  if (status === 204) return { kind: 'reply', reply: {} };
  const body = parseObject(result.body);
  if (status >= 200 && status < 300 && body && body['details'] === undefined) {
    return { kind: 'reply', reply: body };
  }
  if (status >= 400 && status < 500 && body) {
    return readRefusal(status, body, result.headers['retry-after']);
  }
  return { kind: 'unclear', error: { code: `http_${status}`, message: 'PayPal did not answer readably' } };
}

/**
 * Tokens, permissions and rates are checked before a request runs (https://developer.paypal.com/api/rest/responses/,
 * read 2026-11): so such a refusal proves that this call did not run, and says nothing of an earlier one under the
 * same key. Taken for `failed`, it would forget an earlier call that charged.
 */
function readRefusal(status: number, refusal: Reply, retryAfter: string | undefined): Answer {
  const error = errorOf(refusal);
  const code = codeOf(refusal);
  if (status === 429 && textOf(refusal, 'name') === 'RATE_LIMIT_REACHED') {
    return notExecuted(error, /^\d{1,4}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1000 : undefined);
  }
  if (status === 401 || status === 403) return { kind: 'denied', status, error };
  const isExplained = status === 400 || status === 404 || status === 422;
  if (!isExplained || busyCodes.has(code)) return { kind: 'unclear', error };
  return { kind: 'refused', status, code, refusal, error };
}

function notExecuted(error: ProviderError, retryAfterMs?: number): NotExecuted {
  return { kind: 'not_executed', error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
