import type { CloseOutcome, QueryOutcome, StartOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type {
  Capabilities,
  Connector,
  ConnectorDependencies,
  FollowUpPort,
  OperationReference,
  StartRequest,
} from '../connector.js';
import { defaultOutboundLimits, type OutboundLimits } from '../outbound-call.js';
import { UnionPayClient } from './client.js';
import { FINAL_MARGIN_MS, parseCredential } from './credentials.js';
import { queryFollowUp, startFollowUp } from './follow-up.js';
import { closeFromQuery, mapProbe, mapQuery, unknown } from './mapping.js';
import { parseNotification, parseReturn } from './notification.js';
import { frontFields, queryFields } from './order-fields.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * An order begins when the payer's browser posts it: until then there is nothing at UnionPay, and making the form
 * asks nobody. It can be posted until its `payTimeout` and cannot be taken back, so that "not found" proves nothing
 * before that and a margin.
 */
const capabilities: Capabilities = {
  methods: ['union_pay'],
  currencies: ['CNY'],
  countries: null,
  operations: ['sale', 'authorize', 'capture', 'void', 'refund'],
  flows: ['redirect'],
  needsToken: false,
  minAmountMinor: 1,
  // txnAmt has twelve digits.
  maxAmountMinor: 999_999_999_999,
  offerLifetimeMs: 15 * MINUTE_MS,
  conclusiveMarginMs: FINAL_MARGIN_MS,
  graceMs: DAY_MS,
  startOnlyMakesOffer: true,
  keyLifetimeMs: null,
  recovery: { sale: 'replay', authorize: 'replay', capture: 'query', void: 'query', refund: 'query' },
  // "Within 11 months".
  refundWindowMs: 330 * DAY_MS,
  maxCallsPerSecond: 20,
};

/** Payments by UnionPay's online gateway, interface 5.1.0, with certificate signatures. */
export function createUnionPayConnector(
  dependencies: ConnectorDependencies,
  limits: OutboundLimits = defaultOutboundLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new UnionPayClient(parseCredential(name, settings), limits, dependencies.now),
  );
  const { now } = dependencies;

  const followUp: FollowUpPort = {
    start: async (request) =>
      withClient(request.account, clientFor, (client) => startFollowUp(client, request)),
    query: async (request) =>
      withClient(request.account, clientFor, (client) => queryFollowUp(client, request)),
  };

  return {
    provider: 'union_pay',
    capabilities,

    async start(request) {
      const refusal = refuseUnsendable(request);
      if (refusal) return refusal;
      return withClient(request.account, clientFor, (client) =>
        Promise.resolve(makeOffer(client, request, now())),
      );
    },

    async query(request) {
      return withClient(request.account, clientFor, (client) => query(client, request, now()));
    },

    /** There is no close at UnionPay: an order is asked about, and only its end makes it unpayable. */
    async close(request) {
      return withClient(request.account, clientFor, async (client): Promise<CloseOutcome> =>
        closeFromQuery(await query(client, request, now())),
      );
    },

    capture: followUp,
    void: followUp,
    refund: followUp,

    /** A look-up of an order that cannot be: any verified answer shows that the account is served. */
    async probe(account) {
      const nobody = { reference: 'quittanceprobe', plannedAtMs: now() };
      return withClient(account, clientFor, async (client) =>
        mapProbe(await client.call('query', queryFields(nobody))),
      );
    },

    /** Rejects only where configuration has no usable credential: UnionPay then sends again. */
    parseNotification: (raw) =>
      new Promise((resolve) => {
        resolve(parseNotification(clientFor(raw.account), raw));
      }),

    parseReturn: (raw) =>
      new Promise((resolve) => {
        resolve(parseReturn(clientFor(raw.account), raw));
      }),

    /** UnionPay reads the status alone. */
    notificationReply: (accepted) => ({
      status: accepted ? 200 : 400,
      contentType: 'text/plain',
      body: accepted ? 'ok' : 'refused',
    }),
  };
}

function makeOffer(client: UnionPayClient, request: StartRequest, nowMs: number): StartOutcome {
  const { offerEndsAtMs: endsAtMs } = request;
  if (nowMs >= endsAtMs) {
    return unknown({ code: 'offer_over', message: 'the offer had ended before it was made' });
  }
  const { url: data, fields } = client.frontForm(frontFields(request, client.credential));
  return { kind: 'pending', why: 'user_action', offer: { type: 'redirect', data, endsAtMs, fields } };
}

async function query(
  client: UnionPayClient,
  request: OperationReference,
  nowMs: number,
): Promise<QueryOutcome> {
  const { merId, finalMarginMs } = client.credential;
  // Read before the call: what was final then is final in the answer.
  const isFinal = nowMs >= request.offerEndsAtMs + finalMarginMs;
  return mapQuery(await client.call('query', queryFields(request)), { request, merId, isFinal });
}

/** Our own check: what UnionPay can never take is not sent, today or on a repetition. */
function refuseUnsendable({ amountMinor, currency, flow }: StartRequest): StartOutcome | undefined {
  const { currencies, minAmountMinor, maxAmountMinor } = capabilities;
  const isPayable = amountMinor >= minAmountMinor && amountMinor <= maxAmountMinor;
  const isSendable = currencies.includes(currency) && Number.isSafeInteger(amountMinor) && isPayable;
  if (isSendable && flow === 'redirect') return undefined;
  const message = `UnionPay takes ${minAmountMinor} to ${maxAmountMinor} fen in CNY, by redirect; nothing was sent`;
  return { kind: 'failed', reason: 'invalid', error: { code: 'unsendable', message } };
}
