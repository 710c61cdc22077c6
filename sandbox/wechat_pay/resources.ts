import type { Order } from './orders.js';
import type { Merchant } from './platform.js';
import type { Refund } from './refunds.js';

/** An order as the query and the notification tell it. */
export function transactionOf(
  order: Order,
  merchant: Merchant,
  isRefunded: boolean,
): Record<string, unknown> {
  const { terms, state, paidMinor, paidAtMs, couponMinor } = order;
  const told = {
    appid: merchant.appid,
    mchid: merchant.mchid,
    out_trade_no: terms.out_trade_no,
    ...(terms.attach === undefined ? {} : { attach: terms.attach }),
    trade_state: state === 'SUCCESS' && isRefunded ? 'REFUND' : state,
    trade_state_desc: descriptions[state],
  };
  if (paidMinor === undefined || paidAtMs === undefined) {
    return { ...told, amount: { total: terms.amount.total, currency: 'CNY' } };
  }
  return {
    ...told,
    transaction_id: order.transactionId,
    trade_type: order.product,
    bank_type: 'OTHERS',
    success_time: formatTime(paidAtMs),
    payer: { openid: order.openid },
    amount: {
      total: paidMinor,
      payer_total: paidMinor - couponMinor,
      currency: 'CNY',
      payer_currency: 'CNY',
    },
  };
}

const descriptions = { NOTPAY: '订单未支付', SUCCESS: '支付成功', CLOSED: '订单已关闭' } as const;

/** A refund as its own reply and its query tell it. */
export function refundOf(refund: Refund, order: Order): Record<string, unknown> {
  return {
    refund_id: refund.refundId,
    out_refund_no: refund.outRefundNo,
    transaction_id: order.transactionId,
    out_trade_no: refund.outTradeNo,
    channel: 'ORIGINAL',
    user_received_account: '支付用户零钱',
    ...(refund.state === 'SUCCESS' ? { success_time: formatTime(refund.endedAtMs ?? 0) } : {}),
    create_time: formatTime(refund.createdAtMs),
    status: refund.state,
    funds_account: 'UNSETTLED',
    amount: { ...amountOf(refund, order), settlement_refund: refund.amountMinor, currency: 'CNY' },
  };
}

/** And as its notification does: in other words, and without a currency. */
export function refundNewsOf(refund: Refund, order: Order): Record<string, unknown> {
  return {
    mchid: refund.mchid,
    out_trade_no: refund.outTradeNo,
    transaction_id: order.transactionId,
    out_refund_no: refund.outRefundNo,
    refund_id: refund.refundId,
    refund_status: refund.state,
    ...(refund.state === 'SUCCESS' ? { success_time: formatTime(refund.endedAtMs ?? 0) } : {}),
    user_received_account: '支付用户零钱',
    amount: amountOf(refund, order),
  };
}

function amountOf({ amountMinor, totalMinor }: Refund, { couponMinor }: Order) {
  // A coupon's part goes back to whoever gave it, in proportion.
  const payerTotal = totalMinor - couponMinor;
  const payerRefund = Math.round((amountMinor * payerTotal) / totalMinor);
  return { total: totalMinor, refund: amountMinor, payer_total: payerTotal, payer_refund: payerRefund };
}

/** RFC 3339 in GMT+8, to the second. */
export function formatTime(epochMs: number): string {
  return `${new Date(epochMs + 8 * 3_600_000).toISOString().slice(0, 19)}+08:00`;
}
