import { fromMajorUnits } from '../../domain/money.js';
import { isCurrency } from '../../domain/currencies.js';
import type {
  CloseOutcome,
  FailureReason,
  Offer,
  PaidEvidence,
  ProbeOutcome,
  ProviderError,
  QueryOutcome,
  StartOutcome,
  Unknown,
} from '../../domain/outcome.js';
import { parseBeijingTime } from './beijing-time.js';
import type { Answer, Reply } from './client.js';
import { closeCodes, configGatewayCodes, precreateCodes, queryCodes, unknownCodes } from './codes.js';

/** What is to be done next: say an outcome, or ask Alipay what became of the trade and say that. */
export type Next<T> =
  | { readonly kind: 'outcome'; readonly outcome: T }
  | { readonly kind: 'query'; readonly error: ProviderError };

/** Alipay's trade states. Any other word is unknown. */
export const tradeStatuses = ['WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_FINISHED', 'TRADE_CLOSED'] as const;
export type TradeStatus = (typeof tradeStatuses)[number];

export function toTradeStatus(value: unknown): TradeStatus | undefined {
  return tradeStatuses.find((status) => status === value);
}

export function mapPrecreate(answer: Answer, reference: string, endsAtMs: number): Next<StartOutcome> {
  const read = readAnswer(answer, reference, 'replay');
  if (read.kind === 'ended') return done(read.outcome);
  const { code, subCode, error } = read;
  if (code === '10000' && subCode === undefined) {
    return done(mapOffer(read.reply, reference, endsAtMs));
  }
  if (configGatewayCodes.has(code)) return done({ kind: 'failed', reason: 'config', error });
  const meaning = code === '40004' ? precreateCodes.get(subCode ?? '') : undefined;
  if (meaning === undefined) return done(unknown(error, 'replay'));
  return meaning === 'query' ? { kind: 'query', error } : done(failed(meaning, error));
}

export function mapQuery(answer: Answer, reference: string, merchant: string): QueryOutcome {
  const read = readAnswer(answer, reference, 'query');
  if (read.kind === 'ended') return read.outcome;
  const { code, subCode, reply, error } = read;
  if (code === '10000' && subCode === undefined) return mapTrade(reply, reference, merchant);
  // A query that Alipay refuses, whatever the reason, says nothing about the money: it is never `failed`.
  const meaning = code === '40004' ? queryCodes.get(subCode ?? '') : undefined;
  return meaning === 'not_found' ? { kind: 'not_found' } : unknown(error, 'query');
}

export function mapClose(answer: Answer, reference: string): Next<CloseOutcome> {
  const read = readAnswer(answer, reference, 'query');
  if (read.kind === 'ended') return done(read.outcome);
  const { code, subCode, reply, error } = read;
  if (code === '10000' && subCode === undefined) {
    return done(isOurs(reply, reference) ? { kind: 'closed' } : unknown(otherReference, 'query'));
  }
  const meaning = code === '40004' ? closeCodes.get(subCode ?? '') : undefined;
  if (meaning === 'query') return { kind: 'query', error };
  // Not found is no proof of closure: a code that nobody has scanned has no trade, and stays payable.
  return done(meaning === 'not_found' ? { kind: 'not_found' } : unknown(error, 'query'));
}

/** A query made inside `start`: what it cannot say in a start's words is left to the caller's own query. */
export function startFromQuery(queried: QueryOutcome, because: ProviderError): StartOutcome {
  switch (queried.kind) {
    case 'succeeded':
    case 'pending':
      return queried;
    case 'failed':
    // The precreate was executed, even if the query was not: "never ran" would be a lie.
    case 'not_executed':
    case 'unknown':
    case 'closed':
    case 'not_found':
      return unknown(because, 'query');
  }
}

