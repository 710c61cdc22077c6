import { AsyncLocalStorage } from 'node:async_hooks';
import type clientInterface from '@adyen/api-library/lib/src/httpClient/clientInterface.js';
import type { OutboundClient, OutboundResult } from '../outbound-call.js';

/** One call of ours through the SDK: one request, and what really came back. */
export class Exchange {
  result: OutboundResult | undefined;
  wasMade = false;

  constructor(readonly outbound: OutboundClient) {}
}

export const exchanges = new AsyncLocalStorage<Exchange>();

type SdkHttpClient = clientInterface.default;
type SdkRequest = Parameters<SdkHttpClient['request']>;

const TEST_ORIGIN = 'https://checkout-test.adyen.com';

/**
 * Takes the place of the SDK's HTTP client. @adyen/api-library 32.1.0 (read 2026-11) follows a 308 with the API key and
 * the body, reads replies without a limit and as text, sends what it runs on, holds the reply in its errors, and prints
 * a reply that is no JSON as a warning. So it only writes the request here: it is told of an empty answer, and the true
 * one is read from its bytes.
 */
export class OutboundHttpClient implements SdkHttpClient {
  constructor(
    private readonly apiKey: string,
    /** In place of Adyen's test address. */
    private readonly apiUrl: string | undefined,
  ) {}

  async request(...[endpoint, json, , , options]: SdkRequest): Promise<string> {
    const exchange = exchanges.getStore();
    if (!exchange || exchange.wasMade) throw new Error('one call is one request');
    if (options?.method !== 'POST' || options.params) throw new Error('only POST without a query is used');
    exchange.wasMade = true;
    const { idempotencyKey } = options;
    exchange.result = await exchange.outbound.call({
      method: 'POST',
      url: this.apiUrl === undefined ? endpoint : endpoint.replace(TEST_ORIGIN, new URL(this.apiUrl).origin),
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'x-api-key': this.apiKey,
        'user-agent': 'Quittance',
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: json,
    });
    return '{}';
  }
}
