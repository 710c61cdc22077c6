import type { StandIn, StandInPorts } from '../stand-in.js';
import { controlRoutes } from './control-routes.js';
import { UnionPayFaults } from './faults.js';
import { UnionPayNotifications } from './notifications.js';
import { OrderBook, providerName, type Order } from './orders.js';
import { Platform } from './platform.js';
import { newsOf } from './replies.js';
import { createUnionPayServer } from './server.js';

/** Plays UnionPay's online gateway (5.1.0): orders that browsers bring, follow-ups, look-ups, notifications, the payer. */
export function createUnionPayStandIn({ folder, journal, speed, now }: StandInPorts): StandIn {
  const platform = new Platform(folder);
  const faults = new UnionPayFaults(folder);
  const notifications = new UnionPayNotifications(folder, journal, faults, platform, speed);
  const orders = new OrderBook(journal);

  const announce = (order: Order): void => {
    notifications.announce(order.terms['backUrl'] ?? '', newsOf(order));
  };
  const pay = (order: Order, amountMinor?: number): void => {
    orders.pay(order, now(), amountMinor);
    announce(order);
  };

  // The journal of a former run is read once.
  const loaded = journal.read(0).then((entries) => {
    for (const entry of entries) orders.replay(entry);
  });

  const gateway = { platform, orders, faults, journal, announce, now };
  const server = createUnionPayServer({ ...gateway, pay, loaded });
  const control = { platform, orders, notifications, faults, journal, pay, loaded, now };
  return {
    provider: providerName,
    server,
    routes: controlRoutes(control),
    start(url) {
      void loaded.then(() => notifications.resume());
      return platform.credentials(url);
    },
    close: () => notifications.stop(),
  };
}
