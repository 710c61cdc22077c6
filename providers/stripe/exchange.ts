import { AsyncLocalStorage } from 'node:async_hooks';
import type { Stripe } from 'stripe';
import type { OutboundClient, OutboundResult } from '../outbound-call.js';

/** One call of ours through the SDK: one request, and what really came back. */
export class Exchange {
  result: OutboundResult | undefined;
  wasMade = false;

  constructor(readonly outbound: OutboundClient) {}
}

type SdkHttpClient = Stripe.HttpClient;
type SdkResponse = Awaited<ReturnType<SdkHttpClient['makeRequest']>>;

export const exchanges = new AsyncLocalStorage<Exchange>();

/** What of the SDK's headers is sent: not who we run on, nor the environment it has looked at. */
const sentHeaders = ['accept', 'authorization', 'content-type', 'idempotency-key', 'stripe-version'];

/**
 * Takes the place of the SDK's HTTP client. stripe-node 23.1.0 (read 2026-11) sends a POST again after ECONNRESET
 * or EPIPE even with `maxNetworkRetries: 0`, prints what a `stripe-notice` header says as a process warning, and puts
 * the API key and the request into its errors. So it only writes the request here: it is told of an empty answer,
 * and the true one is read from its bytes.
 */
export class OutboundHttpClient implements SdkHttpClient {
  getClientName(): string {
    return 'quittance';
  }

  async makeRequest(
    host: string,
    port: string,
    path: string,
    method: string,
    headers: object,
    requestData: string,
    protocol: string,
  ): Promise<SdkResponse> {
    const exchange = exchanges.getStore();
    if (!exchange || exchange.wasMade) throw new Error('one call is one request');
    if (method !== 'GET' && method !== 'POST') throw new Error('only GET and POST are used');
    exchange.wasMade = true;
    exchange.result = await exchange.outbound.call({
      method,
      url: `${protocol}://${host}:${port}${path}`,
      headers: { ...pick(headers), 'user-agent': 'Quittance' },
      ...(method === 'POST' ? { body: requestData } : {}),
    });
    return emptyAnswer;
  }
}

function pick(headers: object): Record<string, string> {
  const entries = Object.entries(headers).map(
    ([name, value]) => [name.toLowerCase(), String(value)] as const,
  );
  return Object.fromEntries(entries.filter(([name]) => sentHeaders.includes(name)));
}

const emptyAnswer: SdkResponse = {
  getStatusCode: () => 200,
  getHeaders: () => ({}),
  getRawResponse: () => ({}),
  toStream: () => null,
  toJSON: () => Promise.resolve({}),
};