export function closeFromQuery(queried: QueryOutcome, because: ProviderError): CloseOutcome {
  switch (queried.kind) {
    case 'succeeded':
    case 'pending':
    case 'closed':
      return queried;
    case 'failed':
    case 'not_executed':
    case 'unknown':
    // The close named a trade and its state: that the query then finds none contradicts it.
    case 'not_found':
      return unknown(because, 'query');
  }
}

/** That nobody knows the reference is what was hoped for. */
export function mapProbe(answer: Answer): ProbeOutcome {
  const read = readAnswer(answer, 'probe', 'query');
  if (read.kind === 'ended') return read.outcome;
  if (configGatewayCodes.has(read.code)) return { kind: 'failed', reason: 'config', error: read.error };
  return read.code === '10000' || read.code === '40004' ? { kind: 'alive' } : unknown(read.error, 'query');
}

export type ReadAnswer =
  | { kind: 'ended'; outcome: Unknown | { kind: 'not_executed'; error: ProviderError } }
  | { kind: 'reply'; reply: Reply; code: string; subCode: string | undefined; error: ProviderError };

export function readAnswer(answer: Answer, reference: string, recover: 'query' | 'replay'): ReadAnswer {
  if (answer.kind === 'not_delivered') {
    return { kind: 'ended', outcome: { kind: 'not_executed', error: answer.error } };
  }
  if (answer.kind === 'unclear') return { kind: 'ended', outcome: unknown(answer.error, recover) };
  const { reply } = answer;
  const code = textOf(reply, 'code');
  // Some refusals name no order; what names another one is not an answer to us.
  if (reply['out_trade_no'] !== undefined && !isOurs(reply, reference)) {
    return { kind: 'ended', outcome: unknown(otherReference, recover) };
  }
  const subCode = textOf(reply, 'sub_code');
  const error = providerError(reply);
  if (code === undefined || (subCode !== undefined && unknownCodes.has(subCode))) {
    return { kind: 'ended', outcome: unknown(error, recover) };
  }
  // The call limit refuses before anything is performed: the one code that is taken for that
  // (https://opendocs.alipay.com/common/02km9f, 2026-11).
  if (code === '40005') return { kind: 'ended', outcome: { kind: 'not_executed', error } };
  return { kind: 'reply', reply, code, subCode, error };
}

function mapOffer(reply: Reply, reference: string, endsAtMs: number): StartOutcome {
  if (!isOurs(reply, reference)) return unknown(otherReference, 'replay');
  const data = textOf(reply, 'qr_code');
  if (data === undefined || data.length > 2048) return unknown(unreadable('qr_code'), 'replay');
  const offer: Offer = { type: 'qr_code', data, endsAtMs };
  return { kind: 'pending', why: 'user_action', offer };
}

function mapTrade(reply: Reply, reference: string, merchant: string): QueryOutcome {
  if (!isOurs(reply, reference)) return unknown(otherReference, 'query');
  const status = toTradeStatus(reply['trade_status']);
  switch (status) {
    case 'WAIT_BUYER_PAY':
      return { kind: 'pending', why: 'user_action' };
    case 'TRADE_SUCCESS':
    case 'TRADE_FINISHED':
      // alipay.trade.query has no member for refunds: a partial one leaves the status and total_amount as they
      // were, and only alipay.trade.fastpay.refund.query, by each refund's own number, would tell it. So 0 here
      // means "none that this look-up can see". A full refund shows as TRADE_CLOSED.
      return paidOutcome(reply, merchant, 'none');
    case 'TRADE_CLOSED': {
      const wasPaid = showsPayment(reply);
      if (wasPaid === undefined) return unknown(unreadable('the amounts of a closed trade'), 'query');
      return wasPaid ? paidOutcome(reply, merchant, 'all') : { kind: 'closed' };
    }
    case undefined:
      return unknown(unreadable('trade_status'), 'query');
  }
}

