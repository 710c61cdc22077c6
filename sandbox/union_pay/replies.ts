import type { Message } from './message.js';
import { formatTime } from './message.js';
import { randomDigits } from './platform.js';
import type { Order } from './orders.js';

const echoed = ['accessType', 'bizType', 'encoding', 'merId', 'orderId', 'txnSubType', 'txnTime', 'txnType'];

/** The request's own names come back with each reply. */
export function echo(request: Message): Message {
  return Object.fromEntries(echoed.map((name) => [name, request[name] ?? '']));
}

export function answered(request: Message, respCode: string, respMsg: string): Message {
  return { ...echo(request), respCode, respMsg };
}

export const SUCCESS = ['00', '成功[0000000]'] as const;

/** What a look-up says of an order: `origRespCode` is the order's own. */
export function lookedUp(request: Message, order: Order, origRespCode = codeOf(order)): Message {
  const { terms } = order;
  const { txnType = '', txnSubType = '' } = terms;
  const found = {
    ...answered(request, ...SUCCESS),
    txnType,
    txnSubType,
    txnAmt: String(order.movedMinor || Number(terms['txnAmt'])),
    origRespCode,
    origRespMsg: messages[origRespCode] ?? '交易失败',
    settleAmt: String(order.movedMinor),
  };
  return order.queryId !== undefined && ['00', 'A6'].includes(origRespCode)
    ? { ...found, ...settlementOf(order) }
    : found;
}

/** What a notification says of an order whose money moved. */
export function newsOf(order: Order): Message {
  const { terms } = order;
  return {
    ...answered(terms, ...SUCCESS),
    txnAmt: String(order.movedMinor || Number(terms['txnAmt'])),
    settleAmt: String(order.movedMinor),
    ...(order.of ? { origQryId: order.of.queryId ?? '' } : {}),
    ...settlementOf(order),
  };
}

export function codeOf({ state, refusedBy }: Order): string {
  return state === 'open' ? (refusedBy ?? '05') : '00';
}

const messages: Readonly<Record<string, string>> = {
  '00': '成功[0000000]',
  '03': '交易通讯超时，请发起查询交易',
  '04': '交易状态未明，请查询对账结果',
  '05': '交易已受理，请稍后查询交易结果[6154037]',
  '61': '输入的卡号无效，请确认后输入',
  '64': '卡上的余额不足',
};

function settlementOf({ queryId = '', of, createdAtMs }: Order): Message {
  const time = formatTime(createdAtMs);
  return {
    queryId,
    currencyCode: '156',
    settleCurrencyCode: '156',
    settleDate: time.slice(4, 8),
    traceNo: randomDigits(6),
    traceTime: time.slice(4),
    ...(of ? {} : { accNo: '6226********0048', payCardType: '01' }),
  };
}
