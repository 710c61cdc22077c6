import type { OperationKind } from '../../domain/ids.js';
import type {
  CardFacts,
  CloseOutcome,
  NotExecuted,
  PaidEvidence,
  ProbeOutcome,
  ProviderError,
  QueryOutcome,
  Unknown,
} from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import { formatBeijingTime } from './beijing-time.js';
import type { Answer } from './client.js';
import { isMisconfigured, meaningOf, NOT_FOUND } from './codes.js';
import { fenOf, forPeople, type Fields } from './message.js';

const txnTypes: Partial<Record<OperationKind, string>> = {
  sale: '01',
  authorize: '02',
  capture: '03',
  refund: '04',
  void: '32',
};

/** UnionPay's word for a kind of operation; a RangeError for one that it does not have. */
export function txnTypeOf(kind: OperationKind): string {
  const type = txnTypes[kind];
  if (type === undefined) throw new RangeError(`UnionPay has no ${kind}`);
  return type;
}

export interface Asked {
  readonly request: OperationReference;
  readonly merId: string;
  /** UnionPay takes this look-up for the last word: `payTimeout` and a margin are over. */
  readonly isFinal: boolean;
}

/**
 * What became of an order that a payer was led to. While its page is open a refused card is not the end: the payer
 * may take another one. After `payTimeout` whatever is not 00 or A6 has failed, says UnionPay; of that, 05
 * ("accepted": nobody paid) is taken for closed, and 03 and 04 ("not clear") are still not an answer.
 */
export function mapQuery(answer: Answer, asked: Asked): QueryOutcome {
  const read = readQuery(answer, asked.request, asked.merId);
  if (read.kind !== 'found') return read;
  const { reply, code, error } = read;
  const meaning = meaningOf(code);
  switch (meaning.kind) {
    case 'success': {
      const paid = readPaid(reply);
      if (!paid) return unknown(unreadable('the amount, its currency or queryId'));
      return { kind: 'succeeded', paid: { ...paid, ...authorizationEnd(asked.request) } };
    }
    case 'under_way':
      return { kind: 'pending', why: 'processing' };
    case 'payer_may_act':
      return asked.isFinal ? { kind: 'closed' } : { kind: 'pending', why: 'user_action' };
    case 'refusal':
      return asked.isFinal
        ? { kind: 'failed', reason: meaning.reason, error }
        : { kind: 'pending', why: 'user_action' };
    case 'unlisted':
      return unknown(error);
  }
}

/** UnionPay cannot close an order: what its end and its look-up say is all there is. */
export function closeFromQuery(queried: QueryOutcome): CloseOutcome {
  // Refused for good, and unpayable: that is what a close asks for.
  return queried.kind === 'failed' ? { kind: 'closed' } : queried;
}

export type ReadQuery =
  | { readonly kind: 'found'; readonly reply: Fields; readonly code: string; readonly error: ProviderError }
  | { readonly kind: 'not_found' }
  | NotExecuted
  | Unknown;

/** A look-up's answer about `request`: `code` is the order's own, not the look-up's. */
export function readQuery(answer: Answer, request: OperationReference, merId: string): ReadQuery {
  const read = readAnswer(answer, request, merId);
  if (read.kind !== 'reply') return read;
  const { reply, code, error } = read;
  if (code === NOT_FOUND) return { kind: 'not_found' };
  // Whatever else a look-up is refused for says nothing about the order.
  if (meaningOf(code).kind !== 'success') return unknown(error);
  if (reply['txnType'] !== txnTypeOf(request.kind)) return unknown(otherOrder('txnType'));
  return {
    kind: 'found',
    reply,
    code: reply['origRespCode'] ?? '',
    error: errorOf(reply, 'origRespCode', 'origRespMsg'),
  };
}

export type ReadAnswer =
  | { readonly kind: 'reply'; readonly reply: Fields; readonly code: string; readonly error: ProviderError }
  | NotExecuted
  | Unknown;