function paidOutcome(reply: Reply, merchant: string, refunded: 'none' | 'all'): QueryOutcome {
  // The documented reply names no seller, and is bound to ours by the app's key. Should one ever stand there, it
  // must be ours: money of somebody else proves nothing for this payment.
  if ((textOf(reply, 'seller_id') ?? merchant) !== merchant) {
    return unknown({ code: 'other_merchant', message: 'the reply names another seller' }, 'query');
  }
  const evidence = readPaid(reply, merchant, 'send_pay_date');
  if (evidence === undefined) return unknown(unreadable('total_amount, trans_currency or trade_no'), 'query');
  const refundedMinor = refunded === 'all' ? evidence.amountMinor : 0;
  return { kind: 'succeeded', paid: { ...evidence, refundedMinor } };
}

/** Money that a reply or a notification speaks of; undefined where any of it cannot be read exactly. */
export function readPaid(
  said: Reply,
  merchant: string,
  paidAtMember: 'send_pay_date' | 'gmt_payment',
): PaidEvidence | undefined {
  const reference = textOf(said, 'out_trade_no');
  const providerReference = textOf(said, 'trade_no');
  // total_amount is in trans_currency, which domestic trades leave out.
  const currency = said['trans_currency'] === undefined ? 'CNY' : textOf(said, 'trans_currency');
  const total = textOf(said, 'total_amount');
  if (!reference || !providerReference || !total || !currency || !isCurrency(currency)) return undefined;
  const amountMinor = fromMajorUnits(total, currency);
  if (amountMinor === undefined || amountMinor === 0) return undefined;
  const paidAtMs = parseBeijingTime(textOf(said, paidAtMember) ?? '') ?? null;
  return { reference, merchant, amountMinor, currency, refundedMinor: 0, providerReference, paidAtMs };
}

/**
 * A trade closes unpaid, or after a full refund, under the same word. Only one that was paid has a day of payment
 * or an amount above zero; where one cannot be read, neither is proven.
 */
function showsPayment(reply: Reply): boolean | undefined {
  if (reply['send_pay_date'] !== undefined) return true;
  const bills = reply['fund_bill_list'];
  if (Array.isArray(bills) && bills.length > 0) return true;
  const amounts = ['buyer_pay_amount', 'receipt_amount', 'invoice_amount', 'point_amount']
    .filter((member) => reply[member] !== undefined)
    .map((member) => fromMajorUnits(textOf(reply, member) ?? '', 'CNY'));
  if (amounts.some((amountMinor) => amountMinor !== undefined && amountMinor > 0)) return true;
  return amounts.includes(undefined) ? undefined : false;
}

const MAX_CODE_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 200;

function providerError(reply: Reply): ProviderError {
  const code = textOf(reply, 'sub_code') ?? textOf(reply, 'code') ?? 'no_code';
  const message = textOf(reply, 'sub_msg') ?? textOf(reply, 'msg') ?? '';
  return { code: forPeople(code, MAX_CODE_LENGTH), message: forPeople(message, MAX_MESSAGE_LENGTH) };
}

export function forPeople(text: string, maxLength: number): string {
  return Array.from(text.replace(/\p{C}/gu, ' ')).slice(0, maxLength).join('');
}

/** A member that is a string with something in it. */
export function textOf(reply: Reply, member: string): string | undefined {
  const value = reply[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export const otherReference: ProviderError = {
  code: 'other_reference',
  message: 'the reply is about another out_trade_no than was asked for, or about none',
};

export function unreadable(what: string): ProviderError {
  return { code: 'unreadable_reply', message: `the signed reply does not say ${what} readably` };
}

export function isOurs(reply: Reply, reference: string): boolean {
  return reply['out_trade_no'] === reference;
}

export function unknown(error: ProviderError, recover: 'query' | 'replay'): Unknown {
  return { kind: 'unknown', recover, error };
}

function failed(reason: FailureReason, error: ProviderError): StartOutcome {
  return { kind: 'failed', reason, error };
}

function done<T>(outcome: T): Next<T> {
  return { kind: 'outcome', outcome };
}
