import type { OperationReference, StartRequest } from '../connector.js';
import { formatBeijingTime } from './beijing-time.js';
import type { UnionPayCredential } from './credentials.js';
import { txnTypeOf } from './mapping.js';
import type { Fields } from './message.js';

const ONLINE_GATEWAY = '000201';

/** An order's name at UnionPay: the number and the time at which it was made. */
type OrderName = Pick<OperationReference, 'reference' | 'plannedAtMs'>;

/** What every order has. Made of the row alone: `txnTime` is part of the order's name, and is the same for ever. */
export function orderFields(request: OperationReference, { channelType }: UnionPayCredential): Fields {
  return {
    txnType: txnTypeOf(request.kind),
    bizType: ONLINE_GATEWAY,
    channelType,
    orderId: request.reference,
    txnTime: formatBeijingTime(request.plannedAtMs),
    txnAmt: String(request.amountMinor),
    currencyCode: '156',
  };
}

/** An order by which a payer is led to pay, until `payTimeout`, an absolute end. */
export function frontFields(request: StartRequest, credential: UnionPayCredential): Fields {
  return {
    ...orderFields(request, credential),
    txnSubType: '01',
    frontUrl: request.returnUrl,
    backUrl: request.notifyUrl,
    payTimeout: formatBeijingTime(request.offerEndsAtMs),
    riskRateInfo: `{commodityName=${commodityName(request)}}`,
  };
}

/** By the order's own names; a look-up has neither amount nor channel. */
export function queryFields({ reference, plannedAtMs }: OrderName): Fields {
  return {
    txnType: '00',
    txnSubType: '00',
    bizType: '000000',
    orderId: reference,
    txnTime: formatBeijingTime(plannedAtMs),
  };
}

const MAX_NAME_LENGTH = 64;

/** `&`, `=`, braces, brackets and quotes have a meaning in UnionPay's texts; their full-width forms read the same. */
function commodityName({ subject, reference }: StartRequest): string {
  const text = subject
    .replace(/[&={}[\]"']/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0))
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
  return Array.from(text).slice(0, MAX_NAME_LENGTH).join('') || reference;
}
