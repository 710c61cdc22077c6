import { AsyncLocalStorage } from 'node:async_hooks';
import type { OutboundClient, OutboundResult } from '../outbound-call.js';

/** One call of ours through the SDK: one request, and what really came back. */
export class Exchange {
  result: OutboundResult | undefined;
  wasMade = false;

  constructor(
    readonly outbound: OutboundClient,
    readonly apiUrl: string,
    readonly token: string,
  ) {}
}

export const exchanges = new AsyncLocalStorage<Exchange>();

/** What the SDK hands its axios adapter, as far as it is read here. */
export interface SdkRequest {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: object;
  readonly data?: unknown;
}

const methods = ['GET', 'POST'] as const;

/** What of the SDK's headers is sent: not on what system we run. */
const sentHeaders = ['accept', 'content-type', 'paypal-request-id', 'prefer'];

/**
 * Takes the place of axios's own adapter. @paypal/paypal-server-sdk 2.5.0 (read 2026-11) has no time-out unless told,
 * knows no other hosts than PayPal's two, fetches a token with every client, follows redirects by axios, and puts the
 * request with its token into its errors. So it only writes the request here: its host and its token are replaced, it
 * is told of an empty answer, and the true one is read from its bytes.
 */
export async function sendOnce(request: SdkRequest): Promise<object> {
  const exchange = exchanges.getStore();
  if (!exchange || exchange.wasMade) throw new Error('one call is one request');
  const method = methods.find((known) => known === request.method?.toUpperCase());
  if (!method) throw new Error('only GET and POST are used');
  exchange.wasMade = true;
  const { pathname, search } = new URL(request.url ?? '');
  exchange.result = await exchange.outbound.call({
    method,
    url: `${exchange.apiUrl.replace(/\/$/, '')}${pathname}${search}`,
    headers: {
      ...pick(request.headers ?? {}),
      authorization: `Bearer ${exchange.token}`,
      'user-agent': 'Quittance',
    },
    ...(method === 'POST' && typeof request.data === 'string' ? { body: request.data } : {}),
  });
  return { data: '{}', status: 200, statusText: 'OK', headers: {}, config: request };
}

function pick(headers: object): Record<string, string> {
  const entries = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), String(value)] as const,
  );
  return Object.fromEntries(entries.filter(([name]) => sentHeaders.includes(name)));
}
