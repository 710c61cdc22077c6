import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createBtcpayConnector } from '../../providers/btcpay/index.js';
import type { Connector, Credentials, OperationReference, StartRequest } from '../../providers/connector.js';
import { defaultOutboundLimits, type OutboundLimits } from '../../providers/outbound-call.js';

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const storeId = '9CiNzKoANXxmk5ayZngSXrHTiVvvgCrwrpFQd4m2K776';
export const apiKey = 'a3f1c5d2e4b697885a1b2c3d4e5f60718293a4b5';
export const webhookSecret = '3kzJ9bW2mTqXvR7cYpL5';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
export const address = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';
export const MINUTE_MS = 60_000;
const account = { accountId: 'acct_1', credential: 'shop' };

export const operation: OperationReference = {
  account,
  reference,
  kind: 'sale',
  amountMinor: 10_000,
  currency: 'USD',
  providerReference: null,
  plannedAtMs: nowMs,
  offerEndsAtMs: nowMs + 15.5 * MINUTE_MS,
};

export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://pay.example.com/return',
  flow: null,
  paymentToken: null,
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/btcpay/acct_1',
};

export function credential(baseUrl: string, changes: Record<string, unknown> = {}): Credentials {
  return { provider: 'btcpay', mode: 'test', baseUrl, storeId, apiKey, webhookSecret, ...changes };
}

export interface ConnectorSettings {
  readonly limits?: OutboundLimits;
  readonly changes?: Record<string, unknown>;
  readonly atMs?: number;
}

export function connectorFor(baseUrl: string, settings: ConnectorSettings = {}): Connector {
  const { limits = defaultOutboundLimits, changes = {}, atMs = nowMs } = settings;
  return createBtcpayConnector({ credentials: () => credential(baseUrl, changes), now: () => atMs }, limits);
}

export interface ReceivedCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export type Behaviour = (call: ReceivedCall, response: ServerResponse, request: IncomingMessage) => void;

export interface TestServer {
  readonly url: string;
  readonly calls: ReceivedCall[];
  behave: Behaviour;
  /** The calls, as method and path below the store. */
  told(): string[];
  close(): Promise<void>;
}

const store = `/api/v1/stores/${storeId}`;

export async function openTestServer(): Promise<TestServer> {
  const calls: ReceivedCall[] = [];
  const told = () => calls.map(({ method, path }) => `${method} ${path}`);
  const test = { url: '', calls, behave: (() => undefined) as Behaviour, told };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://btcpay');
      const text = Buffer.concat(chunks).toString('utf8');
      const call: ReceivedCall = {
        method: request.method ?? '',
        path: pathname.startsWith(store) ? pathname.slice(store.length) : pathname,
        query: searchParams,
        headers: request.headers,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
      };
      test.calls.push(call);
      test.behave(call, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(test, {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

export function send(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export type Json = Record<string, unknown>;

const seconds = (epochMs: number): number => Math.floor(epochMs / 1000);

export function invoice(changes: Json = {}): Json {
  return {
    id: 'INVOICE1',
    storeId,
    amount: '100.00',
    paidAmount: '0.00',
    currency: 'USD',
    type: 'Standard',
    checkoutLink: null,
    createdTime: seconds(nowMs),
    expirationTime: seconds(nowMs + 15 * MINUTE_MS),
    monitoringExpiration: seconds(nowMs + (15 + 1440) * MINUTE_MS),
    status: 'New',
    additionalStatus: 'None',
    availableStatusesForManualMarking: ['Settled', 'Invalid'],
    archived: false,
    metadata: { orderId: reference, itemDesc: 'A course' },
    checkout: { speedPolicy: 'MediumSpeed', paymentTolerance: 0 },
    receipt: {},
    ...changes,
  };
}

/** 100.00 USD at 64392.23 is 0.001552982…, which BTCPay rounds up to a whole satoshi. */
export const rate = '64392.23';
export const dueCoins = '0.00155299';

export function method(changes: Json = {}): Json {
  const due = typeof changes['due'] === 'string' ? changes['due'] : dueCoins;
  return {
    activated: true,
    paymentMethodId: 'BTC-CHAIN',
    currency: 'BTC',
    destination: address,
    paymentLink: `bitcoin:${address}?amount=${due}`,
    rate,
    paymentMethodPaid: '0.0',
    totalPaid: '0.0',
    due,
    amount: dueCoins,
    paymentMethodFee: '0.0',
    payments: [],
    additionalData: { keyPath: '0/1', payjoinEnabled: false },
    ...changes,
  };
}

export const paidAtMs = nowMs + 5 * MINUTE_MS;

export function payment(value: string, changes: Json = {}): Json {
  const receivedDate = seconds(paidAtMs);
  return {
    id: `tx-${value}`,
    receivedDate,
    value,
    fee: '0.0',
    status: 'Settled',
    destination: address,
    ...changes,
  };
}

export interface Shown {
  readonly invoice: Json;
  readonly methods: Json[];
}

/** A server that has these invoices and no other: it answers look-ups, marks, and no create. */
export function serve(...shown: Shown[]): Behaviour {
  return (call, response) => {
    const [, , id, what] = call.path.split('/');
    const one = shown.find(({ invoice: { id: known } }) => known === id);
    if (call.method === 'GET' && call.path === '/invoices') {
      const found = shown.filter(({ invoice: { metadata } }) => {
        return (metadata as Json)['orderId'] === call.query.get('orderId');
      });
      send(
        response,
        found.map(({ invoice: each }) => each),
      );
    } else if (call.method === 'GET' && one && what === undefined) send(response, one.invoice);
    else if (call.method === 'GET' && one && what === 'payment-methods') send(response, one.methods);
    else if (call.method === 'POST' && one && what === 'status') {
      Object.assign(one.invoice, call.body, { additionalStatus: 'Marked' });
      send(response, one.invoice);
    } else send(response, { code: 'invoice-not-found', message: 'The invoice was not found' }, 404);
  };
}

/** One invoice with these payments of the one method. */
export function paidWith(changes: Json, ...payments: Json[]): Shown {
  return { invoice: invoice(changes), methods: [method({ payments })] };
}

export const evidence = {
  reference,
  merchant: storeId,
  amountMinor: 10_000,
  currency: 'USD',
  refundedMinor: 0,
  providerReference: 'INVOICE1',
  paidAtMs,
};
