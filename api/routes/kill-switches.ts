import { liftSwitch, listSwitches, throwSwitch } from '../../db/kill-switches.js';
import { inTransaction } from '../../db/transaction.js';
import { isId, makeId } from '../../domain/ids.js';
import type { KillSwitch } from '../../domain/kill-switch.js';
import { toInstant } from '../../domain/payment-resource.js';
import { answerOnce } from '../idempotent-route.js';
import { listReply } from '../list-page.js';
import { Problem } from '../problem-details.js';
import { listQuery } from '../request-schemas/fields.js';
import { createKillSwitchRequest } from '../request-schemas/kill-switches.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply } from '../route.js';

function toSwitchResource(thrown: KillSwitch) {
  const { id, provider, method, operation, reason, thrownAtMs, liftedAtMs } = thrown;
  return {
    id,
    object: 'kill_switch' as const,
    provider,
    method,
    operation,
    reason,
    status: liftedAtMs === null ? 'on' : 'lifted',
    created_at: toInstant(thrownAtMs),
    lifted_at: liftedAtMs === null ? null : toInstant(liftedAtMs),
  };
}

const createSwitch = apiRoute({
  method: 'POST',
  path: '/v1/kill_switches',
  summary: 'Stop new charges of yours: all, or those of a provider, a method or a kind',
  body: createKillSwitchRequest,
  responses: { 201: { description: 'The switch, in force', schema: responses.killSwitch } },
  handle(request, context) {
    const { caller, body } = request;
    const { provider = null, method = null, operation = null, reason } = body;
    return answerOnce(request, context, async (trx) => {
      const id = makeId('killSwitch', context.clock(), context.random(10));
      const scope = { ...caller.tenant, provider, method, operation };
      const thrown = await throwSwitch(trx, id, scope, { reason, actor: caller.keyId });
      return { objectId: id, status: 201, value: toSwitchResource(thrown) };
    });
  },
});

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/kill_switches',
  summary: 'List your switches that are on, newest first',
  query: listQuery,
  responses: {
    200: {
      description: 'A page of switches',
      schema: responses.listOf(responses.killSwitch, 'KillSwitchList'),
    },
  },
  handle: (request, context) =>
    listReply(
      request.query,
      (page) => listSwitches(context.database, request.caller.tenant, page),
      toSwitchResource,
    ),
});

const liftRoute = apiRoute({
  method: 'DELETE',
  path: '/v1/kill_switches/:id',
  summary: 'Let charges through again',
  responses: { 200: { description: 'The switch, lifted', schema: responses.killSwitch } },
  problems: ['not_found'],
  async handle(request, context) {
    const { tenant, keyId } = request.caller;
    const id = request.params['id'] ?? '';
    const lifted = isId('killSwitch', id)
      ? await inTransaction(context.database, (trx) => liftSwitch(trx, id, keyId, tenant))
      : undefined;
    if (!lifted) throw new Problem('not_found', 'There is no such switch of yours that is on.');
    return jsonReply(200, toSwitchResource(lifted));
  },
});

export const killSwitchRoutes = [createSwitch, listRoute, liftRoute];
