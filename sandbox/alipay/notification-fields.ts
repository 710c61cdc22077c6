import type { FalsifiedFault } from '../faults.js';
import type { AlipayApp, AlipayCredentials } from './credentials.js';
import { formatBeijing, formatYuan } from './money-and-time.js';
import { notificationText, signRsa2 } from './signature.js';
import type { Refund, Trade } from './trades.js';

export type NotificationFields = Record<string, string>;

/** What Alipay posts about a trade, unsigned. `refund`: the refund that this notification is about. */
export function notificationFields(trade: Trade, notifyId: string, refund?: Refund): NotificationFields {
  const amount = formatYuan(trade.paidMinor ?? trade.amountMinor);
  const fields: NotificationFields = {
    gmt_create: formatBeijing(trade.scannedAtMs ?? trade.offeredAtMs),
    charset: 'utf-8',
    subject: trade.subject,
    buyer_id: trade.buyerId ?? '',
    notify_id: notifyId,
    notify_type: 'trade_status_sync',
    out_trade_no: trade.outTradeNo,
    total_amount: amount,
    trade_status: trade.status === 'OFFERED' ? 'WAIT_BUYER_PAY' : trade.status,
    trade_no: trade.tradeNo ?? '',
    auth_app_id: trade.app.appId,
    app_id: trade.app.appId,
    seller_id: trade.app.sellerId,
    version: '1.0',
    sign_type: 'RSA2',
  };
  if (trade.body !== undefined) fields['body'] = trade.body;
  if (trade.passbackParams !== undefined) fields['passback_params'] = trade.passbackParams;
  if (trade.paidAtMs !== undefined) Object.assign(fields, paymentFields(amount, trade.paidAtMs));
  if (refund) {
    // Alipay tells the sum of all refunds so far, not the one that caused the notification.
    fields['refund_fee'] = formatYuan(trade.refundedMinor);
    fields['gmt_refund'] = `${formatBeijing(refund.atMs)}.000`;
    fields['out_biz_no'] = refund.outRequestNo;
  }
  return fields;
}

function paymentFields(amount: string, paidAtMs: number): NotificationFields {
  return {
    gmt_payment: formatBeijing(paidAtMs),
    receipt_amount: amount,
    buyer_pay_amount: amount,
    invoice_amount: amount,
    point_amount: '0.00',
    fund_bill_list: JSON.stringify([{ amount, fundChannel: 'ALIPAYACCOUNT' }]),
  };
}

export function otherApp(credentials: AlipayCredentials, app: AlipayApp): AlipayApp {
  return [...credentials.apps.values()].find((candidate) => candidate.appId !== app.appId) ?? app;
}

const amountFields = ['total_amount', 'receipt_amount', 'buyer_pay_amount', 'invoice_amount'];

/** Signs as the platform, or lies as a fault demands: false facts are signed, false signatures carry true facts. */
export function signNotification(
  fields: NotificationFields,
  credentials: AlipayCredentials,
  lie?: FalsifiedFault,
): NotificationFields {
  const told: NotificationFields = { ...fields, notify_time: formatBeijing(Date.now()) };
  if (lie === 'wrong_amount')
    for (const name of amountFields) if (name in told) told[name] = anotherAmount(told[name]);
  if (lie === 'wrong_currency') Object.assign(told, { trans_currency: 'USD', settle_currency: 'USD' });
  if (lie === 'wrong_reference') told['out_trade_no'] = `${told['out_trade_no'] ?? ''}X`;
  if (lie === 'wrong_merchant') {
    const app = credentials.apps.get(told['app_id'] ?? '');
    const other = app && otherApp(credentials, app);
    if (other)
      Object.assign(told, { app_id: other.appId, auth_app_id: other.appId, seller_id: other.sellerId });
  }
  if (lie === 'no_signature') return told;
  const key = lie === 'bad_signature' ? credentials.foreignPrivateKey : credentials.platformPrivateKey;
  return { ...told, sign: signRsa2(notificationText(told), key) };
}

/** Ten times as much: wrong in a way that no rounding explains. */
export function anotherAmount(yuan: string | undefined): string {
  return (Number(yuan ?? '0') * 10 + 0.01).toFixed(2);
}
