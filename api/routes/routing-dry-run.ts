import { listAccounts, type AccountRecord } from '../../db/provider-accounts.js';
import { findActiveRules, findRoutingVersion } from '../../db/routing.js';
import { paymentMethodOf } from '../../domain/methods.js';
import type { ActiveRules } from '../../domain/routing-rules.js';
import { route, type ConsideredAccount, type RoutedPayment } from '../../domain/routing.js';
import { paymentTokens, routable } from '../choose-account.js';
import { fieldProblem, problemDocument } from '../problem-details.js';
import { dryRunRequest, toRuleSet } from '../request-schemas/routing.js';
import { requireOwnAccounts } from '../routing-accounts.js';
import { explain, routingProblem } from '../routing-problem.js';
import * as responses from '../routing-responses.js';
import { apiRoute, jsonReply, type ApiContext, type ApiRequest } from '../route.js';
import type { z } from 'zod';

type DryRun = ApiRequest<z.output<typeof dryRunRequest>, unknown>;

/** Stores nothing and calls nobody; so it is also the one POST that needs no Idempotency-Key. */
export const dryRunRoute = apiRoute({
  method: 'POST',
  path: '/v1/routing/dry_run',
  summary: 'See which rule and which accounts a payment would get, and why not the others; nothing is stored',
  body: dryRunRequest,
  isSafe: true,
  responses: { 200: { description: 'What would be done', schema: responses.routingDryRun } },
  async handle(request, context) {
    const { tenant } = request.caller;
    const payment = routedPayment(request);
    const rules = await rulesFor(request, context);
    const accounts = (await listAccounts(context.database, tenant, payment.kind))
      .filter((account) => !account.isDisabled)
      .map((account) => routable(toChoice(account), tenant.mode, context));
    const routing = route(payment, rules, accounts);
    const refusal = routing.refusal && problemDocument(routingProblem(payment, routing), request.requestId);
    return jsonReply(200, {
      object: 'routing_dry_run',
      version: request.body.rules ? null : routing.version,
      rule: routing.rule?.id ?? null,
      rules: routing.rules.map(({ id, missed }) => ({ id, matched: missed === null, missed })),
      accounts: routing.accounts.map((considered) => toConsidered(payment, considered, routing.chosen)),
      max_attempts: routing.maxAttempts,
      refused_card_funding: routing.refusedFunding,
      refusal: refusal && { code: refusal.code, detail: refusal.detail, status: refusal.status },
    });
  },
});

function routedPayment({ body, caller }: DryRun): RoutedPayment {
  return {
    method: paymentMethodOf(body.method) ?? body.method,
    currency: body.currency ?? caller.defaultCurrency,
    amountMinor: body.amount,
    country: body.payer?.country ?? null,
    cardFunding: body.card?.funding ?? null,
    kind: body.capture === 'manual' ? 'authorize' : 'sale',
    flow: body.flow,
    tokens: body.payment_token === undefined ? { kind: 'expected' } : paymentTokens(body.payment_token),
    seed: body.payment ?? 'dry run',
  };
}

/** Those that were sent, else the version that was named, else those in force. */
async function rulesFor({ body, caller }: DryRun, { database }: ApiContext): Promise<ActiveRules | null> {
  const { tenant } = caller;
  if (body.rules) {
    await requireOwnAccounts(database, tenant, body.rules, '/rules/rules');
    return { ...toRuleSet(body.rules), version: 0 };
  }
  if (body.version === undefined) return findActiveRules(database, tenant);
  const stored = await findRoutingVersion(database, tenant, body.version);
  if (!stored) throw fieldProblem('invalid_field', '/version', 'You have no such version.');
  return { ...stored.rules, version: stored.version };
}

export function toChoice({ misconfiguredAtMs, ...account }: AccountRecord) {
  return { ...account, isMisconfigured: misconfiguredAtMs !== null };
}

function toConsidered(
  payment: RoutedPayment,
  { account, leftOut }: ConsideredAccount,
  chosen: readonly { readonly id: string }[],
) {
  const place = chosen.findIndex(({ id }) => id === account.id);
  return {
    account: account.id,
    provider: account.provider,
    method: account.method,
    attempt: leftOut === null ? place + 1 : null,
    left_out: leftOut,
    why: leftOut === null ? null : `${explain(payment, leftOut, [account])}.`,
  };
}
