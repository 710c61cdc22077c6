import { z } from 'zod';
import { httpProblems, type HttpProblemCode } from '../domain/problem-codes.js';
import { problem } from './response-schemas.js';
import type { ApiRoute } from './route.js';

/** Problems that any route for merchants may answer with. */
const commonProblems: readonly HttpProblemCode[] = [
  'unauthenticated',
  'method_not_allowed',
  'rate_limited',
  'internal_error',
  'service_unavailable',
];
const queryProblems: readonly HttpProblemCode[] = ['missing_field', 'invalid_field', 'unknown_field'];
const bodyProblems: readonly HttpProblemCode[] = [
  ...queryProblems,
  'malformed_json',
  'body_too_large',
  'unsupported_media_type',
];
const postProblems: readonly HttpProblemCode[] = [
  ...bodyProblems,
  'idempotency_key_missing',
  'idempotency_key_reused',
];

type Json = Record<string, unknown>;

/** The contract as OpenAPI 3.1, from the very schemas that requests are checked against. */
export function openApiDocument(routes: readonly ApiRoute[], serverUrl: string | undefined): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    const operations = (paths[path] ??= {});
    operations[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quittance',
      version: '1',
      description:
        'Payments for paid knowledge. Amounts are integers in minor units; instants are RFC 3339 in UTC. ' +
        'Every POST that stores something takes an Idempotency-Key and answers the same, however often it is repeated.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: serverUrl ?? '/' }],
    security: [{ apiKey: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: '`qk_test_…` or `qk_live_…`' },
      },
    },
  };
}

function operation(route: ApiRoute, schemas: Json): Json {
  const successes = Object.entries(route.responses).map(([status, { description, schema }]) => [
    status,
    { description, headers: successHeaders(route, status), content: jsonContent(schema, 'output', schemas) },
  ]);
  return {
    operationId: operationId(route),
    summary: route.summary,
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body === null
      ? {}
      : {
          requestBody: {
            required: !route.bodyOptional,
            content: jsonContent(route.body, 'input', schemas),
          },
        }),
    responses: { ...Object.fromEntries(successes), ...problemResponses(route, schemas) },
  };
}

function operationId(route: ApiRoute): string {
  const words = route.path
    .replace('/v1/', '')
    .split(/[/_]/)
    .filter((word) => word !== '');
  const name = words.map((word) => (word.startsWith(':') ? `by_${word.slice(1)}` : word)).join('_');
  return `${route.method.toLowerCase()}_${name}`;
}

function successHeaders(route: ApiRoute, status: string): Json {
  const header = (description: string) => ({ description, schema: { type: 'string' } });
  return {
    'Request-Id': header("The request's id, for questions about it."),
    ...(route.method === 'POST' && !route.isSafe
      ? { 'Idempotent-Replayed': header('`true` where the key had been used before.') }
      : {}),
    ...(status === '202'
      ? { Location: header('Where to ask again.'), 'Retry-After': header('Seconds to wait first.') }
      : {}),
  };
}

function pathParameters(route: ApiRoute): Json[] {
  return [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(route: ApiRoute): Json[] {
  if (route.query === null) return [];
  const { properties = {}, required = [] } = toSchema(route.query, 'input', {}) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }));
}

function headerParameters(route: ApiRoute): Json[] {
  if (route.method !== 'POST' || route.isSafe) return [];
  const schema = { type: 'string', minLength: 1, maxLength: 255 };
  const description = 'Unique to this request; the same when it is repeated.';
  return [{ name: 'Idempotency-Key', in: 'header', required: true, description, schema }];
}

export function problemsOf(route: ApiRoute): HttpProblemCode[] {
  const byKind =
    route.method === 'POST'
      ? route.isSafe
        ? bodyProblems
        : postProblems
      : route.query === null
        ? (['unknown_field'] as const)
        : queryProblems;
  return [...new Set([...byKind, ...commonProblems, ...route.problems])];
}

function problemResponses(route: ApiRoute, schemas: Json): Json {
  const byStatus = new Map<number, HttpProblemCode[]>();
  for (const code of problemsOf(route)) {
    const { status } = httpProblems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const reference = toSchema(problem, 'output', schemas);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      {
        description: codes.map((code) => `\`${code}\`: ${httpProblems[code].title}`).join('; '),
        content: {
          'application/problem+json': {
            schema: { allOf: [reference, { properties: { code: { enum: codes } } }] },
          },
        },
      },
    ]),
  );
}

function jsonContent(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  return { 'application/json': { schema: toSchema(schema, io, schemas) } };
}

/**
 * JSON Schema of a zod schema. One that has a name (its own, or inside another) becomes a component, and what is
 * returned is then a reference to it.
 */
function toSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const {
    $schema: _dialect,
    $defs = {},
    ...rest
  } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' }) as Json & { $defs?: Json };
  for (const [name, definition] of Object.entries($defs)) schemas[name] ??= rewrite(definition);
  return rewrite(rest) as Json;
}

function rewrite(value: unknown): unknown {
  const text = JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/');
  return JSON.parse(text) as unknown;
}
