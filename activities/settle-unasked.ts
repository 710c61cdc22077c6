import { moneyPosted } from '../db/ledger.js';
import type { NotificationFacts, OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import { decideUnasked, isKnown } from '../domain/unasked-news.js';
import { applyNotifications } from './apply-notifications.js';
import type { ActivityDependencies } from './dependencies.js';

/**
 * Where the provider cannot be asked, its notifications are decided on alone: what is known already first, then charge
 * by charge, each in a transaction of its own.
 */
export async function settleUnasked(
  dependencies: ActivityDependencies,
  read: PaymentFacts,
  { id }: OperationFacts,
  notifications: readonly NotificationFacts[],
): Promise<PaymentFacts> {
  let payment = read;
  let open = notifications;
  while (open.length > 0) {
    const operation = payment.operations.find((each) => each.id === id);
    if (!operation) return payment;
    const news = open.filter((notification) => !isKnown(operation, notification));
    const known = open.filter((notification) => !news.includes(notification));
    if (known.length > 0)
      payment = await applyNotifications(dependencies, payment, known, undefined, 'known already');
    if (news.length === 0) return payment;
    const isPosted = operation.posted.length > 0;
    const postedMinor = isPosted ? await moneyPosted(dependencies.database, id, operation.currency) : 0;
    const decided = decideUnasked(payment, operation, news, postedMinor, dependencies.now());
    payment = await applyNotifications(
      dependencies,
      payment,
      decided.notifications,
      decided.change,
      decided.result,
    );
    open = news.filter((notification) => !decided.notifications.includes(notification));
  }
  return payment;
}
