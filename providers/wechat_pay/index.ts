import { isIP } from 'node:net';
import type { QueryOutcome, CloseOutcome, StartOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type {
  Capabilities,
  Connector,
  ConnectorDependencies,
  OperationReference,
  StartRequest,
} from '../connector.js';
import { defaultOutboundLimits, type OutboundLimits } from '../outbound-call.js';
import { WechatPayClient } from './client.js';
import { parseCredential, type WechatPayCredential } from './credentials.js';
import { closeFromQuery, mapClose, mapProbe, mapQuery, mapStart, startFromQuery } from './mapping.js';
import { parseNotification } from './notification.js';
import { queryRefund, startRefund } from './refund.js';
import { formatBeijingTime } from './rfc3339-time.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * An order exists as soon as it is made, and the same number with the same terms gives a fresh link for it. Its
 * `time_expire` ends payment, not the order, which stays NOTPAY until it is closed; and one that lies less than a
 * minute ahead is moved to a minute after the order (https://pay.weixin.qq.com/doc/v3/merchant/4012791877, 2026-11):
 * hence the margin of two.
 */
const capabilities: Capabilities = {
  methods: ['wechat_pay'],
  currencies: ['CNY'],
  countries: null,
  operations: ['sale', 'refund'],
  flows: ['qr_code', 'redirect'],
  needsToken: false,
  flowsByPayerIp: ['redirect'],
  minAmountMinor: 1,
  // amount.total is a 32-bit integer.
  maxAmountMinor: 2_147_483_647,
  // An h5_url lives for five minutes.
  offerLifetimeMs: 5 * MINUTE_MS,
  conclusiveMarginMs: 2 * MINUTE_MS,
  graceMs: DAY_MS,
  startOnlyMakesOffer: true,
  keyLifetimeMs: null,
  recovery: { sale: 'replay', refund: 'replay' },
  refundWindowMs: 365 * DAY_MS,
  maxCallsPerSecond: 100,
};

/** Payments by WeChat Pay (APIv3): a QR code (Native), or a page in the payer's mobile browser (H5). */
export function createWechatPayConnector(
  dependencies: ConnectorDependencies,
  limits: OutboundLimits = defaultOutboundLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new WechatPayClient(parseCredential(name, settings), limits, dependencies.now),
  );

  return {
    provider: 'wechat_pay',
    capabilities,

    async start(request) {
      const refusal = refuseUnsendable(request);
      if (refusal) return refusal;
      return withClient(request.account, clientFor, (client) => start(client, request, dependencies.now()));
    },

    async query(request) {
      return withClient(request.account, clientFor, (client) => query(client, request));
    },

    async close(request) {
      return withClient(request.account, clientFor, (client) => close(client, request));
    },

    refund: {
      start: async (request) =>
        withClient(request.account, clientFor, (client) => startRefund(client, request)),
      query: async (request) =>
        withClient(request.account, clientFor, (client) => queryRefund(client, request)),
    },

    /** A look-up of an order that cannot be: any verified answer shows that the account is served. */
    async probe(account) {
      return withClient(account, clientFor, async (client) =>
        mapProbe(await client.call({ method: 'GET', path: orderPath('quittance-probe', client.credential) })),
      );
    },

    /** Rejects only where configuration has no usable credential: WeChat Pay then sends again. */
    async parseNotification(raw) {
      return parseNotification(clientFor(raw.account), raw, dependencies.now());
    },

    notificationReply: (accepted) =>
      accepted
        ? { status: 200, contentType: 'application/json', body: '{"code":"SUCCESS"}' }
        : { status: 400, contentType: 'application/json', body: '{"code":"FAIL","message":"refused"}' },
  };
}

async function start(client: WechatPayClient, request: StartRequest, nowMs: number): Promise<StartOutcome> {
  if (nowMs >= request.offerEndsAtMs) {
    // Sent now, its end would be moved into the future.
    const because = { code: 'offer_over', message: 'the offer had ended before it was asked for' };
    return startFromQuery(await query(client, request), because);
  }
  const isQrCode = request.flow === 'qr_code';
  const path = `/v3/pay/transactions/${isQrCode ? 'native' : 'h5'}`;
  const answer = await client.call({ method: 'POST', path, body: termsOf(request, client.credential) });
  const next = mapStart(answer, isQrCode ? 'code_url' : 'h5_url');
  if (typeof next === 'string') return offerOf(request, next);
  if (next.kind === 'outcome') return next.outcome;
  return startFromQuery(await query(client, request), next.error, next.unlessFound);
}

function offerOf({ flow, returnUrl, offerEndsAtMs: endsAtMs }: StartRequest, link: string): StartOutcome {
  const back = `${link.includes('?') ? '&' : '?'}redirect_url=${encodeURIComponent(returnUrl)}`;
  const type = flow === 'qr_code' ? flow : 'redirect';
  const data = flow === 'qr_code' ? link : link + back;
  return { kind: 'pending', why: 'user_action', offer: { type, data, endsAtMs } };
}

async function query(client: WechatPayClient, request: OperationReference): Promise<QueryOutcome> {
  const answer = await client.call({ method: 'GET', path: orderPath(request.reference, client.credential) });
  return mapQuery(answer, request, client.credential);
}

async function close(client: WechatPayClient, request: OperationReference): Promise<CloseOutcome> {
  const { mchid } = client.credential;
  const path = `/v3/pay/transactions/out-trade-no/${encodeURIComponent(request.reference)}/close`;
  const next = mapClose(await client.call({ method: 'POST', path, body: { mchid } }));
  if (next.kind === 'outcome') return next.outcome;
  return closeFromQuery(await query(client, request), next.error);
}

function orderPath(reference: string, { mchid }: WechatPayCredential): string {
  return `/v3/pay/transactions/out-trade-no/${encodeURIComponent(reference)}?mchid=${mchid}`;
}

/** Made of the request and the credential alone: WeChat Pay compares a repetition with them. */
function termsOf(request: StartRequest, { appid, mchid }: WechatPayCredential): Record<string, unknown> {
  const { reference, amountMinor, currency, offerEndsAtMs, notifyUrl, payer } = request;
  return {
    appid,
    mchid,
    description: descriptionOf(request),
    out_trade_no: reference,
    time_expire: formatBeijingTime(offerEndsAtMs),
    notify_url: notifyUrl,
    amount: { total: amountMinor, currency },
    ...(request.flow === 'redirect'
      ? { scene_info: { payer_client_ip: payer.ip, h5_info: { type: 'Wap' } } }
      : {}),
  };
}

const MAX_DESCRIPTION_BYTES = 127;

/** The page says 127 characters, and not whether it counts bytes: fewer are right in both cases. */
function descriptionOf({ subject, reference }: StartRequest): string {
  const text = subject.replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim();
  let kept = '';
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > MAX_DESCRIPTION_BYTES) break;
    kept += character;
  }
  return kept || reference;
}

/** Our own check: what WeChat Pay can never take is not sent, today or on a repetition. */
function refuseUnsendable({ amountMinor, currency, flow, payer }: StartRequest): StartOutcome | undefined {
  const { currencies, flows, minAmountMinor, maxAmountMinor } = capabilities;
  const refuse = (message: string): StartOutcome => {
    const error = { code: 'unsendable', message: `${message}; nothing was sent` };
    return { kind: 'failed', reason: 'invalid', error };
  };
  const isPayable = amountMinor >= minAmountMinor && amountMinor <= maxAmountMinor;
  if (!currencies.includes(currency) || !Number.isSafeInteger(amountMinor) || !isPayable) {
    return refuse(`WeChat Pay takes ${minAmountMinor} to ${maxAmountMinor} fen in CNY`);
  }
  if (flow === null || !flows.includes(flow)) return refuse('WeChat Pay leads to pay by qr_code or redirect');
  if (flow === 'redirect' && isIP(payer.ip ?? '') === 0) {
    return refuse('a redirect to WeChat Pay needs the IP address of the payer’s browser');
  }
  return undefined;
}
