import type { Fault, Operation } from './faults.js';
import { closeSchema, h5Schema, nativeSchema, refundSchema, type RefundTerms } from './order-terms.js';
import { isOver, type Order, type OrderBook, type Product } from './orders.js';
import type { Platform } from './platform.js';
import type { Refund, RefundBook } from './refunds.js';
import { fingerprintOf, type VerifiedCall } from './request.js';
import { refundOf, transactionOf } from './resources.js';

/** What is answered, and signed. */
export interface Result {
  readonly status: number;
  readonly body?: Record<string, unknown>;
}

export interface OperationContext {
  readonly platform: Platform;
  readonly orders: OrderBook;
  readonly refunds: RefundBook;
  readonly pageUrl: (order: Order) => string;
}

export interface FoundOperation {
  /** The operation's name in fault injection. */
  readonly name: Operation;
  readonly reference: string | undefined;
  readonly run: (context: OperationContext, fault: Fault | undefined) => Result;
}

const ordersPath = '/v3/pay/transactions';
const refundsPath = '/v3/refund/domestic/refunds';

/** The operation for a call; undefined for a path that the sandbox does not have. */
export function findOperation(call: VerifiedCall): FoundOperation | undefined {
  const { method, path, content } = call;
  const named = (member: string): string | undefined => {
    const value = content[member];
    return typeof value === 'string' ? value : undefined;
  };
  const [, outTradeNo, isClose] =
    new RegExp(`^${ordersPath}/out-trade-no/([^/]+?)(/close)?$`).exec(path) ?? [];
  const [, outRefundNo] = new RegExp(`^${refundsPath}/([^/]+)$`).exec(path) ?? [];
  if (method === 'GET') {
    if (path === '/v3/certificates') {
      const run = ({ platform }: OperationContext) => ok(platform.certificateList(call.merchant));
      return { name: 'certificates', reference: undefined, run };
    }
    if (outTradeNo !== undefined && !isClose) {
      return { name: 'query', reference: outTradeNo, run: (context) => query(call, outTradeNo, context) };
    }
    if (outRefundNo === undefined) return undefined;
    const run = (context: OperationContext) => queryRefund(call, outRefundNo, context);
    return { name: 'refund_query', reference: outRefundNo, run };
  }
  const reference = named('out_trade_no');
  if (path === `${ordersPath}/native`) {
    return { name: 'native', reference, run: (context) => create(call, 'NATIVE', context) };
  }
  if (path === `${ordersPath}/h5`) {
    return { name: 'h5', reference, run: (context) => create(call, 'MWEB', context) };
  }
  if (outTradeNo !== undefined && isClose) {
    return { name: 'close', reference: outTradeNo, run: (context) => close(call, outTradeNo, context) };
  }
  if (path !== refundsPath) return undefined;
  const run = (context: OperationContext, fault: Fault | undefined) => refund(call, context, fault);
  return { name: 'refund', reference: named('out_refund_no'), run };
}

