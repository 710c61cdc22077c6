import type { ProviderError } from '../../domain/outcome.js';
import type { OutboundClient } from '../outbound-call.js';
import type { PaypalCredential } from './credentials.js';
import { errorOf, isRecord, textOf } from './reply.js';

export type TokenAnswer =
  | { readonly kind: 'token'; readonly token: string }
  /** `isDelivered`: it may have reached PayPal, so that it proves nothing about the account. */
  | { readonly kind: 'none'; readonly isDelivered: boolean; readonly error: ProviderError }
  /** PayPal does not know the client, or not by this secret. */
  | { readonly kind: 'denied'; readonly error: ProviderError };

/** Fetched anew before it ends: no call is to be under way when it does. */
const MARGIN_MS = 60_000;
const MAX_LIFETIME_MS = 9 * 3_600_000;

/**
 * The access token of one credential, asked for when it is needed and kept while it lives. Without one nothing of the
 * call that needs it was sent, so that whatever goes wrong here means for that call that it was not executed.
 */
export class AccessToken {
  #token: { readonly text: string; readonly untilMs: number } | undefined;
  #fetching: Promise<TokenAnswer> | undefined;

  constructor(
    private readonly credential: PaypalCredential,
    private readonly outbound: OutboundClient,
    private readonly now: () => number,
  ) {}

  async get(): Promise<TokenAnswer> {
    if (this.#token && this.now() < this.#token.untilMs) return { kind: 'token', token: this.#token.text };
    return this.renew();
  }

  /** Callers that come at once share one request. */
  renew(): Promise<TokenAnswer> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** PayPal refused it: it was revoked, or the clocks differ. */
  forget(token: string): void {
    if (this.#token?.text === token) this.#token = undefined;
  }

  async #fetch(): Promise<TokenAnswer> {
    const { clientId, clientSecret, apiUrl } = this.credential;
    const askedAtMs = this.now();
    const result = await this.outbound.call({
      method: 'POST',
      url: `${apiUrl.replace(/\/$/, '')}/v1/oauth2/token`,
      headers: {
        accept: 'application/json',
        authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        'user-agent': 'Quittance',
      },
      body: 'grant_type=client_credentials',
    });
    if (result.kind !== 'response') return none(result.code, result.kind === 'unclear');
    const body = parseObject(result.body);
    const token = textOf(body, 'access_token');
    const seconds = body?.['expires_in'];
    if (result.status === 200 && token !== undefined && /^[\x21-\x7e]{1,4096}$/.test(token)) {
      const lifetimeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0;
      const untilMs = askedAtMs + Math.min(lifetimeMs, MAX_LIFETIME_MS) - MARGIN_MS;
      this.#token = { text: token, untilMs };
      return { kind: 'token', token };
    }
    if ((result.status === 401 || result.status === 403) && body)
      return { kind: 'denied', error: errorOf(body) };
    return none(`http_${result.status}`, true);
  }
}

export function parseObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function none(code: string, isDelivered: boolean): TokenAnswer {
  return { kind: 'none', isDelivered, error: { code, message: 'PayPal gave no access token' } };
}
