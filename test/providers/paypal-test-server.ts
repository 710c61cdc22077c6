import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  AdvanceRequest,
  Connector,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';
import { createPaypalConnector } from '../../providers/paypal/index.js';

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const merchantId = 'QUITTANCEMERC';
export const clientSecret = 'EQuittanceSecret0123456789';
export const webhookId = '1JE4291016473214C';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
export const orderId = '5O190127TN364715T';

export const operation: OperationReference = {
  account: { accountId: 'acct_1', credential: 'shop' },
  reference,
  kind: 'sale',
  amountMinor: 4900,
  currency: 'USD',
  providerReference: null,
  plannedAtMs: nowMs - 1000,
  offerEndsAtMs: nowMs + 900_000,
};
export const known: OperationReference = { ...operation, providerReference: orderId };
export const advance: AdvanceRequest = {
  ...known,
  advanceTakenAtMs: nowMs - 10,
  returnDetails: null,
  number: 2,
  sendBeforeMs: nowMs + 60_000,
};
export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://pay.example.com/returns/paypal/acct_1/x',
  flow: 'redirect',
  paymentToken: null,
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/paypal/acct_1',
};

export type Reply = Readonly<Record<string, unknown>>;

export interface ReceivedCall {
  readonly route: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer {
  readonly url: string;
  readonly connector: Connector;
  /** Without those for tokens. */
  readonly calls: ReceivedCall[];
  tokens: number;
  /** What each route answers; a function may answer anything at all. */
  answers: Record<string, readonly [number, unknown] | ((response: ServerResponse) => void)>;
  clockMs: number;
  close(): Promise<void>;
}

/** A server that answers what it is told to, whether PayPal would or not. */
export async function openTestServer(settings: Record<string, unknown> = {}): Promise<TestServer> {
  const calls: ReceivedCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const route = `${request.method} ${request.url}`;
      const isToken = route === 'POST /v1/oauth2/token';
      if (isToken) state.tokens += 1;
      else calls.push({ route, headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      const token = [200, { access_token: 'A21AAtoken', token_type: 'Bearer', expires_in: 32_400 }] as const;
      const answer =
        state.answers[route] ?? (isToken ? token : ([404, refusal('INVALID_RESOURCE_ID')] as const));
      if (typeof answer === 'function') return answer(response);
      const text = typeof answer[1] === 'string' ? answer[1] : JSON.stringify(answer[1]);
      response.writeHead(answer[0], { 'content-type': 'application/json' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const limits = { connectTimeoutMs: 300, deadlineMs: 400, maxReplyBytes: 64 * 1024 };
  const credentials = () => ({
    provider: 'paypal',
    mode: 'test' as const,
    merchantId,
    clientId: 'AQuittanceClient',
    clientSecret,
    webhookId,
    apiUrl: url,
    ...settings,
  });
  const state: TestServer = {
    url,
    connector: createPaypalConnector(
      { credentials, now: () => state.clockMs },
      { moving: limits, asking: limits },
    ),
    calls,
    tokens: 0,
    answers: {},
    clockMs: nowMs,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return state;
}

export function refusal(issue: string): Reply {
  return { name: 'UNPROCESSABLE_ENTITY', details: [{ issue, description: 'as told' }], message: 'no' };
}

export function orderOf(status: string, payments?: object, change: Reply = {}, url = ''): Reply {
  return {
    id: orderId,
    intent: 'CAPTURE',
    status,
    purchase_units: [
      {
        custom_id: reference,
        amount: { currency_code: 'USD', value: '49.00' },
        payee: { merchant_id: merchantId },
        ...(payments ? { payments } : {}),
      },
    ],
    links: [{ href: `${url}/checkoutnow?token=${orderId}`, rel: 'payer-action', method: 'GET' }],
    ...change,
  };
}

export function captureOf(status: string, value = '49.00'): Reply {
  return { id: '3C679366HH908993F', status, amount: { currency_code: 'USD', value }, invoice_id: reference };
}
