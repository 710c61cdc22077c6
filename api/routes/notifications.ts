import { createAccountCache, type AccountCache } from '../account-cache.js';
import { createRefusalAudit, type RefusalAudit } from '../refusal-audit.js';
import type { ProviderAccount } from '../../db/merchants.js';
import { isId } from '../../domain/ids.js';
import type { Connector, NotificationReply } from '../../providers/connector.js';
import { keepNotification } from '../keep-notification.js';
import { Problem } from '../problem-details.js';
import { MAX_NOTIFICATION_BYTES } from '../request-body.js';
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
  refusals: RefusalAudit,
): Promise<Reply> {
  const { connector, account } = await requireAccount(request, context, accounts);
  const count = (result: string) =>
    context.metrics.count('quittance_notifications_total', { provider: connector.provider, result });
  const body = await request.readBody(MAX_NOTIFICATION_BYTES);
  const parsed = await connector.parseNotification({
    account: { accountId: account.id, credential: account.credential },
    body,
    headers: request.headers,
  });
  if (parsed.kind === 'refused') {
    count('refused');
    await refusals.record({ of: 'notification', account, why: parsed.why, detail: parsed.detail, body });
    return toReply(connector.notificationReply(false));
  }
  if (parsed.kind === 'ignored') {
    count('ignored');
    return toReply(connector.notificationReply(true));
  }
  if (parsed.kind === 'unanswered') {
    count('unanswered');
    return toReply(connector.notificationReply(false));
  }
  for (const notification of [parsed.notification, ...(parsed.others ?? [])]) {
    count(await keepNotification(context, account, notification, body));
  }
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

function toReply({ status, contentType, body }: NotificationReply): Reply {
  return { status, contentType, body };
}
