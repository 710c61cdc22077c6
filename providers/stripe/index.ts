import type { ProbeOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type { AccountReference, Capabilities, Connector, ConnectorDependencies } from '../connector.js';
import { MAX_STRIPE_AMOUNT, stripeCurrencies } from './amounts.js';
import { queryCapture, startCapture } from './capture-intent.js';
import { StripeClient, type StripeLimits } from './client.js';
import { parseCredential } from './credentials.js';
import { parseNotification } from './notification.js';
import { closeIntent, queryIntent } from './query-intent.js';
import { queryRefund, startRefund } from './refund-intent.js';
import { unknown } from './reply.js';
import { startIntent } from './start-intent.js';
import { queryVoid, startVoid } from './void-intent.js';

/** A start is at most one moving call and three asking ones, and its activity has 20 s. */
const defaultLimits: StripeLimits = {
  moving: { connectTimeoutMs: 3000, deadlineMs: 9000, maxReplyBytes: 1024 * 1024 },
  asking: { connectTimeoutMs: 3000, deadlineMs: 3500, maxReplyBytes: 1024 * 1024 },
};

/**
 * A PaymentIntent is charged at once; only 3-D Secure asks for the payer, on a page without an end of its own, so that
 * an offer ends by the close that follows it. Keys are kept for a day at least
 * (https://docs.stripe.com/api/idempotent_requests, 2026-11). "Not found" waits for a search that may lag an hour.
 */
const capabilities: Capabilities = {
  methods: ['card'],
  currencies: stripeCurrencies,
  countries: null,
  operations: ['sale', 'authorize', 'capture', 'void', 'refund'],
  flows: ['redirect'],
  needsToken: true,
  minAmountMinor: 1,
  maxAmountMinor: MAX_STRIPE_AMOUNT,
  offerLifetimeMs: 15 * 60_000,
  conclusiveMarginMs: 75 * 60_000,
  graceMs: 24 * 3_600_000,
  startOnlyMakesOffer: false,
  keyLifetimeMs: 24 * 3_600_000,
  recovery: { sale: 'replay', authorize: 'replay', capture: 'replay', void: 'replay', refund: 'replay' },
  // Stripe names none; an issuer may refuse an old one, which then comes back as `failed`.
  refundWindowMs: null,
  maxCallsPerSecond: 25,
};

/** Cards through Stripe's PaymentIntents and the official SDK. */
export function createStripeConnector(
  dependencies: ConnectorDependencies,
  limits: StripeLimits = defaultLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new StripeClient(parseCredential(name, settings), limits, dependencies.now),
  );
  const act = <Request extends { readonly account: AccountReference }, Outcome>(
    perform: (client: StripeClient, request: Request) => Promise<Outcome>,
  ) => {
    return (request: Request) => withClient(request.account, clientFor, (client) => perform(client, request));
  };

  return {
    provider: 'stripe',
    capabilities,
    start: act(startIntent),
    query: act(queryIntent),
    close: act(closeIntent),
    capture: { start: act(startCapture), query: act(queryCapture) },
    void: { start: act(startVoid), query: act(queryVoid) },
    refund: { start: act(startRefund), query: act(queryRefund) },

    async probe(account) {
      return withClient(account, clientFor, probe);
    },

    /** Rejects only where configuration has no usable credential: Stripe then sends again. */
    parseNotification(raw) {
      return new Promise((resolve) => {
        resolve(parseNotification(raw, clientFor(raw.account).credential, dependencies.now()));
      });
    },

    /** Any 2xx is taken; the body is for whoever looks at the deliveries in Stripe's dashboard. */
    notificationReply: (accepted) => ({
      status: accepted ? 200 : 400,
      contentType: 'application/json',
      body: JSON.stringify({ received: accepted }),
    }),
  };
}

/** Who the key belongs to: the one thing that a PaymentIntent does not tell. */
async function probe(client: StripeClient): Promise<ProbeOutcome> {
  const answer = await client.ask((sdk) => sdk.accounts.retrieveCurrent());
  switch (answer.kind) {
    case 'reply': {
      if (answer.reply['id'] === client.credential.merchant) return { kind: 'alive' };
      const error = {
        code: 'other_account',
        message: 'the key belongs to another account than is configured',
      };
      return { kind: 'failed', reason: 'config', error };
    }
    case 'denied':
      // A restricted key that may not read the account is a good one all the same.
      return answer.status === 403
        ? { kind: 'alive' }
        : { kind: 'failed', reason: 'config', error: answer.error };
    case 'not_executed':
      return answer;
    case 'refused':
    case 'unclear':
      return unknown(answer.error);
  }
}
