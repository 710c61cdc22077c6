import { markNotificationsProcessed } from '../db/notification-changes.js';
import { writePaymentChange } from '../db/payment-changes.js';
import type { PaymentChange } from '../domain/payment-change.js';
import type { NotificationFacts, PaymentFacts } from '../domain/payment-facts.js';
import { isEnded } from '../domain/payment.js';
import type { ActivityDependencies } from './dependencies.js';
import { orElsewhere } from './store-payment.js';

/** Writes what notifications come to, and that they were applied, at once; their change may be none. */
export async function applyNotifications(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  notifications: readonly NotificationFacts[],
  change: PaymentChange | undefined,
  result: string,
): Promise<PaymentFacts> {
  const ids = notifications.map((notification) => notification.id);
  dependencies.crashAt('worker.settle.before_commit');
  let changed = payment;
  if (change) {
    const applied = { ids, result };
    const decided = orElsewhere(dependencies, payment, change);
    changed = await writePaymentChange(dependencies.database, payment, decided, dependencies.now(), applied);
    if (decided.next) dependencies.crashAt('worker.failover.after_commit');
  } else {
    await markNotificationsProcessed(dependencies.database, ids, result);
  }
  dependencies.crashAt(
    isEnded(payment.record.status) ? 'worker.late.after_commit' : 'worker.settle.after_commit',
  );
  const open = changed.notifications.filter((notification) => !ids.includes(notification.id));
  return { ...changed, notifications: open };
}
