import { createAccountCache, type AccountCache } from '../account-cache.js';
import { createRefusalAudit } from '../refusal-audit.js';
import { recordAudit } from '../../db/audit.js';
import type { ProviderAccount } from '../../db/merchants.js';
import { storeNotification, type StoredNotification } from '../../db/notifications.js';
import { isId } from '../../domain/ids.js';
import { isEnded } from '../../domain/payment.js';
import type { Connector, NotificationReply, VerifiedNotification } from '../../providers/connector.js';
import { errorFields } from '../../config/error-fields.js';
import { Problem } from '../problem-details.js';
import { openRoute, type ApiContext, type OpenRequest, type OpenRoute, type Reply } from '../route.js';

/** Providers' callbacks: verified over their raw bytes, kept once, acknowledged once they are committed. */
export function createNotificationRoute(context: ApiContext): OpenRoute {
  const accounts = createAccountCache(context.database, context.clock);
  const refusals = createRefusalAudit(context);
  return openRoute({
    method: 'POST',
    path: '/notifications/:provider/:account',
    summary: 'Callback of a payment provider',
    handle: (request) => receive(request, context, accounts, refusals),
  });
}

async function receive(
  request: OpenRequest,
  context: ApiContext,
  accounts: AccountCache,
  refusals: ReturnType<typeof createRefusalAudit>,
): Promise<Reply> {
  const { connector, account } = await requireAccount(request, context, accounts);
  const count = (result: string) =>
    context.metrics.count('quittance_notifications_total', { provider: connector.provider, result });
  const body = await request.readBody();
  const parsed = await connector.parseNotification({
    account: { accountId: account.id, credential: account.credential },
    body,
    headers: request.headers,
  });
  if (parsed.kind === 'refused') {
    count('refused');
    await refusals.record({ account, why: parsed.why, detail: parsed.detail, body });
    return toReply(connector.notificationReply(false));
  }
  if (parsed.kind === 'ignored') {
    count('ignored');
    return toReply(connector.notificationReply(true));
  }
  context.crashAt('api.notification.before_commit');
  const stored = await store(context, account, parsed.notification, body);
  context.crashAt('api.notification.after_commit');
  if (stored.target) count(stored.isNew ? 'stored' : 'repeated');
  else {
    count('orphan');
    if (stored.isNew) await alertOrphan(context, account, parsed.notification);
  }
  // Not awaited: the provider is answered as soon as the row is safe, and the sweeper wakes whom this misses.
  void wakeWhomItConcerns(context, account, stored);
  return toReply(connector.notificationReply(true));
}

async function requireAccount(
  request: OpenRequest,
  context: ApiContext,
  accounts: AccountCache,
): Promise<{ connector: Connector; account: ProviderAccount }> {
  const { provider = '', account: accountId = '' } = request.params;
  const connector = context.connectors.find(provider);
  const account =
    connector && isId('providerAccount', accountId) ? await accounts.find(accountId) : undefined;
  if (!connector || account?.provider !== connector.provider) {
    context.metrics.count('quittance_notifications_total', {
      provider: connector?.provider ?? 'unknown',
      result: 'unknown_account',
    });
    throw new Problem('not_found', 'There is no such account.');
  }
  return { connector, account };
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
  const { paymentId: id, operationId, provider, method, paymentStatus } = target;
  const payment = { id, provider, method };
  if (isEnded(paymentStatus)) await context.temporal.wakeLate(account.tenant, payment, operationId);
  else await context.temporal.wake(account.tenant, payment, 'notification');
}

function toReply({ status, contentType, body }: NotificationReply): Reply {
  return { status, contentType, body };
}
