import {
  deleteWebhookEndpoint,
  findWebhookEndpoint,
  insertWebhookEndpoint,
  listWebhookEndpoints,
  MOST_WEBHOOK_ENDPOINTS,
  type WebhookEndpointRecord,
} from '../../db/webhook-endpoints.js';
import { defaultWebhookEvents } from '../../domain/events.js';
import { isId, makeId } from '../../domain/ids.js';
import { toInstant } from '../../domain/payment-resource.js';
import { answerOnce } from '../idempotent-route.js';
import { listReply } from '../list-page.js';
import { Problem } from '../problem-details.js';
import { listQuery } from '../request-schemas/fields.js';
import { createWebhookEndpointRequest } from '../request-schemas/webhook-endpoints.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply, type ApiRequest } from '../route.js';
import { checkWebhookUrl } from '../webhook-url.js';

function toEndpointResource(endpoint: WebhookEndpointRecord) {
  return {
    id: endpoint.id,
    object: 'webhook_endpoint' as const,
    url: endpoint.url,
    enabled_events: endpoint.enabledEvents,
    status: endpoint.disabledAtMs === null ? 'enabled' : 'disabled',
    created_at: toInstant(endpoint.createdAtMs),
  };
}

function noSuchEndpoint(): Problem {
  return new Problem('not_found', 'There is no such webhook endpoint.');
}

function endpointIdOf(request: ApiRequest): string {
  const id = request.params['id'] ?? '';
  if (!isId('webhookEndpoint', id)) throw noSuchEndpoint();
  return id;
}

const createEndpoint = apiRoute({
  method: 'POST',
  path: '/v1/webhook_endpoints',
  summary: 'Have webhooks sent to a URL',
  body: createWebhookEndpointRequest,
  responses: {
    201: { description: 'The endpoint, with its secret', schema: responses.createdWebhookEndpoint },
  },
  problems: ['object_limit_reached'],
  handle(request, context) {
    const { url, enabled_events: enabledEvents = defaultWebhookEvents } = request.body;
    const { tenant } = request.caller;
    checkWebhookUrl(url, tenant.mode, context.settings.webhookAllowPrivateNetwork);
    return answerOnce(request, context, async (trx) => {
      const id = makeId('webhookEndpoint', context.clock(), context.random(10));
      const secret = `whsec_${context.random(24).toString('base64')}`;
      const endpoint = await insertWebhookEndpoint(trx, tenant, { id, url, secret, enabledEvents });
      if (!endpoint) {
        const most = `You have ${MOST_WEBHOOK_ENDPOINTS} webhook endpoints; delete one first.`;
        throw new Problem('object_limit_reached', most);
      }
      return { objectId: id, status: 201, value: { ...toEndpointResource(endpoint), secret } };
    });
  },
});

const getEndpoint = apiRoute({
  method: 'GET',
  path: '/v1/webhook_endpoints/:id',
  summary: 'Read a webhook endpoint, without its secret',
  responses: { 200: { description: 'The endpoint', schema: responses.webhookEndpoint } },
  problems: ['not_found'],
  async handle(request, context) {
    const id = endpointIdOf(request);
    const endpoint = await findWebhookEndpoint(context.database, request.caller.tenant, id);
    if (!endpoint) throw noSuchEndpoint();
    return jsonReply(200, toEndpointResource(endpoint));
  },
});

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/webhook_endpoints',
  summary: 'List webhook endpoints, newest first',
  query: listQuery,
  responses: {
    200: {
      description: 'A page of endpoints',
      schema: responses.listOf(responses.webhookEndpoint, 'WebhookEndpointList'),
    },
  },
  handle: (request, context) =>
    listReply(
      request.query,
      (page) => listWebhookEndpoints(context.database, request.caller.tenant, page),
      toEndpointResource,
    ),
});

const deleteEndpoint = apiRoute({
  method: 'DELETE',
  path: '/v1/webhook_endpoints/:id',
  summary: 'Send no more webhooks to an endpoint',
  responses: { 200: { description: 'It is gone', schema: responses.deletedWebhookEndpoint } },
  problems: ['not_found'],
  async handle(request, context) {
    const id = endpointIdOf(request);
    const wasThere = await deleteWebhookEndpoint(context.database, request.caller.tenant, id);
    if (!wasThere) throw noSuchEndpoint();
    return jsonReply(200, { id, object: 'webhook_endpoint', deleted: true });
  },
});

export const webhookEndpointRoutes = [createEndpoint, listRoute, getEndpoint, deleteEndpoint];
