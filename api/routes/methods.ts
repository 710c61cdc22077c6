import { listAccounts } from '../../db/provider-accounts.js';
import { findActiveRules } from '../../db/routing.js';
import { paymentMethods } from '../../domain/methods.js';
import { route, type RoutableAccount, type RoutedPayment, type Routing } from '../../domain/routing.js';
import type { z } from 'zod';
import { routable } from '../choose-account.js';
import { listMethodsQuery } from '../request-schemas/routing.js';
import { listOf } from '../response-schemas.js';
import { apiRoute, jsonReply, type ApiRequest } from '../route.js';
import { toAccountResource } from '../routing-resource.js';
import * as responses from '../routing-responses.js';
import { toChoice } from './routing-dry-run.js';

type MethodsRequest = ApiRequest<unknown, z.output<typeof listMethodsQuery>>;

const listMethods = apiRoute({
  method: 'GET',
  path: '/v1/methods',
  summary: 'Which methods a checkout may offer for an order, and what each needs',
  query: listMethodsQuery,
  responses: {
    200: { description: 'The methods', schema: listOf(responses.method, 'MethodList') },
  },
  async handle(request, context) {
    const { tenant } = request.caller;
    const { database } = context;
    const kind = kindOf(request);
    const rules = await findActiveRules(database, tenant);
    const accounts = (await listAccounts(database, tenant, kind))
      .filter((account) => !account.isDisabled)
      .map((account) => routable(toChoice(account), tenant.mode, context));
    const data = paymentMethods.flatMap((method) => {
      const routing = route(paymentBy(method, request), rules, accounts);
      return routing.chosen.length === 0 ? [] : [toMethod(method, routing)];
    });
    return jsonReply(200, { object: 'list', data, has_more: false });
  },
});

function kindOf({ query }: MethodsRequest): 'sale' | 'authorize' {
  return query.capture === 'manual' ? 'authorize' : 'sale';
}

function paymentBy(method: string, request: MethodsRequest): RoutedPayment {
  const { query, caller } = request;
  return {
    method,
    currency: query.currency ?? caller.defaultCurrency,
    amountMinor: query.amount,
    country: query.country ?? null,
    cardFunding: query.card_funding ?? null,
    kind: kindOf(request),
    flow: undefined,
    tokens: { kind: 'expected' },
    // Which of several comes first depends on the payment; which of them may come does not.
    seed: '',
  };
}

function toMethod(method: string, { accounts, refusedFunding }: Routing) {
  const serving = accounts
    .filter(({ leftOut }) => leftOut === null || leftOut === 'attempts')
    .map(({ account }) => account);
  const reaches = serving.flatMap(({ reach }) => reach ?? []);
  const takers = serving.filter(({ reach }) => reach?.needsToken);
  return {
    object: 'method' as const,
    method,
    flows: [...new Set(reaches.flatMap(({ flows }) => flows))],
    payment_token: { required: takers.length > 0, accounts: takers.map(toTokenTaker) },
    min_amount: Math.min(...reaches.map(({ minAmountMinor }) => minAmountMinor)),
    max_amount: Math.max(...reaches.map(({ maxAmountMinor }) => maxAmountMinor)),
    refused_card_funding: refusedFunding,
  };
}

function toTokenTaker({ id, provider }: RoutableAccount) {
  return { id, provider };
}

const listProviderAccounts = apiRoute({
  method: 'GET',
  path: '/v1/provider_accounts',
  summary: 'List your accounts at providers, best first',
  responses: {
    200: {
      description: 'All of them',
      schema: listOf(responses.providerAccount, 'ProviderAccountList'),
    },
  },
  async handle(request, context) {
    const accounts = await listAccounts(context.database, request.caller.tenant);
    return jsonReply(200, { object: 'list', data: accounts.map(toAccountResource), has_more: false });
  },
});

export const methodRoutes = [listMethods, listProviderAccounts];
