import { recordAudit } from '../db/audit.js';
import type { ProviderAccount } from '../db/merchants.js';
import { storeNotification, type StoredNotification } from '../db/notifications.js';
import { isEnded } from '../domain/payment.js';
import type { VerifiedNotification } from '../providers/connector.js';
import { errorFields } from '../config/error-fields.js';
import type { ApiContext } from './route.js';

/**
 * Keeps a verified notification, whoever carried it: when this returns it is committed, and may be acknowledged. Tells
 * what became of it.
 */
export async function keepNotification(
  context: ApiContext,
  account: ProviderAccount,
  notification: VerifiedNotification,
  rawBody: Buffer,
): Promise<'stored' | 'repeated' | 'orphan'> {
  context.crashAt('api.notification.before_commit');
  const stored = await store(context, account, notification, rawBody);
  context.crashAt('api.notification.after_commit');
  if (!stored.target && stored.isNew) await alertOrphan(context, account, notification);
  // Not awaited: the provider is answered as soon as the row is safe, and the sweeper wakes whom this misses.
  void wakeWhomItConcerns(context, account, stored);
  if (!stored.target) return 'orphan';
  return stored.isNew ? 'stored' : 'repeated';
}

function store(
  context: ApiContext,
  account: ProviderAccount,
  notification: VerifiedNotification,
  rawBody: Buffer,
): Promise<StoredNotification> {
  return storeNotification(context.database, {
    account,
    dedupeKey: notification.dedupeKey,
    providerKey: notification.reference,
    says: notification.says,
    paid: notification.paid,
    told: notification.told ?? null,
    providerReference: notification.providerReference ?? null,
    rawBody,
    dueAtMs: context.clock() + context.settings.sweepAfterMs,
  });
}

/** Somebody's money may be behind it: kept, acknowledged, and for a person to look at. */
async function alertOrphan(
  context: ApiContext,
  account: ProviderAccount,
  notification: VerifiedNotification,
): Promise<void> {
  const { provider, tenant } = account;
  const detail = {
    account: account.id,
    reference: notification.reference.slice(0, 100),
    says: notification.says.slice(0, 100),
  };
  context.logger.error(
    { alert: 'orphan_notification', provider, ...detail },
    'a notification fits no operation',
  );
  try {
    const entry = { tenant, actor: `provider:${provider}`, action: 'notification.orphan', detail };
    await recordAudit(context.database, entry);
  } catch (error) {
    context.logger.warn(errorFields(error), 'an orphan could not be audited; its row is kept');
  }
}

async function wakeWhomItConcerns(
  context: ApiContext,
  account: ProviderAccount,
  { target, isProcessed }: StoredNotification,
): Promise<void> {
  if (!target || isProcessed) return;
  const { paymentId: id, operationId, provider, method, paymentStatus, refundId } = target;
  const payment = { id, provider, method };
  if (refundId) await context.temporal.wakeRefund(account.tenant, { id: refundId, operationId, payment });
  else if (isEnded(paymentStatus)) await context.temporal.wakeLate(account.tenant, payment, operationId);
  else await context.temporal.wake(account.tenant, payment, 'notification');
}
