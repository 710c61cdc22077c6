import type { ProbeOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type { AccountReference, Capabilities, Connector, ConnectorDependencies } from '../connector.js';
import { MAX_PAYPAL_AMOUNT, paypalCurrencies } from './amounts.js';
import { PaypalClient, type PaypalLimits } from './client.js';
import { parseCredential } from './credentials.js';
import { capture, refund, voidHeld } from './follow-ups.js';
import { parseNotification } from './notification.js';
import { unknown } from './reply.js';
import { advanceOrder, closeOrder, HORIZON_MS, queryOrder, startOrder } from './order-calls.js';

/** A follow-up is a token, two looks at the order and one moving call; its activity has 20 s. */
const defaultLimits: PaypalLimits = {
  moving: { connectTimeoutMs: 3000, deadlineMs: 9000, maxReplyBytes: 512 * 1024 },
  asking: { connectTimeoutMs: 3000, deadlineMs: 3500, maxReplyBytes: 512 * 1024 },
};

/**
 * An order is approved on PayPal's page, and moves no money before we capture it (`advance`): a second one, made because
 * an answer was lost, is shown to nobody. Keys of orders are kept for 6 hours, those of captures and refunds for 45 days
 * (https://developer.paypal.com/api/rest/reference/idempotency/, read 2026-11).
 */
const capabilities: Capabilities = {
  methods: ['paypal'],
  currencies: paypalCurrencies,
  countries: null,
  operations: ['sale', 'authorize', 'capture', 'void', 'refund'],
  flows: ['redirect'],
  needsToken: false,
  minAmountMinor: 1,
  maxAmountMinor: MAX_PAYPAL_AMOUNT,
  offerLifetimeMs: 15 * 60_000,
  conclusiveMarginMs: 60_000,
  graceMs: 24 * 3_600_000,
  startOnlyMakesOffer: true,
  keyLifetimeMs: 6 * 3_600_000,
  // The key lives longer; but `close` must be sure that no call of ours is still under way.
  advanceKeyLifetimeMs: HORIZON_MS / 2,
  recovery: { sale: 'replay', authorize: 'replay', capture: 'replay', void: 'replay', refund: 'replay' },
  refundWindowMs: 180 * 24 * 3_600_000,
  maxCallsPerSecond: 20,
};

/** PayPal's orders (v2) by the official SDK. */
export function createPaypalConnector(
  dependencies: ConnectorDependencies,
  limits: PaypalLimits = defaultLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new PaypalClient(parseCredential(name, settings), limits, dependencies.now),
  );
  const act = <Request extends { readonly account: AccountReference }, Outcome>(
    perform: (client: PaypalClient, request: Request) => Promise<Outcome>,
  ) => {
    return (request: Request) => withClient(request.account, clientFor, (client) => perform(client, request));
  };

  return {
    provider: 'paypal',
    capabilities,
    start: act(startOrder),
    query: act(queryOrder),
    close: act(closeOrder),
    advance: act(advanceOrder),
    capture: { start: act(capture.start), query: act(capture.query) },
    void: { start: act(voidHeld.start), query: act(voidHeld.query) },
    refund: { start: act(refund.start), query: act(refund.query) },

    /** The browser brings PayPal's token and the payer's id, which anybody can write: only a reason to ask. */
    parseReturn: () => Promise.resolve({ kind: 'nothing' }),

    async probe(account) {
      return withClient(account, clientFor, probe);
    },

    /** Rejects only where configuration has no usable credential: PayPal then sends again. */
    async parseNotification(raw) {
      return parseNotification(raw, clientFor(raw.account));
    },

    /** Any 2xx is taken; the body is read by nobody. */
    notificationReply: (accepted) => ({
      status: accepted ? 200 : 400,
      contentType: 'application/json',
      body: JSON.stringify({ received: accepted }),
    }),
  };
}

async function probe(client: PaypalClient): Promise<ProbeOutcome> {
  const answer = await client.authenticate();
  switch (answer.kind) {
    case 'token':
      return { kind: 'alive' };
    case 'denied':
      return { kind: 'failed', reason: 'config', error: answer.error };
    case 'none': {
      const { error } = answer;
      return answer.isDelivered ? unknown(error) : { kind: 'not_executed', error };
    }
  }
}
