import type { StandIn, StandInPorts } from '../stand-in.js';
import { controlRoutes } from './control-routes.js';
import { WechatPayFaults } from './faults.js';
import { WechatPayNotifications } from './notifications.js';
import { OrderBook, providerName, type Order } from './orders.js';
import { linkPath } from './payer-page.js';
import { Platform } from './platform.js';
import { RefundBook, type Refund } from './refunds.js';
import { NonceBook } from './request.js';
import { refundNewsOf, transactionOf } from './resources.js';
import { createWechatPayServer } from './server.js';

const settleEveryMs = 100;
const refundTakesMs = 5 * 60_000;

/** Plays WeChat Pay (APIv3): orders by Native and H5, refunds, platform keys, notifications, and the payer. */
export function createWechatPayStandIn({ folder, journal, speed, now }: StandInPorts): StandIn {
  const platform = new Platform(folder);
  const faults = new WechatPayFaults(folder);
  const notifications = new WechatPayNotifications(folder, journal, faults, platform, speed);
  const orders = new OrderBook(journal);
  const refunds = new RefundBook(folder, journal, refundTakesMs / speed, (refund) => tellRefund(refund));
  const nonces = new NonceBook();
  let origin = '';
  const pageUrl = (order: Order): string => `${origin}${linkPath(order, now())}`;
  const gateway = { platform, orders, refunds, faults, nonces, journal, pageUrl, now };

  const pay = (order: Order, amountMinor?: number, couponMinor?: number): void => {
    orders.pay(order, amountMinor, couponMinor);
    const { mchid, terms } = order;
    const merchant = platform.merchants.get(mchid);
    if (!merchant) return;
    const { out_trade_no: reference, notify_url: url } = terms;
    const resource = transactionOf(order, merchant, false);
    notifications.announce({ mchid, reference, url, eventType: 'TRANSACTION.SUCCESS', resource });
  };

  function tellRefund(refund: Refund): void {
    const { mchid, outRefundNo: reference, outTradeNo, notifyUrl: url, state } = refund;
    const order = orders.find(mchid, outTradeNo);
    if (!order || url === null) return;
    const resource = refundNewsOf(refund, order);
    notifications.announce({ mchid, reference, url, eventType: `REFUND.${state}`, resource });
  }

  // The journal of a former run is read once.
  const loaded = journal.read(0).then((entries) => {
    for (const entry of entries) {
      orders.replay(entry);
      refunds.replay(entry);
    }
  });

  const server = createWechatPayServer({ ...gateway, pay, loaded });
  let settling: NodeJS.Timeout | undefined;
  return {
    provider: providerName,
    server,
    routes: controlRoutes({
      platform,
      orders,
      refunds,
      notifications,
      faults,
      journal,
      pay,
      loaded,
    }),
    start(url) {
      origin = url;
      settling = setInterval(() => {
        void loaded.then(() => refunds.settle());
      }, settleEveryMs);
      void loaded.then(() => notifications.resume());
      return platform.credentials(url);
    },
    async close() {
      clearInterval(settling);
      await notifications.stop();
    },
  };
}
