import type { CloseOutcome, ProbeOutcome, QueryOutcome } from '../../domain/outcome.js';
import { createClients, withClient } from '../client-per-credential.js';
import type {
  AccountReference,
  Capabilities,
  Connector,
  ConnectorDependencies,
  ParsedReturn,
  RawReturn,
} from '../connector.js';
import { adyenCurrencies, MAX_AMOUNT_MINOR } from './amounts.js';
import { AdyenClient, type AdyenLimits } from './client.js';
import { parseCredential } from './credentials.js';
import { noLookUp, queryModification, startCapture, startRefund, startVoid } from './modifications.js';
import { parseNotification } from './notification.js';
import { unknown } from './reply.js';
import { advancePayment, startPayment } from './start-payment.js';

/** A start is at most one moving call and one asking one, and its activity has 20 s. */
const defaultLimits: AdyenLimits = {
  moving: { connectTimeoutMs: 3000, deadlineMs: 9000, maxReplyBytes: 1024 * 1024 },
  asking: { connectTimeoutMs: 3000, deadlineMs: 3500, maxReplyBytes: 1024 * 1024 },
};

/** Copies of Adyen's documents that could be read say 31 days (…/api-idempotency); a week is counted on, to be safe. */
const KEY_LIFETIME_MS = 7 * 24 * 3_600_000;

/**
 * There is nothing to ask: what a call has not answered is repeated under its key, then told by a webhook, else given to
 * a person. An abandoned 3-D Secure page ends by Adyen's OFFER_CLOSED, for cards after twelve hours by default
 * (https://docs.adyen.com/api-explorer/Webhooks/1/post/OFFER_CLOSED, read 2026-11); the margin waits for that and for a
 * webhook that comes late. After it no look-up could tell more, so the grace is only there to be later.
 */
const capabilities: Capabilities = {
  methods: ['card'],
  currencies: adyenCurrencies,
  countries: null,
  operations: ['sale', 'authorize', 'capture', 'void', 'refund'],
  flows: ['redirect'],
  needsToken: true,
  minAmountMinor: 1,
  maxAmountMinor: MAX_AMOUNT_MINOR,
  offerLifetimeMs: 15 * 60_000,
  conclusiveMarginMs: 24 * 3_600_000,
  graceMs: 60_000,
  startOnlyMakesOffer: false,
  keyLifetimeMs: KEY_LIFETIME_MS,
  advanceKeyLifetimeMs: KEY_LIFETIME_MS,
  hasNoLookUp: true,
  recovery: { sale: 'replay', authorize: 'replay', capture: 'replay', void: 'replay', refund: 'replay' },
  // Adyen names none; a scheme may refuse an old one, which then comes back as a failed refund.
  refundWindowMs: null,
  maxCallsPerSecond: 25,
};

/** Cards through Adyen's Checkout API and the official SDK. */
export function createAdyenConnector(
  dependencies: ConnectorDependencies,
  limits: AdyenLimits = defaultLimits,
): Connector {
  const clientFor = createClients(
    dependencies,
    (name, settings) => new AdyenClient(parseCredential(name, settings), limits),
  );
  const act = <Request extends { readonly account: AccountReference }, Outcome>(
    perform: (client: AdyenClient, request: Request) => Promise<Outcome>,
  ) => {
    return (request: Request) => withClient(request.account, clientFor, (client) => perform(client, request));
  };

  return {
    provider: 'adyen',
    capabilities,
    start: act(startPayment),
    advance: act(advancePayment),
    query: act((): Promise<QueryOutcome> => Promise.resolve(unknown(noLookUp))),
    close: act((): Promise<CloseOutcome> => Promise.resolve(unknown(noClose))),
    capture: { start: act(startCapture), query: queryModification },
    void: { start: act(startVoid), query: queryModification },
    refund: { start: act(startRefund), query: queryModification },
    probe: (account) => withClient(account, clientFor, probe),
    parseReturn: (raw) => Promise.resolve(parseReturn(raw)),

    /** Rejects only where configuration has no usable credential: Adyen then sends again. */
    parseNotification(raw) {
      return new Promise((resolve) => {
        resolve(parseNotification(raw, clientFor(raw.account).credential));
      });
    },

    /** Older webhooks count as taken only with this word. */
    notificationReply: (accepted) => ({
      status: accepted ? 200 : 401,
      contentType: 'text/plain',
      body: accepted ? '[accepted]' : '[refused]',
    }),
  };
}

/**
 * Nothing that Adyen documents makes an offered redirect unpayable: a cancel reaches only what was authorised. That the
 * issuer is asked by our own /payments/details alone is said here and denied there, so it proves nothing either.
 */
const noClose = {
  code: 'no_close',
  message: 'Adyen cannot be told to end it; it does so by itself, and its webhook tells',
};

const MAX_RETURN_LENGTH = 8192;

/** `redirectResult`, which only Adyen can read. */
function parseReturn({ query }: RawReturn): ParsedReturn {
  const results = new URLSearchParams(query).getAll('redirectResult');
  const [details] = results;
  if (details === undefined) return { kind: 'nothing' };
  if (results.length > 1 || details.length > MAX_RETURN_LENGTH || !/^[\x21-\x7e]+$/.test(details)) {
    return { kind: 'refused', why: 'malformed', detail: 'redirectResult is not readable' };
  }
  return { kind: 'details', details };
}

/** Which ways to pay the account has: a call that needs the key and the merchant account, and makes nothing. */
async function probe(client: AdyenClient): Promise<ProbeOutcome> {
  const { merchantAccount } = client.credential;
  const answer = await client.ask(({ payments }) => payments.paymentMethods({ merchantAccount }));
  switch (answer.kind) {
    case 'reply':
      return Array.isArray(answer.reply['paymentMethods'])
        ? { kind: 'alive' }
        : unknown({ code: 'unreadable_reply', message: 'Adyen does not list the ways to pay' });
    case 'denied':
      return { kind: 'failed', reason: 'config', error: answer.error };
    case 'refused':
      return answer.code === '901'
        ? { kind: 'failed', reason: 'config', error: answer.error }
        : unknown(answer.error);
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error);
  }
}
