import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { DemoAccount } from './accounts.js';
import { Refusal } from './refusal.js';

const LIFETIME_S = 32_400;

/** Access tokens, in memory alone: a restart revokes them all. */
export class Tokens {
  readonly #issued = new Map<string, { readonly account: string; readonly untilMs: number }>();

  constructor(
    private readonly accounts: readonly DemoAccount[],
    private readonly now: () => number,
  ) {}

  /** `POST /v1/oauth2/token`; its refusals have a form of their own (RFC 6749). */
  issue(
    { headers }: IncomingMessage,
    content: string,
  ): { status: number; body: Readonly<Record<string, unknown>> } {
    const [clientId, clientSecret] = basicOf(headers.authorization);
    const account = this.accounts.find(
      (each) => each.clientId === clientId && each.clientSecret === clientSecret,
    );
    if (!account) {
      const error_description = 'Client Authentication failed';
      return { status: 401, body: { error: 'invalid_client', error_description } };
    }
    if (new URLSearchParams(content).get('grant_type') !== 'client_credentials') {
      return {
        status: 400,
        body: { error: 'unsupported_grant_type', error_description: 'Grant Type is wrong' },
      };
    }
    const token = `A21AA${randomBytes(40).toString('base64url')}`;
    this.#issued.set(token, { account: account.merchantId, untilMs: this.now() + LIFETIME_S * 1000 });
    const scope = 'https://uri.paypal.com/services/payments/payment';
    const app_id = 'APP-80W284485P519543T';
    return {
      status: 200,
      body: { scope, access_token: token, token_type: 'Bearer', app_id, expires_in: LIFETIME_S, nonce: '' },
    };
  }

  /** The merchant id of whom the token was given to. */
  accountOf({ headers }: IncomingMessage): string {
    const token = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    const issued = this.#issued.get(token);
    if (issued && this.now() < issued.untilMs) return issued.account;
    throw new Refusal(401, 'INVALID_TOKEN', 'Token signature verification failed or the token has expired.');
  }

  revokeAll(): void {
    this.#issued.clear();
  }
}

function basicOf(header = ''): string[] {
  const basic = /^Basic (\S+)$/.exec(header)?.[1] ?? '';
  return Buffer.from(basic, 'base64').toString('utf8').split(':');
}
