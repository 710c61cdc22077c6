import { fromMajorUnits, toMajorUnits } from '../../domain/money.js';
import type {
  Failed,
  FollowUpLookup,
  FollowUpOutcome,
  MovedEvidence,
  ProviderError,
} from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import { parseBeijingTime } from './beijing-time.js';
import type { AlipayClient, Answer, Reply } from './client.js';
import { refundCodes, refundQueryCodes } from './codes.js';
import { isOurs, otherReference, readAnswer, textOf, unknown, unreadable } from './mapping.js';

/**
 * Gives money back under an `out_request_no` that refunds once however often it is sent. Code 10000 says that the
 * trade is in order, and only `fund_change` Y that this very call moved money: a repetition is answered N
 * (https://opendocs.alipay.com/open/f60979b3_alipay.trade.refund, 2026-11), and then the refund is looked up.
 */
export async function startRefund(client: AlipayClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  const answer = await client.call({
    method: 'alipay.trade.refund',
    content: {
      out_trade_no: request.of.reference,
      out_request_no: request.reference,
      refund_amount: toMajorUnits(request),
    },
  });
  const next = mapRefund(answer, request);
  if (next.kind === 'outcome') return next.outcome;
  return refundFromQuery(await queryRefund(client, request), next.error, next.unlessFound);
}

export async function queryRefund(client: AlipayClient, request: FollowUpRequest): Promise<FollowUpLookup> {
  const answer = await client.call({
    method: 'alipay.trade.fastpay.refund.query',
    content: { out_trade_no: request.of.reference, out_request_no: request.reference },
  });
  return mapRefundQuery(answer, request);
}

type NextForRefund =
  | { readonly kind: 'outcome'; readonly outcome: FollowUpOutcome }
  /** `unlessFound` holds only where no refund of this number is found. */
  | { readonly kind: 'query'; readonly error: ProviderError; readonly unlessFound?: Failed };

const repeated: ProviderError = {
  code: 'fund_change_n',
  message: 'this call moved no money, and the refund was not found by a query',
};

function mapRefund(answer: Answer, request: FollowUpRequest): NextForRefund {
  const read = readAnswer(answer, request.of.reference, 'replay');
  if (read.kind === 'ended') return { kind: 'outcome', outcome: read.outcome };
  const { code, subCode, reply, error } = read;
  if (code === '10000' && subCode === undefined) {
    if (reply['fund_change'] !== 'Y') return { kind: 'query', error: repeated };
    return { kind: 'outcome', outcome: mapExecuted(reply, request) };
  }
  const meaning = code === '40004' ? refundCodes.get(subCode ?? '') : undefined;
  switch (meaning) {
    case undefined:
      return { kind: 'outcome', outcome: unknown(error, 'replay') };
    case 'retry':
      return { kind: 'outcome', outcome: { kind: 'pending', why: 'retry_same_key' } };
    case 'query':
      return { kind: 'query', error };
    case 'declined':
    case 'invalid':
    case 'conflict':
    case 'expired':
    case 'config':
    case 'insufficient_funds':
    case 'not_refundable':
      return { kind: 'query', error, ...refusedNow(request, { kind: 'failed', reason: meaning, error }) };
  }
}

/** A look-up that does not find it yet is no proof that an earlier call, whose answer is not known, made none. */
function refusedNow({ mayHaveBeenSent }: FollowUpRequest, failed: Failed): { unlessFound?: Failed } {
  return mayHaveBeenSent ? {} : { unlessFound: failed };
}

/**
 * The reply to a refund names the trade and the sum of all its refunds, not this one's number or amount: what binds
 * it to them is that it answers our call, and that another amount under one number is refused.
 */
function mapExecuted(reply: Reply, request: FollowUpRequest): FollowUpOutcome {
  if (!isOurs(reply, request.of.reference)) return unknown(otherReference, 'query');
  const sumMinor = fromMajorUnits(textOf(reply, 'refund_fee') ?? '', request.currency);
  const tradeNo = textOf(reply, 'trade_no');
  if (sumMinor === undefined || tradeNo === undefined) {
    return unknown(unreadable('refund_fee or trade_no'), 'query');
  }
  if (sumMinor < request.amountMinor) return unknown(unreadable('a refund of the amount asked for'), 'query');
  return { kind: 'succeeded', moved: evidence(reply, request, request.amountMinor, tradeNo) };
}

function mapRefundQuery(answer: Answer, request: FollowUpRequest): FollowUpLookup {
  const read = readAnswer(answer, request.of.reference, 'query');
  if (read.kind === 'ended') return read.outcome;
  const { code, subCode, reply, error } = read;
  if (code === '10000' && subCode === undefined) return mapFound(reply, request);
  const meaning = code === '40004' ? refundQueryCodes.get(subCode ?? '') : undefined;
  return meaning === 'not_found' ? { kind: 'not_found' } : unknown(error, 'query');
}

const refundMembers = ['out_request_no', 'refund_amount', 'refund_status'] as const;

/** 10000 says that the query worked. A refund that Alipay does not know is answered without any of its members. */
function mapFound(reply: Reply, request: FollowUpRequest): FollowUpLookup {
  if (refundMembers.every((member) => reply[member] === undefined)) return { kind: 'not_found' };
  const isOurRefund = isOurs(reply, request.of.reference) && reply['out_request_no'] === request.reference;
  if (!isOurRefund) return unknown(otherReference, 'query');
  const amountMinor = fromMajorUnits(textOf(reply, 'refund_amount') ?? '', request.currency);
  const tradeNo = textOf(reply, 'trade_no');
  if (reply['refund_status'] !== 'REFUND_SUCCESS') return unknown(unreadable('refund_status'), 'query');
  if (!amountMinor || tradeNo === undefined) {
    return unknown(unreadable('refund_amount or trade_no'), 'query');
  }
  return { kind: 'succeeded', moved: evidence(reply, request, amountMinor, tradeNo) };
}

/** Alipay has no number of its own for a refund: the trade's, with ours behind it, is said of no other. */
function evidence(
  reply: Reply,
  { reference, currency }: FollowUpRequest,
  amountMinor: number,
  tradeNo: string,
): MovedEvidence {
  const movedAtMs = parseBeijingTime(textOf(reply, 'gmt_refund_pay') ?? '') ?? null;
  return { reference, amountMinor, currency, providerReference: `${tradeNo}/${reference}`, movedAtMs };
}

function refundFromQuery(
  queried: FollowUpLookup,
  because: ProviderError,
  unlessFound: Failed | undefined,
): FollowUpOutcome {
  switch (queried.kind) {
    case 'succeeded':
    case 'pending':
    case 'failed':
      return queried;
    case 'not_found':
      return unlessFound ?? unknown(because, 'query');
    case 'unknown':
    // The refund was sent, even if the query was not: "never ran" would be a lie.
    case 'not_executed':
      return unknown(because, 'query');
  }
}