export function readAnswer(answer: Answer, request: OperationReference, merId: string): ReadAnswer {
  if (answer.kind === 'not_delivered') return { kind: 'not_executed', error: answer.error };
  if (answer.kind === 'unclear') return unknown(answer.error);
  const { reply } = answer;
  const expected = { merId, orderId: request.reference, txnTime: formatBeijingTime(request.plannedAtMs) };
  const stranger = Object.entries(expected).find(([name, value]) => reply[name] !== value);
  if (stranger) return unknown(otherOrder(stranger[0]));
  return {
    kind: 'reply',
    reply,
    code: reply['respCode'] ?? '',
    error: errorOf(reply, 'respCode', 'respMsg'),
  };
}

/** That nobody knows the order is what was hoped for. */
export function mapProbe(answer: Answer): ProbeOutcome {
  if (answer.kind === 'not_delivered') return { kind: 'not_executed', error: answer.error };
  if (answer.kind === 'unclear') return unknown(answer.error);
  const error = errorOf(answer.reply, 'respCode', 'respMsg');
  if (isMisconfigured(error.code)) return { kind: 'failed', reason: 'config', error };
  const isServed = error.code === NOT_FOUND || meaningOf(error.code).kind === 'success';
  return isServed ? { kind: 'alive' } : unknown(error);
}

const DAY_MS = 24 * 3_600_000;

/** UnionPay's rules give 30 days from the day on which it booked the authorization, and no message tells it. */
function authorizationEnd({ kind, plannedAtMs }: OperationReference): Pick<PaidEvidence, 'captureBeforeMs'> {
  return kind === 'authorize' ? { captureBeforeMs: plannedAtMs + 29 * DAY_MS } : {};
}

/**
 * Money that a verified message speaks of; undefined where any of it cannot be read exactly. A later refund does not
 * show in it: only each refund's own number would tell.
 */
export function readPaid(said: Fields): PaidEvidence | undefined {
  const { orderId: reference, merId: merchant, queryId: providerReference } = said;
  const amountMinor = fenOf(said, 'txnAmt');
  if (!reference || !merchant || !providerReference || amountMinor === undefined || !isInYuan(said)) {
    return undefined;
  }
  return {
    reference,
    merchant,
    amountMinor,
    currency: 'CNY',
    refundedMinor: 0,
    providerReference,
    paidAtMs: null,
    card: cardOf(said),
  };
}

/** Orders go out in CNY, signed; a message that names another currency is about something else. */
export function isInYuan(said: Fields): boolean {
  return (said['currencyCode'] ?? '156') === '156';
}

const fundings: Readonly<Record<string, CardFacts['funding']>> = {
  '01': 'debit',
  '02': 'credit',
  '03': 'credit',
  '05': 'prepaid',
  '06': 'prepaid',
};

/** `accNo` is masked, or encrypted for the merchant: then it says nothing here. */
function cardOf({ payCardType = '', accNo = '' }: Fields): CardFacts {
  const [, last4 = null] = /^[\d*]{6,15}(\d{4})$/.exec(accNo) ?? [];
  return { funding: fundings[payCardType] ?? 'unknown', brand: 'unionpay', last4, country: null };
}

const MAX_CODE_LENGTH = 16;
const MAX_MESSAGE_LENGTH = 200;

function errorOf(reply: Fields, code: string, message: string): ProviderError {
  return {
    code: forPeople(reply[code] ?? 'no_code', MAX_CODE_LENGTH),
    message: forPeople(reply[message] ?? '', MAX_MESSAGE_LENGTH),
  };
}

function otherOrder(field: string): ProviderError {
  return { code: 'other_order', message: `the reply is about another ${field} than was asked for` };
}

export function unreadable(what: string): ProviderError {
  return { code: 'unreadable_reply', message: `the signed reply does not say ${what} readably` };
}

export function unknown(error: ProviderError): Unknown {
  return { kind: 'unknown', recover: 'query', error };
}
