import { MAX_AMOUNT_MINOR } from '../../domain/money.js';
import type { ProbeOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type { Capabilities, Connector, ConnectorDependencies } from '../connector.js';
import { defaultOutboundLimits, type OutboundLimits } from '../outbound-call.js';
import { BtcpayClient } from './client.js';
import { isConfigRefusal } from './codes.js';
import { IN_FLIGHT_MS, parseCredential } from './credentials.js';
import { askForNothing, lookUp } from './invoice-calls.js';
import { closeInvoices } from './close-invoices.js';
import { mapLookUp, mapNoReply, type Reading } from './mapping.js';
import { parseNotification } from './notification.js';
import { startInvoice } from './start-invoice.js';

const MINUTE_MS = 60_000;

/**
 * A digital currency through the merchant's own BTCPay Server: an invoice with a locked rate, whose address a payer
 * pays. The currencies are those that its usual rate sources quote, and whose minor units BTCPay and ISO 4217 agree
 * about.
 *
 * `startOnlyMakesOffer`: making an invoice moves no money, and the call may be repeated at any time. BTCPay has no
 * idempotency key; in its place every start looks up our reference (`metadata.orderId`) before it makes anything and
 * again afterwards, and what is there is adopted: that never ends. Two starts at the same instant can still both find
 * nothing. Then the newer invoice is marked invalid before an offer is shown, and should somebody pay both, both are
 * counted for the one order, so that no payment is taken for nothing.
 *
 * `recovery`: that look-up is the first thing a replay does, and only a replay brings back the offer.
 *
 * No `refund`: Greenfield's makes a page on which the payer may claim one; nothing moves until then, to an address
 * that only the payer can name.
 */
const capabilities: Capabilities = {
  methods: ['crypto'],
  currencies: 'AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD INR JPY KRW MXN NOK NZD PLN SEK SGD THB USD ZAR'.split(
    ' ',
  ),
  countries: null,
  // Below this a network's fee and its smallest relayed output (546 satoshis) outweigh the payment.
  minAmountMinor: 100,
  maxAmountMinor: MAX_AMOUNT_MINOR,
  operations: ['sale'],
  flows: [],
  needsToken: false,
  // BTCPay counts in whole minutes: a quarter of an hour, for a start that comes within half a minute.
  offerLifetimeMs: 15.5 * MINUTE_MS,
  conclusiveMarginMs: IN_FLIGHT_MS,
  // A cheap transaction can wait for days until it is in a block.
  graceMs: 72 * 60 * MINUTE_MS,
  startOnlyMakesOffer: true,
  keyLifetimeMs: null,
  recovery: { sale: 'replay' },
  refundWindowMs: 0,
  // The server is the merchant's own, often a small one.
  maxCallsPerSecond: 10,
};

export function createBtcpayConnector(
  dependencies: ConnectorDependencies,
  limits: OutboundLimits = defaultOutboundLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new BtcpayClient(parseCredential(name, settings), limits),
  );
  const readingFor = (client: BtcpayClient): Reading => ({
    credential: client.credential,
    inFlightMs: client.credential.conclusiveMarginMs,
    nowMs: dependencies.now(),
  });

  return {
    provider: 'btcpay',
    capabilities,

    async start(request) {
      const { currencies, minAmountMinor, maxAmountMinor } = capabilities;
      const { amountMinor, currency } = request;
      const isSendable =
        currencies.includes(currency) &&
        Number.isSafeInteger(amountMinor) &&
        amountMinor >= minAmountMinor &&
        amountMinor <= maxAmountMinor;
      if (!isSendable) {
        const message = 'BTCPay is not asked for this amount or currency; nothing was sent';
        return { kind: 'failed', reason: 'invalid', error: { code: 'unsendable', message } };
      }
      return withClient(request.account, clientFor, (client) =>
        startInvoice(client, request, () => readingFor(client)),
      );
    },

    async query(request) {
      return withClient(request.account, clientFor, async (client) =>
        mapLookUp(await lookUp(client, request), request, readingFor(client)),
      );
    },

    async close(request) {
      return withClient(request.account, clientFor, (client) =>
        closeInvoices(client, request, () => readingFor(client)),
      );
    },

    async probe(account) {
      return withClient(account, clientFor, probe);
    },

    /** Rejects only where configuration has no usable credential: BTCPay then sends again. */
    parseNotification({ account, body, headers }) {
      return new Promise((resolve) => {
        const { credential } = clientFor(account);
        resolve(parseNotification(body, headers['btcpay-sig'], { credential, nowMs: dependencies.now() }));
      });
    },

    /** BTCPay reads only the status: anything but 2xx is sent again. */
    notificationReply: (accepted) =>
      accepted
        ? { status: 200, contentType: 'text/plain', body: 'ok' }
        : { status: 400, contentType: 'text/plain', body: 'refused' },
  };
}

async function probe(client: BtcpayClient): Promise<ProbeOutcome> {
  const answer = await askForNothing(client);
  if (answer.kind === 'reply') return { kind: 'alive' };
  if (answer.kind === 'refused' && isConfigRefusal(answer.refusal)) {
    return { kind: 'failed', reason: 'config', error: answer.error };
  }
  return mapNoReply(answer);
}
