import type { FollowUpLookup, FollowUpOutcome, ProviderError } from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import type { Answer, WechatPayClient } from './client.js';
import { refundCodes, refundQueryCodes } from './codes.js';
import { currencyOf, isRefusal, otherCurrency, readAnswer, type Next } from './mapping.js';
import { fenOf, isRecord, textOf, unknown, unreadable, type Reply } from './reply.js';
import { parseTime } from './rfc3339-time.js';

/**
 * Asks WeChat Pay to give money back, under an `out_refund_no` that refunds once however often it is sent. A 200
 * says that it was accepted; whether the payer has it, only the query (or a notification) says.
 */
export async function startRefund(
  client: WechatPayClient,
  request: FollowUpRequest,
): Promise<FollowUpOutcome> {
  const body = refundTerms(request);
  const answer = await client.call({ method: 'POST', path: '/v3/refund/domestic/refunds', body });
  const next = mapRefund(answer, request);
  if (next.kind === 'outcome') return next.outcome;
  return refundFromQuery(await queryRefund(client, request), next.error, next.unlessFound);
}

export async function queryRefund(
  client: WechatPayClient,
  request: FollowUpRequest,
): Promise<FollowUpLookup> {
  const path = `/v3/refund/domestic/refunds/${encodeURIComponent(request.reference)}`;
  return mapRefundQuery(await client.call({ method: 'GET', path }), request);
}

/** By our number alone: the transaction's id may be known at a repetition only, and the terms have to be the same. */
function refundTerms({ reference, amountMinor, currency, of, notifyUrl }: FollowUpRequest) {
  return {
    out_trade_no: of.reference,
    out_refund_no: reference,
    notify_url: notifyUrl,
    amount: { refund: amountMinor, total: of.amountMinor, currency },
  };
}

const asking: ProviderError = {
  code: 'accepted',
  message: 'the refund was accepted, and not found by a query',
};

function mapRefund(answer: Answer, request: FollowUpRequest): Next<FollowUpOutcome> {
  const read = readAnswer(answer, 'replay');
  if (read.kind === 'ended') return { kind: 'outcome', outcome: read.outcome };
  const { status, reply, error } = read;
  if (status === 200) {
    const outcome = mapRefundState(reply, request);
    // The reply to a request confirms its acceptance only (its page, note 4); a later state is asked for.
    return outcome.kind === 'succeeded' || outcome.kind === 'failed'
      ? { kind: 'ask', error: asking }
      : { kind: 'outcome', outcome };
  }
  if (isRefusal(status) && error.code === 'NOT_ENOUGH') {
    return { kind: 'outcome', outcome: { kind: 'pending', why: 'retry_same_key' } };
  }
  const refusal = isRefusal(status) ? refundCodes.get(error.code) : undefined;
  if (!refusal) return { kind: 'outcome', outcome: unknown(error, 'replay') };
  // A look-up that does not find it yet is no proof that an earlier call, whose answer is not known, made none.
  if (!refusal.reason || request.mayHaveBeenSent) return { kind: 'ask', error };
  return { kind: 'ask', error, unlessFound: { kind: 'failed', reason: refusal.reason, error } };
}

function refundFromQuery(
  queried: FollowUpLookup,
  because: ProviderError,
  unlessFound?: FollowUpOutcome,
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

function mapRefundQuery(answer: Answer, request: FollowUpRequest): FollowUpLookup {
  const read = readAnswer(answer, 'query');
  if (read.kind === 'ended') return read.outcome;
  const { status, reply, error } = read;
  if (status === 200) return mapRefundState(reply, request);
  const meaning = isRefusal(status) ? refundQueryCodes.get(error.code) : undefined;
  return meaning === 'not_found' ? { kind: 'not_found' } : unknown(error, 'query');
}

function mapRefundState(reply: Reply, request: FollowUpRequest): FollowUpOutcome {
  const isOurs =
    reply['out_refund_no'] === request.reference && reply['out_trade_no'] === request.of.reference;
  if (!isOurs) {
    return unknown({ code: 'other_reference', message: 'the reply is about another refund' }, 'query');
  }
  const providerReference = textOf(reply, 'refund_id');
  const { amount } = reply;
  const amountMinor = isRecord(amount) ? fenOf(amount, 'refund') : undefined;
  const currency = isRecord(amount) ? currencyOf(amount) : undefined;
  if (providerReference === undefined || amountMinor === undefined || currency === undefined) {
    return unknown(unreadable('refund_id or the amount'), 'query');
  }
  if (currency !== request.currency) return unknown(otherCurrency, 'query');
  switch (reply['status']) {
    case 'SUCCESS': {
      const movedAtMs = parseTime(textOf(reply, 'success_time') ?? '') ?? null;
      const { reference } = request;
      return {
        kind: 'succeeded',
        moved: { reference, amountMinor, currency, providerReference, movedAtMs },
      };
    }
    case 'PROCESSING':
      return { kind: 'pending', why: 'processing', providerReference };
    case 'CLOSED': {
      const message = 'WeChat Pay closed the refund: the merchant’s balance did not cover it for seven days';
      return { kind: 'failed', reason: 'not_refundable', error: { code: 'CLOSED', message } };
    }
    case 'ABNORMAL': {
      const message = 'the payer’s bank did not take the refund: a person has to redirect it at WeChat Pay';
      return { ...unknown({ code: 'ABNORMAL', message }, 'query'), providerReference };
    }
    default:
      return { ...unknown(unreadable('status'), 'query'), providerReference };
  }
}
