import type {
  FollowUpLookup,
  FollowUpOutcome,
  MovedEvidence,
  NotExecuted,
  ProviderError,
  Unknown,
} from '../../domain/outcome.js';
import type { FollowUpRequest, OperationReference } from '../connector.js';
import type { Answer, UnionPayClient } from './client.js';
import { DUPLICATE, meaningOf } from './codes.js';
import { fenOf, type Fields } from './message.js';
import { isInYuan, readAnswer, readQuery, unknown, unreadable } from './mapping.js';
import { orderFields, queryFields } from './order-fields.js';

/**
 * A capture (03), a void (32) or a refund (04): an order of its own, which names the one that it acts on by
 * UnionPay's number. Its reply says that it was accepted; whether money moved, only the look-up (or a notification)
 * says. Nor does a refusal tell of an earlier call, so that it counts only where the look-up finds nothing done, and
 * where there may have been one only once it says so itself.
 */
export async function startFollowUp(
  client: UnionPayClient,
  request: FollowUpRequest,
): Promise<FollowUpOutcome> {
  const origQryId = request.of.providerReference ?? (await findQueryId(client, request.of));
  if (typeof origQryId !== 'string') return origQryId;
  const content = {
    ...orderFields(request, client.credential),
    txnSubType: '00',
    origQryId,
    backUrl: request.notifyUrl,
  };
  const answer = await client.call('back', content);
  const read = readAnswer(answer, request, client.credential.merId);
  if (read.kind !== 'reply') return read;
  const { code, error } = read;
  const meaning = meaningOf(code);
  if (meaning.kind === 'unlisted' && code !== DUPLICATE) return unknown(error);
  const queried = await queryFollowUp(client, request);
  if (queried.kind === 'succeeded' || queried.kind === 'pending') return queried;
  switch (meaning.kind) {
    case 'success':
      return queried.kind === 'failed' ? queried : { kind: 'pending', why: 'accepted' };
    case 'refusal':
      return queried.kind === 'failed' || (queried.kind === 'not_found' && !request.mayHaveBeenSent)
        ? { kind: 'failed', reason: meaning.reason, error }
        : unknown(error);
    case 'payer_may_act':
    case 'under_way':
    case 'unlisted':
      return queried.kind === 'failed' ? queried : unknown(error);
  }
}

export async function queryFollowUp(
  client: UnionPayClient,
  request: OperationReference,
): Promise<FollowUpLookup> {
  const { merId } = client.credential;
  return mapFollowUp(await client.call('query', queryFields(request)), request, merId);
}

/** Nobody has to act for a follow-up: 05 is "accepted, under way", and a listed refusal is the end of it. */
function mapFollowUp(answer: Answer, request: OperationReference, merId: string): FollowUpLookup {
  const read = readQuery(answer, request, merId);
  if (read.kind !== 'found') return read;
  const { reply, code, error } = read;
  const meaning = meaningOf(code);
  switch (meaning.kind) {
    case 'success':
      return mapMoved(reply, request, error);
    case 'under_way':
    case 'payer_may_act':
      return { kind: 'pending', why: 'processing' };
    case 'refusal':
      return { kind: 'failed', reason: meaning.reason, error };
    case 'unlisted':
      return unknown(error);
  }
}

function mapMoved(reply: Fields, request: OperationReference, error: ProviderError): FollowUpLookup {
  const { orderId: reference, queryId: providerReference } = reply;
  const amountMinor = fenOf(reply, 'txnAmt');
  if (!reference || !providerReference || amountMinor === undefined || !isInYuan(reply)) {
    return unknown(unreadable('the amount, its currency or queryId'));
  }
  if (amountMinor !== request.amountMinor) return unknown({ ...error, message: 'another amount was moved' });
  const moved: MovedEvidence = {
    reference,
    amountMinor,
    currency: 'CNY',
    providerReference,
    movedAtMs: null,
  };
  return { kind: 'succeeded', moved };
}

/** Where the first transaction is not done there is nothing to act on; in neither case is anything sent. */
async function findQueryId(
  client: UnionPayClient,
  of: OperationReference,
): Promise<string | NotExecuted | Unknown> {
  const read = readQuery(await client.call('query', queryFields(of)), of, client.credential.merId);
  if (read.kind === 'not_executed') return read;
  if (read.kind === 'unknown') return { kind: 'not_executed', error: read.error };
  const queryId =
    read.kind === 'found' && meaningOf(read.code).kind === 'success' ? read.reply['queryId'] : undefined;
  const message = 'UnionPay does not know the first transaction as done; nothing was sent';
  return queryId ?? unknown({ code: 'not_done', message });
}
