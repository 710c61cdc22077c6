import type { FaultOperation } from '../faults.js';
import { formatBeijing, formatYuan, parseYuan } from './money-and-time.js';
import { checkOffer } from './offers.js';
import type { GatewayError, VerifiedCall } from './request.js';
import { fingerprintOf, isOver, type Trade, type TradeBook } from './trades.js';

/** The members of a signed response node. Alipay's values are strings. */
export type ResponseNode = Record<string, unknown>;

type Refusal = ResponseNode & GatewayError;

export interface OperationContext {
  readonly trades: TradeBook;
  /** The page where the payer acts, for a code. */
  readonly payerPageUrl: (code: string) => string;
}

export interface GatewayOperation {
  /** The operation's name in fault injection. */
  readonly name: FaultOperation;
  readonly run: (call: VerifiedCall, context: OperationContext) => ResponseNode;
}

/** The methods the sandbox speaks. page.pay answers a browser, not a caller: its node holds where to send it. */
export const operations: ReadonlyMap<string, GatewayOperation> = new Map<string, GatewayOperation>([
  ['alipay.trade.precreate', { name: 'precreate', run: precreate }],
  ['alipay.trade.page.pay', { name: 'page_pay', run: pagePay }],
  ['alipay.trade.query', { name: 'query', run: query }],
  ['alipay.trade.close', { name: 'close', run: close }],
  ['alipay.trade.cancel', { name: 'cancel', run: cancel }],
  ['alipay.trade.refund', { name: 'refund', run: refund }],
  ['alipay.trade.fastpay.refund.query', { name: 'refund_query', run: queryRefund }],
]);

function precreate(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = offer(call, context, 'qr');
  if ('sub_code' in trade) return trade;
  return { ...success, out_trade_no: trade.outTradeNo, qr_code: context.payerPageUrl(trade.code) };
}

function pagePay(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = offer(call, context, 'page');
  if ('sub_code' in trade) return trade;
  return { ...success, redirect: context.payerPageUrl(trade.code) };
}

/** One out_trade_no is one offer: the same words give the same code again, other words are refused. */
function offer(call: VerifiedCall, { trades }: OperationContext, product: 'qr' | 'page'): Trade | Refusal {
  const checked = checkOffer(call, product);
  if (checked.kind === 'invalid') return businessError('ACQ.INVALID_PARAMETER', `参数无效：${checked.why}`);
  const existing = trades.find(call.app.appId, checked.offer.outTradeNo);
  if (existing?.status === 'TRADE_SUCCESS') return businessError('ACQ.TRADE_HAS_SUCCESS', '交易已被支付');
  if (existing?.status === 'TRADE_CLOSED') return businessError('ACQ.TRADE_HAS_CLOSE', '交易已经关闭');
  if (existing && existing.fingerprint !== fingerprintOf(call.content)) {
    return businessError('ACQ.CONTEXT_INCONSISTENT', '交易信息被篡改');
  }
  if ((checked.offer.timeExpireMs ?? Infinity) <= Date.now() || (existing && isOver(existing))) {
    return businessError('ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR', '当前时间已超过允许支付的时间');
  }
  return existing ?? trades.offer(checked.offer);
}

function query(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = findTrade(call, context);
  if ('sub_code' in trade) return trade;
  const node: ResponseNode = {
    ...success,
    ...identity(trade),
    trade_status: trade.status,
    total_amount: formatYuan(trade.paidMinor ?? trade.amountMinor),
  };
  if (trade.paidMinor === undefined || trade.paidAtMs === undefined) return node;
  const amount = formatYuan(trade.paidMinor);
  return {
    ...node,
    receipt_amount: amount,
    buyer_pay_amount: amount,
    invoice_amount: amount,
    point_amount: '0.00',
    send_pay_date: formatBeijing(trade.paidAtMs),
    fund_bill_list: [{ amount, fund_channel: 'ALIPAYACCOUNT' }],
  };
}

function close(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = findTrade(call, context);
  if ('sub_code' in trade) return trade;
  if (trade.status !== 'WAIT_BUYER_PAY') {
    return businessError('ACQ.REASON_TRADE_STATUS_INVALID', '交易状态异常');
  }
  context.trades.close(trade, 'merchant');
  return { ...success, out_trade_no: trade.outTradeNo, trade_no: trade.tradeNo };
}

/**
 * Cancel succeeds for a trade that does not exist yet and then changes nothing (`action` is documented only for a
 * trade that exists), so an unscanned code stays payable. A paid trade is refunded.
 */
function cancel(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = findTrade(call, context);
  if ('sub_code' in trade) {
    if (trade.sub_code !== tradeNotExist) return trade;
    return { ...success, out_trade_no: call.content['out_trade_no'], retry_flag: 'N' };
  }
  const isPaid = trade.paidMinor !== undefined;
  if (trade.status === 'WAIT_BUYER_PAY') context.trades.close(trade, 'cancelled');
  if (trade.status === 'TRADE_SUCCESS') {
    context.trades.refund(trade, trade.outTradeNo, remainingMinor(trade), 'cancel');
  }
  return { ...success, ...numbers(trade), retry_flag: 'N', action: isPaid ? 'refund' : 'close' };
}