/** One out_trade_no is one order: the same words give a fresh link to it, other words are refused. */
function create(call: VerifiedCall, product: Product, context: OperationContext): Result {
  const { merchant, path, content } = call;
  const parsed = (product === 'NATIVE' ? nativeSchema : h5Schema).safeParse(content);
  if (!parsed.success) return invalid(parsed.error.issues[0]?.path.join('/'));
  const terms = parsed.data;
  if (terms.mchid !== merchant.mchid || terms.appid !== merchant.appid) {
    return refuse(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配');
  }
  const fingerprint = fingerprintOf(path, content);
  const known = context.orders.find(merchant.mchid, terms.out_trade_no);
  if (known?.state === 'SUCCESS') return refuse(403, 'OUT_TRADE_NO_USED', '商户订单号重复');
  if (known?.state === 'CLOSED') return refuse(400, 'ORDER_CLOSED', '订单已关闭');
  if (known && known.fingerprint !== fingerprint) {
    return refuse(400, 'INVALID_REQUEST', '请求重入时，参数与首次请求时不一致，请检查参数后再试');
  }
  if (known && isOver(known)) return refuse(400, 'INVALID_REQUEST', '订单已超过支付结束时间');
  const order = known ?? context.orders.create(merchant.mchid, product, terms, fingerprint);
  const link = context.pageUrl(order);
  return ok(product === 'NATIVE' ? { code_url: link } : { h5_url: link });
}

function query(call: VerifiedCall, outTradeNo: string, { orders, refunds }: OperationContext): Result {
  if (call.query.get('mchid') !== call.merchant.mchid) return invalid('mchid');
  const order = orders.find(call.merchant.mchid, outTradeNo);
  if (!order) return refuse(404, 'ORDER_NOT_EXIST', '订单不存在');
  return ok(transactionOf(order, call.merchant, refunds.of(order).length > 0));
}

function close(call: VerifiedCall, outTradeNo: string, { orders }: OperationContext): Result {
  const parsed = closeSchema.safeParse(call.content);
  if (!parsed.success || parsed.data.mchid !== call.merchant.mchid) return invalid('mchid');
  const order = orders.find(call.merchant.mchid, outTradeNo);
  if (!order) return refuse(404, 'ORDER_NOT_EXIST', '订单不存在');
  if (order.state === 'SUCCESS') return refuse(400, 'ORDER_PAID', '订单已支付');
  if (order.state === 'CLOSED') return refuse(400, 'ORDER_CLOSED', '订单已关闭');
  orders.close(order);
  return { status: 204 };
}

/** Accepted now, done later. One out_refund_no refunds once. */
function refund(call: VerifiedCall, context: OperationContext, fault: Fault | undefined): Result {
  const { merchant, path, content } = call;
  const parsed = refundSchema.safeParse(content);
  if (!parsed.success) return invalid(parsed.error.issues[0]?.path.join('/'));
  const terms = parsed.data;
  const order = findRefunded(merchant.mchid, terms, context.orders);
  if (!order || order.state !== 'SUCCESS') return refuse(404, 'RESOURCE_NOT_EXISTS', '订单不存在');
  const fingerprint = fingerprintOf(path, content);
  const known = context.refunds.find(merchant.mchid, terms.out_refund_no);
  if (known) {
    return known.fingerprint === fingerprint
      ? ok(refundOf(known, order))
      : refuse(400, 'INVALID_REQUEST', '请求重入时，参数与首次请求时不一致');
  }
  if (terms.amount.total !== order.paidMinor) return refuse(400, 'INVALID_REQUEST', '订单金额不一致');
  if (terms.amount.refund > context.refunds.remainingMinor(order)) {
    return refuse(400, 'INVALID_REQUEST', '申请退款金额大于订单可退金额');
  }
  const accepted = context.refunds.accept({
    order,
    outRefundNo: terms.out_refund_no,
    amountMinor: terms.amount.refund,
    notifyUrl: terms.notify_url ?? null,
    fingerprint,
    end: endOf(fault),
  });
  return ok(refundOf(accepted, order));
}

function endOf(fault: Fault | undefined): Refund['end'] {
  if (fault?.fault === 'ends_abnormal') return 'ABNORMAL';
  return fault?.fault === 'ends_closed' ? 'CLOSED' : 'SUCCESS';
}

function findRefunded(mchid: string, terms: RefundTerms, orders: OrderBook): Order | undefined {
  return terms.out_trade_no === undefined
    ? orders.findByTransaction(mchid, terms.transaction_id ?? '')
    : orders.find(mchid, terms.out_trade_no);
}

function queryRefund(call: VerifiedCall, outRefundNo: string, { orders, refunds }: OperationContext): Result {
  const found = refunds.find(call.merchant.mchid, outRefundNo);
  const order = found && orders.find(found.mchid, found.outTradeNo);
  return order ? ok(refundOf(found, order)) : refuse(404, 'RESOURCE_NOT_EXISTS', '退款单不存在');
}

function ok(body: Record<string, unknown>): Result {
  return { status: 200, body };
}

function invalid(field: string | undefined): Result {
  const body = {
    code: 'PARAM_ERROR',
    message: '参数错误',
    detail: { field: `/${field ?? ''}`, location: 'body' },
  };
  return { status: 400, body };
}

export function refuse(status: number, code: string, message: string): Result {
  return { status, body: { code, message } };
}
