import { createAccountCache, type AccountCache } from '../account-cache.js';
import { keepNotification } from '../keep-notification.js';
import { createRefusalAudit, type RefusalAudit } from '../refusal-audit.js';
import { retryOnConcurrentChange } from '../retry-on-change.js';
import type { ProviderAccount } from '../../db/merchants.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { loadPayment } from '../../db/payments.js';
import { findReturnTarget, pollAfterReturn, type ReturnTarget } from '../../db/returns.js';
import { isId } from '../../domain/ids.js';
import { decideApproved } from '../../domain/payment-advance.js';
import { isEnded } from '../../domain/payment.js';
import type { Connector, ParsedReturn } from '../../providers/connector.js';
import { openRoute, type ApiContext, type OpenRequest, type OpenRoute, type Reply } from '../route.js';

/** More than any provider hands a browser. */
const MAX_DETAILS_LENGTH = 16_384;

/**
 * Where a provider sends the payer's browser back to. It may carry a notification that the provider has signed, or
 * what the provider wants to see before it lets us take the money, or nothing; each is at least a reason to ask.
 * Whoever comes is sent on to the merchant: a browser is never told how a payment stands.
 */
export function createReturnRoutes(context: ApiContext): readonly OpenRoute[] {
  const accounts = createAccountCache(context.database, context.clock);
  const refusals = createRefusalAudit(context);
  return (['GET', 'POST'] as const).map((method) =>
    openRoute({
      method,
      path: '/returns/:provider/:account/:reference',
      summary: 'Where a payer comes back to from a provider',
      handle: (request) => comeBack(request, method, context, accounts, refusals),
    }),
  );
}

async function comeBack(
  request: OpenRequest,
  method: 'GET' | 'POST',
  context: ApiContext,
  accounts: AccountCache,
  refusals: RefusalAudit,
): Promise<Reply> {
  const body = await request.readBody();
  const place = await findPlace(request, context, accounts);
  if (!place) {
    context.metrics.count('quittance_returns_total', { provider: 'unknown', result: 'unknown' });
    return notFoundPage;
  }
  const { parseReturn, account, target, reference } = place;
  const { query, headers } = request;
  const { id: accountId, credential } = account;
  const raw = { account: { accountId, credential }, reference, method, query, body, headers };
  const parsed = believable(await parseReturn(raw), reference);
  context.metrics.count('quittance_returns_total', { provider: account.provider, result: parsed.kind });
  const bytes = method === 'GET' ? Buffer.from(query) : body;
  if (parsed.kind === 'refused') {
    const { why, detail } = parsed;
    await refusals.record({ of: 'return', account, why, detail, body: bytes });
  }
  await takeIn(context, account, target, parsed, bytes);
  return sendOn(target);
}

interface Place {
  readonly parseReturn: NonNullable<Connector['parseReturn']>;
  readonly account: ProviderAccount;
  readonly target: ReturnTarget;
  readonly reference: string;
}

async function findPlace(
  request: OpenRequest,
  context: ApiContext,
  accounts: AccountCache,
): Promise<Place | undefined> {
  const { provider = '', account: accountId = '', reference = '' } = request.params;
  const connector = context.connectors.find(provider);
  if (!connector?.parseReturn) return undefined;
  if (!isId('providerAccount', accountId) || !/^[0-9a-z]{28}$/.test(reference)) return undefined;
  const account = await accounts.find(accountId);
  if (account?.provider !== connector.provider) return undefined;
  const target = await findReturnTarget(context.database, accountId, reference);
  const parseReturn = connector.parseReturn.bind(connector);
  return target && { parseReturn, account, target, reference };
}

/** What is signed for another operation, or is longer than anything a provider sends, is not taken in. */
function believable(parsed: ParsedReturn, reference: string): ParsedReturn {
  if (parsed.kind === 'notification' && parsed.notification.reference !== reference) {
    return { kind: 'refused', why: 'malformed', detail: 'it is about another operation' };
  }
  if (parsed.kind === 'details' && parsed.details.length > MAX_DETAILS_LENGTH) {
    return { kind: 'refused', why: 'malformed', detail: 'the details are too long' };
  }
  return parsed;
}

async function takeIn(
  context: ApiContext,
  account: ProviderAccount,
  target: ReturnTarget,
  parsed: ParsedReturn,
  bytes: Buffer,
): Promise<void> {
  if (parsed.kind === 'notification') {
    await keepNotification(context, account, parsed.notification, bytes);
    return;
  }
  const { paymentId: id, operationId, method, paymentStatus } = target;
  if (isEnded(paymentStatus)) return;
  const isKept = parsed.kind === 'details' && (await keepDetails(context, target, parsed.details));
  if (!isKept) await pollAfterReturn(context.database, operationId, context.clock());
  // Not awaited: the payer is sent on, and the next poll or the sweeper finds what this misses.
  void context.temporal.wake(account.tenant, { id, provider: account.provider, method }, 'return');
}

/** False where they are no news: a page loaded again, or the money is being taken already. */
async function keepDetails(
  context: ApiContext,
  { paymentId, operationId }: ReturnTarget,
  details: string,
): Promise<boolean> {
  return retryOnConcurrentChange(async () => {
    const payment = await loadPayment(context.database, paymentId);
    const operation = payment?.operations.find(({ id }) => id === operationId);
    const change = operation && decideApproved(operation, details, context.clock());
    if (!payment || !change) return false;
    await writePaymentChange(context.database, payment, change, context.clock());
    return true;
  });
}

/** Relative, so that it holds below whatever path the API is reached at. */
const OUR_PAGE = '../../../return';

/** 303: a browser that came by POST goes on by GET. */
function sendOn({ returnUrl }: ReturnTarget): Reply {
  return {
    status: 303,
    contentType: 'text/plain; charset=utf-8',
    body: 'Back to the shop.\n',
    // A header takes no letters beyond Latin: the path of a shop may have any.
    headers: { location: returnUrl === null ? OUR_PAGE : new URL(returnUrl).href },
  };
}

const notFoundPage: Reply = {
  status: 404,
  contentType: 'text/html; charset=utf-8',
  body: `<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>Not found</title>
<p>This way back leads nowhere. If you have paid, the shop learns of it by itself.</p></html>
`,
};
