import type {
  CloseOutcome,
  NotExecuted,
  PaidEvidence,
  ProbeOutcome,
  ProviderError,
  QueryOutcome,
  StartOutcome,
  Unknown,
} from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import type { Answer } from './client.js';
import { closeCodes, configCodes, limitCodes, queryCodes, startCodes } from './codes.js';
import type { WechatPayCredential } from './credentials.js';
import { errorOf, fenOf, isRecord, textOf, unknown, unreadable, type Reply } from './reply.js';
import { parseTime } from './rfc3339-time.js';

/** What is to be done next: say an outcome, or ask WeChat Pay what became of it and say that. */
export type Next<T> =
  | { readonly kind: 'outcome'; readonly outcome: T }
  | { readonly kind: 'ask'; readonly error: ProviderError; readonly unlessFound?: T };

/** WeChat Pay's trade states. Any other word is unknown. */
const tradeStates = ['SUCCESS', 'REFUND', 'NOTPAY', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR'] as const;
type TradeState = (typeof tradeStates)[number];

const MAX_LINK_LENGTH = 2048;

/** The link in a reply to an order: a code's text, or a page's address. */
export function mapStart(answer: Answer, member: 'code_url' | 'h5_url'): Next<StartOutcome> | string {
  if (answer.kind === 'signature_refused') {
    // Nobody has seen a link to an order that an earlier call may have made.
    return done({ kind: 'failed', reason: 'config', error: answer.error });
  }
  const read = readAnswer(answer, 'replay');
  if (read.kind === 'ended') return done(read.outcome);
  const { status, reply, error } = read;
  if (status === 200) {
    const link = textOf(reply, member);
    if (link && isLink(link, member)) return link;
    return done(unknown(unreadable(member), 'replay'));
  }
  const refusal = isRefusal(status) ? startCodes.get(error.code) : undefined;
  if (!refusal) return done(unknown(error, 'replay'));
  const failed: StartOutcome | undefined = refusal.reason && {
    kind: 'failed',
    reason: refusal.reason,
    error,
  };
  if (refusal.ask) return { kind: 'ask', error, ...(failed ? { unlessFound: failed } : {}) };
  return done(failed ?? unknown(error, 'replay'));
}

/** A page has to be one that a browser opens; what a code's text says is WeChat's own affair. */
function isLink(text: string, member: 'code_url' | 'h5_url'): boolean {
  if (text.length > MAX_LINK_LENGTH || !URL.canParse(text)) return false;
  return member === 'code_url' || /^https?:$/.test(new URL(text).protocol);
}

/** A query made inside `start`: an order that is not paid is there, but its link cannot be had with these terms. */
export function startFromQuery(
  queried: QueryOutcome,
  because: ProviderError,
  unlessFound?: StartOutcome,
): StartOutcome {
  if (queried.kind === 'succeeded') return queried;
  return queried.kind === 'not_found' && unlessFound ? unlessFound : unknown(because, 'query');
}

export function mapQuery(
  answer: Answer,
  request: OperationReference,
  credential: WechatPayCredential,
): QueryOutcome {
  const read = readAnswer(answer, 'query');
  if (read.kind === 'ended') return read.outcome;
  const { status, reply, error } = read;
  if (status === 200) return mapTrade(reply, request, credential);
  // A query that is refused, whatever the reason, says nothing about the money: it is never `failed`.
  const meaning = isRefusal(status) ? queryCodes.get(error.code) : undefined;
  return meaning === 'not_found' ? { kind: 'not_found' } : unknown(error, 'query');
}

/** 204 only says that the close was taken: what became of the order is asked for. */
export function mapClose(answer: Answer): Next<CloseOutcome> {
  const error = { code: 'closed_or_not', message: 'the close was accepted, but not confirmed by a query' };
  if (answer.kind === 'reply' && answer.status === 204) return { kind: 'ask', error };
  if (answer.kind === 'reply') {
    const refused = errorOf(answer.reply);
    const meaning =
      isRefusal(answer.status) || answer.status === 202 ? closeCodes.get(refused.code) : undefined;
    if (meaning === 'not_found') return done({ kind: 'not_found' });
    if (meaning === 'ask') return { kind: 'ask', error: refused };
  }
  const read = readAnswer(answer, 'query');
  return done(read.kind === 'ended' ? read.outcome : unknown(read.error, 'query'));
}

export function closeFromQuery(queried: QueryOutcome, because: ProviderError): CloseOutcome {
  switch (queried.kind) {
    case 'succeeded':
    case 'pending':
    case 'closed':
    case 'not_found':
      return queried;
    case 'failed':
    case 'not_executed':
    case 'unknown':
      return unknown(because, 'query');
  }
}

/** That nobody knows the number is what was hoped for. */
export function mapProbe(answer: Answer): ProbeOutcome {
  if (answer.kind === 'signature_refused') return { kind: 'failed', reason: 'config', error: answer.error };
  const read = readAnswer(answer, 'query');
  if (read.kind === 'ended') return read.outcome;
  const { status, error } = read;
  if (isRefusal(status) && configCodes.has(error.code)) return { kind: 'failed', reason: 'config', error };
  return status === 200 || isRefusal(status) ? { kind: 'alive' } : unknown(error, 'query');
}

export type ReadAnswer =
  | { readonly kind: 'ended'; readonly outcome: Unknown | NotExecuted }
  | { readonly kind: 'reply'; readonly status: number; readonly reply: Reply; readonly error: ProviderError };

export function readAnswer(answer: Answer, recover: 'query' | 'replay'): ReadAnswer {
  switch (answer.kind) {
    case 'not_delivered':
      return { kind: 'ended', outcome: { kind: 'not_executed', error: answer.error } };
    case 'signature_refused':
    case 'unclear':
      return { kind: 'ended', outcome: unknown(answer.error, recover) };
    case 'reply': {
      const { status, reply } = answer;
      const error = status < 300 ? { code: `http_${status}`, message: 'not an answer' } : errorOf(reply);
      if (status === 429 && limitCodes.has(error.code)) {
        return { kind: 'ended', outcome: { kind: 'not_executed', error } };
      }
      return { kind: 'reply', status, reply, error };
    }
  }
}

function mapTrade(
  reply: Reply,
  { reference, currency }: OperationReference,
  credential: WechatPayCredential,
): QueryOutcome {
  const stranger = findStranger(reply, reference, credential);
  if (stranger) return unknown(stranger, 'query');
  const state = toTradeState(reply['trade_state']);
  switch (state) {
    case 'SUCCESS': {
      const paid = readPaid(reply);
      if (!paid) return unknown(unreadable('the transaction or its amount'), 'query');
      return paid.currency === currency ? { kind: 'succeeded', paid } : unknown(otherCurrency, 'query');
    }
    case 'NOTPAY':
    case 'USERPAYING':
      return { kind: 'pending', why: 'user_action' };
    case 'CLOSED':
      // Never seen, and a contradiction: an order that was paid is not closed.
      return reply['success_time'] === undefined
        ? { kind: 'closed' }
        : unknown({ code: state, message: 'closed, and yet paid once' }, 'query');
    case 'REFUND':
      // Paid, and a refund was begun: of how much, only each refund's own number would tell.
      return unknown({ code: state, message: 'paid, and refunded by an amount not told here' }, 'query');
    case 'REVOKED':
    case 'PAYERROR':
      // Words of the payment by bar code, which this connector does not start.
      return unknown({ code: state, message: 'not a state of such an order' }, 'query');
    case undefined:
      return unknown(unreadable('trade_state'), 'query');
  }
}

/** Undefined where a transaction is about our order, our merchant and our app. */
export function findStranger(
  said: Reply,
  reference: string,
  { mchid, appid }: WechatPayCredential,
): ProviderError | undefined {
  if (said['mchid'] !== mchid) return { code: 'other_merchant', message: 'the reply is about another mchid' };
  if (said['appid'] !== undefined && said['appid'] !== appid) {
    return { code: 'other_app', message: 'the reply is about another appid' };
  }
  if (said['out_trade_no'] === reference) return undefined;
  return { code: 'other_reference', message: 'the reply is about another out_trade_no than was asked for' };
}

/**
 * Money that a transaction speaks of; undefined where any of it cannot be read exactly. `amount.total` is what the
 * order was worth; `payer_total` is less where WeChat Pay's own coupons paid a part.
 */
export function readPaid(said: Reply): PaidEvidence | undefined {
  const { amount } = said;
  const reference = textOf(said, 'out_trade_no');
  const merchant = textOf(said, 'mchid');
  const providerReference = textOf(said, 'transaction_id');
  if (!isRecord(amount) || !reference || !merchant || !providerReference) return undefined;
  const amountMinor = fenOf(amount, 'total');
  const currency = currencyOf(amount);
  if (amountMinor === undefined || currency === undefined) return undefined;
  const paidAtMs = parseTime(textOf(said, 'success_time') ?? '') ?? null;
  return { reference, merchant, amountMinor, currency, refundedMinor: 0, providerReference, paidAtMs };
}

/** Amounts in CNY may leave the currency out. */
export function currencyOf(amount: Reply): string | undefined {
  return amount['currency'] === undefined ? 'CNY' : textOf(amount, 'currency');
}

function toTradeState(value: unknown): TradeState | undefined {
  return tradeStates.find((state) => state === value);
}

export function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}

export const otherCurrency: ProviderError = {
  code: 'other_currency',
  message: 'the reply is in another currency than was asked for',
};

export function done<T>(outcome: T): Next<T> {
  return { kind: 'outcome', outcome };
}
