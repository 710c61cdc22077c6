import type { Executor } from '../../db/connect.js';
import {
  activateRouting,
  addRoutingVersion,
  findRoutingVersion,
  listRoutingVersions,
  type RoutingVersion,
} from '../../db/routing.js';
import { answerOnce } from '../idempotent-route.js';
import { listReply } from '../list-page.js';
import { Problem } from '../problem-details.js';
import {
  activateRoutingRequest,
  createRoutingRulesRequest,
  listRoutingRulesQuery,
  toRuleSet,
} from '../request-schemas/routing.js';
import { listOf } from '../response-schemas.js';
import { requireOwnAccounts } from '../routing-accounts.js';
import { toRoutingResource } from '../routing-resource.js';
import * as responses from '../routing-responses.js';
import { apiRoute, jsonReply, type ApiRequest } from '../route.js';

const createRules = apiRoute({
  method: 'POST',
  path: '/v1/routing/rules',
  summary: 'Add a version of your routing rules; it decides nothing before it is activated',
  body: createRoutingRulesRequest,
  responses: { 201: { description: 'The version', schema: responses.routingRules } },
  handle(request, context) {
    const { caller, body } = request;
    const { note = null, ...rules } = body;
    return answerOnce(request, context, async (trx) => {
      await requireOwnAccounts(trx, caller.tenant, rules);
      const by = { note, actor: caller.keyId };
      const added = await addRoutingVersion(trx, caller.tenant, toRuleSet(rules), by);
      return { objectId: `${added.version}`, status: 201, value: toRoutingResource(added) };
    });
  },
});

const listRules = apiRoute({
  method: 'GET',
  path: '/v1/routing/rules',
  summary: 'List the versions of your routing rules, newest first',
  query: listRoutingRulesQuery,
  responses: {
    200: {
      description: 'A page of versions',
      schema: listOf(responses.routingRules, 'RoutingRulesList'),
    },
  },
  handle: (request, context) =>
    listReply(
      request.query,
      (page) => listRoutingVersions(context.database, request.caller.tenant, page),
      toRoutingResource,
    ),
});

const getRules = apiRoute({
  method: 'GET',
  path: '/v1/routing/rules/:version',
  summary: 'Read a version of your routing rules',
  responses: { 200: { description: 'The version', schema: responses.routingRules } },
  problems: ['not_found'],
  async handle(request, context) {
    return jsonReply(200, toRoutingResource(await requireVersion(request, context.database)));
  },
});

const activate = apiRoute({
  method: 'POST',
  path: '/v1/routing/rules/:version/activate',
  summary: 'Put a version in force, for every payment that is accepted from now on',
  body: activateRoutingRequest,
  bodyOptional: true,
  responses: { 200: { description: 'The version, in force', schema: responses.routingRules } },
  problems: ['not_found'],
  handle: (request, context) =>
    answerOnce(request, context, async (trx) => {
      const { tenant, keyId } = request.caller;
      const { version } = await requireVersion(request, trx);
      await activateRouting(trx, tenant, version, keyId);
      const active = await requireVersion(request, trx);
      return { objectId: `${version}`, status: 200, value: toRoutingResource(active) };
    }),
});

const deactivate = apiRoute({
  method: 'POST',
  path: '/v1/routing/deactivate',
  summary: 'Put no version in force: payments go by the priority of your accounts',
  body: activateRoutingRequest,
  bodyOptional: true,
  responses: { 200: { description: 'No rules are in force', schema: responses.routingState } },
  handle: (request, context) =>
    answerOnce(request, context, async (trx) => {
      const { tenant, keyId } = request.caller;
      await activateRouting(trx, tenant, null, keyId);
      return { objectId: 'none', status: 200, value: { object: 'routing', active_version: null } };
    }),
});

async function requireVersion(request: ApiRequest, executor: Executor): Promise<RoutingVersion> {
  const text = request.params['version'] ?? '';
  const found = /^[1-9]\d{0,8}$/.test(text)
    ? await findRoutingVersion(executor, request.caller.tenant, Number(text))
    : undefined;
  if (!found) throw new Problem('not_found', 'There is no such version of your routing rules.');
  return found;
}

export const routingRoutes = [createRules, listRules, getRules, activate, deactivate];
