import type { ErrorRequestHandler, Request, Response } from 'express';
import { z } from 'zod';
import { makeId } from '../domain/ids.js';
import { authenticate } from './authentication.js';
import { checkSchema } from './check-schema.js';
import { errorFields } from '../config/error-fields.js';
import { requestFingerprint, requireIdempotencyKey } from './idempotency-key.js';
import { fieldProblem, Problem, problemDocument, toProblem } from './problem-details.js';
import { parseJsonObject, readBody, requireJson } from './request-body.js';
import type { ApiContext, ApiRequest, ApiRoute, OpenRequest, Reply, Route } from './route.js';

/** The query or body of a route that takes none. */
const nothing = z.strictObject({});
/** Asked every few seconds by machines; their lines would bury the others. */
const quietRoutes = new Set(['GET /healthz', 'GET /readyz', 'GET /metrics']);

/** What is known of a request from its first line on. */
interface Begun {
  readonly requestId: string;
  readonly receivedAtMs: number;
  route: string;
  merchant?: string;
}

function begunOf(response: Response): Begun {
  return response.locals as unknown as Begun;
}

/** Gives a request its id, and counts and logs it once it is answered. */
export function begin(request: Request, response: Response, context: ApiContext): void {
  const { clock, random, metrics, logger } = context;
  const receivedAtMs = clock();
  const requestId = makeId('request', receivedAtMs, random(10));
  const begun: Begun = Object.assign(response.locals, { requestId, receivedAtMs, route: 'unknown' });
  response.setHeader('request-id', requestId);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  response.once('close', () => {
    const { route, merchant } = begun;
    const ms = clock() - receivedAtMs;
    const status = response.writableFinished ? response.statusCode : 499;
    metrics.count('quittance_http_requests_total', { route, status: String(status) });
    metrics.count('quittance_http_request_seconds_total', { route }, ms / 1000);
    const level = quietRoutes.has(route) ? 'debug' : 'info';
    logger[level]({ request_id: requestId, method: request.method, route, status, ms, merchant }, 'request');
  });
}

/** Answers a request by the route of its method, among those of its path. Throws what `refuse` answers. */
export async function dispatch(
  routes: readonly Route[],
  request: Request,
  response: Response,
  context: ApiContext,
): Promise<void> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = routes.find((candidate) => candidate.method === method);
  if (!route) {
    const allow = routes.map((candidate) => candidate.method).join(', ');
    throw new Problem('method_not_allowed', `This path takes ${allow}.`, { headers: { allow } });
  }
  const begun = begunOf(response);
  begun.route = `${route.method} ${route.path}`;
  const hungUp = new AbortController();
  response.once('close', () => hungUp.abort());
  const open: OpenRequest = {
    requestId: begun.requestId,
    receivedAtMs: begun.receivedAtMs,
    route: begun.route,
    params: request.params as Record<string, string>,
    query: queryOf(request.originalUrl),
    headers: request.headers,
    readBody: (maxBytes) => readBody(request, maxBytes),
    signal: hungUp.signal,
  };
  const reply =
    route.kind === 'open'
      ? await route.handle(open, context)
      : await route.handle(await readApiRequest(route, request, open, begun, context), context);
  send(response, reply);
}

function queryOf(url: string): string {
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark + 1);
}

async function readApiRequest(
  route: ApiRoute,
  request: Request,
  open: OpenRequest,
  begun: Begun,
  context: ApiContext,
): Promise<ApiRequest> {
  const caller = await authenticate(context.database, context.rates, request.headers.authorization);
  begun.merchant = `${caller.tenant.merchantId}/${caller.tenant.mode}`;
  const url = new URL(request.originalUrl, 'http://localhost');
  const query = checkSchema(route.query ?? nothing, queryObject(url.searchParams));
  const { requestId, receivedAtMs, params, signal } = open;
  const known = { caller, requestId, receivedAtMs, route: open.route, params, query, signal };
  if (route.method !== 'POST') return { ...known, body: null, idempotencyKey: '', fingerprint: '' };

  const idempotencyKey = route.isSafe ? '' : requireIdempotencyKey(request.headers['idempotency-key']);
  const json = await readJson(route, request, open);
  const body = checkSchema(route.body ?? nothing, json);
  const fingerprint = requestFingerprint(route.method, url.pathname, json);
  return { ...known, body, idempotencyKey, fingerprint };
}

async function readJson(route: ApiRoute, request: Request, open: OpenRequest): Promise<unknown> {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody && route.bodyOptional) return {};
  requireJson(headers);
  return parseJsonObject(await open.readBody());
}

function queryObject(parameters: URLSearchParams): Record<string, string> {
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of parameters) {
    if (name in query) throw fieldProblem('invalid_field', `/${name}`, 'This parameter is given twice.');
    query[name] = value;
  }
  return query;
}

function send(response: Response, reply: Reply): void {
  response.status(reply.status);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  response.setHeader('content-type', reply.contentType);
  response.end(reply.body);
}

/** The last handler: whatever was thrown, as a problem document. */
export function refuse(context: ApiContext): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const problem = toProblem(error);
    const { requestId, route } = begunOf(response);
    if (problem.status >= 500) {
      const fields = { request_id: requestId, method: request.method, route, ...errorFields(error) };
      context.logger.error(fields, problem.code);
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    send(response, {
      status: problem.status,
      body: JSON.stringify(problemDocument(problem, requestId)),
      contentType: 'application/problem+json; charset=utf-8',
      headers: problem.headers,
    });
  };
}
