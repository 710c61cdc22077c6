import type { CloseOutcome, ProbeOutcome, QueryOutcome, StartOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type {
  Capabilities,
  Connector,
  ConnectorDependencies,
  OperationReference,
  StartRequest,
} from '../connector.js';
import { AlipayClient, type AlipayLimits } from './client.js';
import { parseCredential } from './credentials.js';
import { closeFromQuery, mapClose, mapPrecreate, mapProbe, mapQuery, startFromQuery } from './mapping.js';
import { parseNotification } from './notification.js';
import { queryRefund, startRefund } from './refund.js';
import { codeTermsOf, MAX_FEN, pageTermsOf, refuseUnsendable } from './terms.js';

const defaultLimits: AlipayLimits = { timeoutMs: 4500, deadlineMs: 5000 };

/**
 * alipay.trade.precreate only makes a QR code: the trade begins when a payer scans it, and that of
 * alipay.trade.page.pay when the payer signs in on the page. Until then query and close say ACQ.TRADE_NOT_EXIST,
 * and the offer stays payable to its time_expire (https://opendocs.alipay.com/open/194/106078, 2026-11). So an
 * offer is short, "not found" proves nothing before its end and a margin, and either may be made again at any time
 * under the same out_trade_no.
 */
const capabilities: Capabilities = {
  methods: ['alipay'],
  currencies: ['CNY'],
  countries: null,
  operations: ['sale', 'refund'],
  flows: ['qr_code', 'redirect'],
  needsToken: false,
  minAmountMinor: 1,
  maxAmountMinor: MAX_FEN,
  offerLifetimeMs: 300_000,
  conclusiveMarginMs: 60_000,
  graceMs: 24 * 3_600_000,
  startOnlyMakesOffer: true,
  keyLifetimeMs: null,
  recovery: { sale: 'replay', refund: 'replay' },
  // https://opendocs.alipay.com/open/f60979b3_alipay.trade.refund: as the merchant's contract says, a year by default.
  refundWindowMs: 365 * 24 * 3_600_000,
  maxCallsPerSecond: 50,
};

/** Payments by an Alipay QR code or on Alipay's page, and their refunds, through the open platform's gateway and the official SDK. */
export function createAlipayConnector(
  dependencies: ConnectorDependencies,
  limits: AlipayLimits = defaultLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new AlipayClient(parseCredential(name, settings), limits, dependencies.now),
    // Calls under way end in their own time.
    (replaced) => void replaced.close().catch(() => undefined),
  );

  return {
    provider: 'alipay',
    capabilities,

    async start(request) {
      const refusal = refuseUnsendable(request);
      if (refusal) return refusal;
      return withClient(request.account, clientFor, (client) => start(client, request));
    },

    async query(request) {
      return withClient(request.account, clientFor, (client) => query(client, request));
    },

    async close(request) {
      return withClient(request.account, clientFor, (client) => close(client, request));
    },

    refund: {
      start: (request) => withClient(request.account, clientFor, (client) => startRefund(client, request)),
      query: (request) => withClient(request.account, clientFor, (client) => queryRefund(client, request)),
    },

    async probe(account) {
      return withClient(account, clientFor, probe);
    },

    /** Rejects only where configuration has no usable credential: Alipay then sends again. */
    parseNotification({ account, body }) {
      return new Promise((resolve) => {
        const client = clientFor(account);
        const { credential } = client;
        const isSigned = (fields: Parameters<AlipayClient['isSignedNotification']>[0]) =>
          client.isSignedNotification(fields);
        resolve(parseNotification(body, { credential, isSigned, nowMs: dependencies.now() }));
      });
    },

    /** Alipay reads only the word; the status is for whoever watches our responses. */
    notificationReply: (accepted) =>
      accepted
        ? { status: 200, contentType: 'text/plain', body: 'success' }
        : { status: 400, contentType: 'text/plain', body: 'failure' },
  };
}

/** The QR code is asked for; the page is only addressed, and Alipay hears of it when the payer opens it. */
async function start(client: AlipayClient, request: StartRequest): Promise<StartOutcome> {
  const { reference, offerEndsAtMs, notifyUrl, returnUrl } = request;
  if (request.flow === 'redirect') {
    const content = pageTermsOf(request);
    const data = client.pageUrl({ method: 'alipay.trade.page.pay', notifyUrl, returnUrl, content });
    return {
      kind: 'pending',
      why: 'user_action',
      offer: { type: 'redirect', data, endsAtMs: offerEndsAtMs },
    };
  }
  const answer = await client.call({
    method: 'alipay.trade.precreate',
    notifyUrl,
    content: codeTermsOf(request, client.credential),
  });
  const next = mapPrecreate(answer, reference, offerEndsAtMs);
  if (next.kind === 'outcome') return next.outcome;
  return startFromQuery(await query(client, request), next.error);
}

async function query(client: AlipayClient, { reference }: OperationReference): Promise<QueryOutcome> {
  const answer = await client.call({ method: 'alipay.trade.query', content: { out_trade_no: reference } });
  // The reply does not name the seller; the terms of the precreate did, and the app's own key signs for it.
  return mapQuery(answer, reference, client.credential.sellerId);
}

async function close(client: AlipayClient, request: OperationReference): Promise<CloseOutcome> {
  const { reference } = request;
  const answer = await client.call({ method: 'alipay.trade.close', content: { out_trade_no: reference } });
  const next = mapClose(answer, reference);
  if (next.kind === 'outcome') return next.outcome;
  return closeFromQuery(await query(client, request), next.error);
}

/** A look-up of a trade that cannot be: any verified answer shows that the account is served. */
async function probe(client: AlipayClient): Promise<ProbeOutcome> {
  const answer = await client.call({ method: 'alipay.trade.query', content: { out_trade_no: 'probe' } });
  return mapProbe(answer);
}
