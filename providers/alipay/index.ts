import { toMajorUnits } from '../../domain/money.js';
import type {
  CloseOutcome,
  NotExecuted,
  ProbeOutcome,
  QueryOutcome,
  StartOutcome,
} from '../../domain/outcome.js';
import type {
  AccountReference,
  Capabilities,
  Connector,
  ConnectorDependencies,
  OperationReference,
  StartRequest,
} from '../connector.js';
import { formatBeijingTime } from './beijing-time.js';
import { AlipayClient, type AlipayLimits } from './client.js';
import { parseCredential, type AlipayCredential } from './credentials.js';
import { closeFromQuery, mapClose, mapPrecreate, mapProbe, mapQuery, startFromQuery } from './mapping.js';
import { parseNotification } from './notification.js';

const defaultLimits: AlipayLimits = { timeoutMs: 4500, deadlineMs: 5000 };

/**
 * alipay.trade.precreate only makes a QR code: the trade begins when a payer scans it. Until then query and close
 * say ACQ.TRADE_NOT_EXIST, and the code stays payable to its time_expire
 * (https://opendocs.alipay.com/open/194/106078, 2026-11). So an offer is short, "not found" proves nothing
 * before its end and a margin, and a precreate may be repeated at any time under the same out_trade_no.
 */
const capabilities: Capabilities = {
  methods: ['alipay'],
  currencies: ['CNY'],
  countries: null,
  operations: ['sale'],
  flows: ['qr_code'],
  needsToken: false,
  minAmountMinor: 1,
  maxAmountMinor: 10_000_000_000,
  offerLifetimeMs: 300_000,
  conclusiveMarginMs: 60_000,
  graceMs: 24 * 3_600_000,
  startOnlyMakesOffer: true,
  keyLifetimeMs: null,
  recovery: { sale: 'replay' },
  // https://opendocs.alipay.com/open/f60979b3_alipay.trade.refund: as the merchant's contract says, a year by default.
  refundWindowMs: 365 * 24 * 3_600_000,
  maxCallsPerSecond: 50,
};

/** Payments by an Alipay QR code, through the open platform's gateway and the official SDK. */
export function createAlipayConnector(
  dependencies: ConnectorDependencies,
  limits: AlipayLimits = defaultLimits,
): Connector {
  const clientFor = createClients(dependencies, limits);

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

async function start(client: AlipayClient, request: StartRequest): Promise<StartOutcome> {
  const { reference, offerEndsAtMs } = request;
  const answer = await client.call({
    method: 'alipay.trade.precreate',
    notifyUrl: request.notifyUrl,
    content: termsOf(request, client.credential),
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

/**
 * The terms Alipay compares a repetition with: made of the request and the credential alone, so that they are the
 * same for ever. time_expire and never timeout_express: the latter counts from the scan.
 */
function termsOf(request: StartRequest, { sellerId }: AlipayCredential): Record<string, string> {
  return {
    out_trade_no: request.reference,
    total_amount: toMajorUnits(request),
    subject: subjectOf(request),
    seller_id: sellerId,
    time_expire: formatBeijingTime(request.offerEndsAtMs),
  };
}

const MAX_SUBJECT_LENGTH = 128;

/**
 * Alipay does not allow `/`, `=` and `&` in a subject, and a notification repeats it in its signed text, where an
 * `&` could pass for a field's end. Their full-width forms read the same.
 */
function subjectOf({ subject, reference }: StartRequest): string {
  const text = subject
    .replace(/[/=&]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0))
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
  return Array.from(text).slice(0, MAX_SUBJECT_LENGTH).join('') || reference;
}

/** Our own check: what Alipay can never take is not sent, today or on a repetition. */
function refuseUnsendable({ amountMinor, currency }: StartRequest): StartOutcome | undefined {
  const { currencies, minAmountMinor, maxAmountMinor } = capabilities;
  const isSendable =
    currencies.includes(currency) &&
    Number.isSafeInteger(amountMinor) &&
    amountMinor >= minAmountMinor &&
    amountMinor <= maxAmountMinor;
  if (isSendable) return undefined;
  const message = `Alipay takes ${minAmountMinor} to ${maxAmountMinor} fen in CNY; nothing was sent`;
  return { kind: 'failed', reason: 'invalid', error: { code: 'unsendable', message } };
}

type ClientFor = (account: AccountReference) => AlipayClient;

async function withClient<T>(
  account: AccountReference,
  clientFor: ClientFor,
  act: (client: AlipayClient) => Promise<T>,
): Promise<T | NotExecuted> {
  let client: AlipayClient;
  try {
    client = clientFor(account);
  } catch {
    const message = `the credential ${account.credential} is missing or not usable; nothing was sent`;
    return { kind: 'not_executed', error: { code: 'credential', message } };
  }
  return act(client);
}

/** One client per credential, made again when the credential's settings change. */
function createClients(dependencies: ConnectorDependencies, limits: AlipayLimits): ClientFor {
  const clients = new Map<string, { readonly settings: string; readonly client: AlipayClient }>();
  return ({ credential: name }) => {
    const credentials = dependencies.credentials(name);
    const settings = JSON.stringify(credentials);
    const known = clients.get(name);
    if (known?.settings === settings) return known.client;
    const client = new AlipayClient(parseCredential(name, credentials), limits, dependencies.now);
    clients.set(name, { settings, client });
    // Calls under way end in their own time.
    known?.client.close().catch(() => undefined);
    return client;
  };
}