function refund(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = findTrade(call, context);
  if ('sub_code' in trade) return trade;
  const amountMinor = parseYuan(call.content['refund_amount']);
  if (amountMinor === undefined) return businessError('ACQ.INVALID_PARAMETER', '参数无效：refund_amount');
  if (trade.paidMinor === undefined) return businessError('ACQ.TRADE_STATUS_ERROR', '交易状态不合法');
  const given = call.content['out_request_no'];
  if (given === undefined && amountMinor !== trade.paidMinor) {
    return businessError('ACQ.INVALID_PARAMETER', '参数无效：部分退款必须传入 out_request_no');
  }
  const outRequestNo = given === undefined ? trade.outTradeNo : given;
  if (typeof outRequestNo !== 'string' || !/^[\w-]{1,64}$/.test(outRequestNo)) {
    return businessError('ACQ.INVALID_PARAMETER', '参数无效：out_request_no');
  }
  const before = trade.refunds.get(outRequestNo);
  if (before && before.amountMinor !== amountMinor) {
    return businessError('ACQ.DISCORDANT_REPEAT_REQUEST', '请求信息与前一次不一致');
  }
  if (!before) {
    if (trade.status === 'TRADE_CLOSED') return businessError('ACQ.TRADE_HAS_CLOSE', '交易已经关闭');
    if (amountMinor > remainingMinor(trade)) {
      return businessError('ACQ.REFUND_AMT_NOT_EQUAL_TOTAL', '退款金额超限');
    }
    context.trades.refund(trade, outRequestNo, amountMinor, textOr(call.content['refund_reason'], ''));
  }
  return {
    ...success,
    ...identity(trade),
    // A repeat finds the money already moved: N does not mean that the refund failed.
    fund_change: before ? 'N' : 'Y',
    refund_fee: formatYuan(trade.refundedMinor),
    send_back_fee: formatYuan(amountMinor),
    gmt_refund_pay: formatBeijing(trade.refunds.get(outRequestNo)?.atMs ?? Date.now()),
  };
}

function queryRefund(call: VerifiedCall, context: OperationContext): ResponseNode {
  const trade = findTrade(call, context);
  if ('sub_code' in trade) return trade;
  const outRequestNo = call.content['out_request_no'];
  if (typeof outRequestNo !== 'string')
    return businessError('ACQ.INVALID_PARAMETER', '参数无效：out_request_no');
  const found = trade.refunds.get(outRequestNo);
  // The query worked and there is no such refund: Alipay says so by leaving every business field out.
  if (!found) return { ...success };
  return {
    ...success,
    ...numbers(trade),
    out_request_no: outRequestNo,
    total_amount: formatYuan(trade.paidMinor ?? 0),
    refund_amount: formatYuan(found.amountMinor),
    refund_status: 'REFUND_SUCCESS',
    gmt_refund_pay: formatBeijing(found.atMs),
  };
}

const success = { code: '10000', msg: 'Success' } as const;
export const tradeNotExist = 'ACQ.TRADE_NOT_EXIST';

export function businessError(subCode: string, text: string): Refusal {
  return { code: '40004', msg: 'Business Failed', sub_code: subCode, sub_msg: text };
}

/** By out_trade_no, and by trade_no where both are given they must agree. Unscanned codes are no trades. */
function findTrade(call: VerifiedCall, { trades }: OperationContext): Trade | Refusal {
  const outTradeNo = call.content['out_trade_no'];
  const tradeNo = call.content['trade_no'];
  if (typeof outTradeNo !== 'string' && typeof tradeNo !== 'string') {
    return businessError('ACQ.INVALID_PARAMETER', '参数无效：out_trade_no 与 trade_no 不能同时为空');
  }
  const trade =
    typeof outTradeNo === 'string'
      ? trades.find(call.app.appId, outTradeNo)
      : trades.findByTradeNo(call.app.appId, String(tradeNo));
  if (!trade || trade.status === 'OFFERED') return businessError(tradeNotExist, '交易不存在');
  if (tradeNo !== undefined && tradeNo !== trade.tradeNo) return businessError(tradeNotExist, '交易不存在');
  return trade;
}

function numbers(trade: Trade): ResponseNode {
  return { trade_no: trade.tradeNo, out_trade_no: trade.outTradeNo };
}

function identity(trade: Trade): ResponseNode {
  return { ...numbers(trade), buyer_logon_id: '159****5620', buyer_user_id: trade.buyerId };
}

function remainingMinor(trade: Trade): number {
  return (trade.paidMinor ?? 0) - trade.refundedMinor;
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
