import type { z } from 'zod';
import type { KeyHolder } from '../db/api-keys.js';
import type { HttpProblemCode } from '../domain/problem-codes.js';
import type { AnswerWaiter } from './answer-waiter.js';
import type { ApiDependencies } from './dependencies.js';
import type { Metrics } from './metrics.js';
import type { RateLimiter } from './rate-limiter.js';
import type { TenantQueue } from './tenant-queue.js';

/** What a route answers with. `body` goes out byte for byte. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function jsonReply(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return { status, body: JSON.stringify(value), contentType: 'application/json; charset=utf-8', headers };
}

/** What routes share while the API runs. */
export interface ApiContext extends ApiDependencies {
  readonly answers: AnswerWaiter;
  readonly metrics: Metrics;
  readonly rates: RateLimiter;
  /** Payments that have to be held against a limit for a day, which takes a lock. */
  readonly limitedPayments: TenantQueue;
}

/** A request as far as everybody sees it. */
export interface OpenRequest {
  readonly requestId: string;
  readonly receivedAtMs: number;
  /** Method and path template. */
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  /** Without the question mark, as it came. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The raw body; rejects with a Problem where it is too large: 64 KB, unless told otherwise. */
  readonly readBody: (maxBytes?: number) => Promise<Buffer>;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
}

/** A request of a merchant, authenticated and checked against the route's schemas. */
export interface ApiRequest<Body = unknown, Query = unknown> {
  readonly caller: KeyHolder;
  readonly requestId: string;
  readonly receivedAtMs: number;
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly query: Query;
  /** Empty except for a POST that needs one. */
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly signal: AbortSignal;
}

export type HttpMethod = 'GET' | 'POST' | 'DELETE';

interface Documented {
  readonly method: HttpMethod;
  /** Express's form: `/v1/payments/:id`. */
  readonly path: string;
  readonly summary: string;
}

/** A route for merchants: authenticated, JSON, documented by its own schemas. */
export interface ApiRoute extends Documented {
  readonly kind: 'api';
  readonly body: z.ZodType | null;
  /** The body may be left out, and then is `{}`. */
  readonly bodyOptional: boolean;
  /** A POST that stores nothing and calls nobody: it needs no Idempotency-Key, and heeds none. */
  readonly isSafe: boolean;
  readonly query: z.ZodType | null;
  readonly responses: Readonly<Record<number, { readonly description: string; readonly schema: z.ZodType }>>;
  /** Beside those that every route may answer with. */
  readonly problems: readonly HttpProblemCode[];
  readonly handle: (request: ApiRequest<unknown, unknown>, context: ApiContext) => Promise<Reply>;
}

/** A route for providers, operators and browsers. */
export interface OpenRoute extends Documented {
  readonly kind: 'open';
  readonly handle: (request: OpenRequest, context: ApiContext) => Promise<Reply>;
}

export type Route = ApiRoute | OpenRoute;

/** Ties a handler's types to its schemas; from then on a route is one of many. */
export function apiRoute<Body extends z.ZodType = z.ZodNull, Query extends z.ZodType = z.ZodNull>(
  route: Documented & {
    readonly body?: Body;
    readonly bodyOptional?: boolean;
    readonly isSafe?: boolean;
    readonly query?: Query;
    readonly responses: ApiRoute['responses'];
    readonly problems?: readonly HttpProblemCode[];
    readonly handle: (
      request: ApiRequest<z.output<Body>, z.output<Query>>,
      context: ApiContext,
    ) => Promise<Reply>;
  },
): ApiRoute {
  return {
    ...route,
    kind: 'api',
    body: route.body ?? null,
    bodyOptional: route.bodyOptional ?? false,
    isSafe: route.isSafe ?? false,
    query: route.query ?? null,
    problems: route.problems ?? [],
    handle: route.handle as ApiRoute['handle'],
  };
}

export function openRoute(route: Omit<OpenRoute, 'kind'>): OpenRoute {
  return { ...route, kind: 'open' };
}
