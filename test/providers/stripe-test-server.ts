import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  Connector,
  Credentials,
  FollowUpRequest,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';
import type { StripeLimits } from '../../providers/stripe/client.js';
import { createStripeConnector } from '../../providers/stripe/index.js';

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const nowSeconds = nowMs / 1000;
export const merchant = 'acct_1Quittance';
export const secretKey = 'sk_test_51QuittanceSecret';
export const webhookSecret = 'whsec_0123456789abcdef0123';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
export const captureReference = '0abcdefghijklmnopqrstuvwxc02';
export const refundReference = '0abcdefghijklmnopqrstuvwxr03';
export const intentId = 'pi_3Quittance';

export const operation: OperationReference = {
  account: { accountId: 'acct_1', credential: 'shop' },
  reference,
  kind: 'sale',
  amountMinor: 4900,
  currency: 'EUR',
  providerReference: null,
  plannedAtMs: nowMs - 1000,
  offerEndsAtMs: nowMs + 900_000,
};
export const known: OperationReference = { ...operation, providerReference: intentId };
export const authorized: OperationReference = { ...known, kind: 'authorize' };

export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://pay.example.com/return',
  flow: 'redirect',
  paymentToken: 'pm_1Visa',
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/acct_1',
};

export function followUp(
  kind: 'capture' | 'void' | 'refund',
  of: OperationReference,
  amountMinor = 4900,
): FollowUpRequest {
  const key = { capture: captureReference, void: '0abcdefghijklmnopqrstuvwxv02', refund: refundReference };
  const { notifyUrl } = startRequest;
  return { ...operation, kind, reference: key[kind], amountMinor, of, notifyUrl };
}

export function credential(apiUrl: string, changes: Record<string, unknown> = {}): Credentials {
  return {
    provider: 'stripe',
    mode: 'test',
    merchant,
    secretKey,
    webhookSecrets: [webhookSecret],
    apiUrl,
    ...changes,
  };
}

export const shortLimits: StripeLimits = {
  moving: { connectTimeoutMs: 300, deadlineMs: 400, maxReplyBytes: 64 * 1024 },
  asking: { connectTimeoutMs: 300, deadlineMs: 400, maxReplyBytes: 64 * 1024 },
};

export function connectorFor(
  apiUrl: string,
  limits?: StripeLimits,
  changes: Record<string, unknown> = {},
): Connector {
  const credentials = (): Credentials => credential(apiUrl, changes);
  return createStripeConnector({ credentials, now: () => nowMs }, limits);
}

export type Reply = Record<string, unknown>;
export interface ReceivedCall {
  /** `POST /v1/payment_intents`, ids as they came. */
  readonly route: string;
  readonly query: Record<string, string>;
  readonly form: Record<string, string>;
  readonly headers: IncomingHttpHeaders;
}
export type Behaviour = (call: ReceivedCall, response: ServerResponse) => void;

export interface TestServer {
  readonly url: string;
  readonly calls: ReceivedCall[];
  behave: Behaviour;
  routes(): string[];
  close(): Promise<void>;
}

export async function openTestServer(): Promise<TestServer> {
  const calls: ReceivedCall[] = [];
  const state = { url: '', calls, behave: (() => undefined) as Behaviour };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://stripe');
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const call: ReceivedCall = {
        route: `${request.method} ${pathname}`,
        query: Object.fromEntries(searchParams),
        form: Object.fromEntries(form),
        headers: request.headers,
      };
      calls.push(call);
      state.behave(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(state, {
    routes: () => calls.map(({ route }) => route),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** An answer per route; a list of them is used up one by one, its last one stays. Any other route answers 404. */
export function answerWith(answers: Record<string, Said | Said[]>): Behaviour {
  const left = new Map(
    Object.entries(answers).map(([route, said]) => [route, Array.isArray(said) ? [...said] : [said]]),
  );
  return ({ route }, response) => {
    const queue = left.get(route) ?? [refusal(404, { code: 'no_such_route' })];
    const said = queue.length > 1 ? queue.shift() : queue[0];
    response.writeHead(said?.status ?? 500, { 'Content-Type': 'application/json', ...said?.headers });
    response.end(JSON.stringify(said?.body));
  };
}

export interface Said {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: Reply;
}
export const ok = (body: Reply, headers: Record<string, string> = {}): Said => ({
  status: 200,
  headers,
  body,
});
export const refusal = (status: number, error: Reply, headers: Record<string, string> = {}): Said => ({
  status,
  headers,
  body: { error: { type: status === 402 ? 'card_error' : 'invalid_request_error', message: 'no', ...error } },
});
export const list = (data: Reply[], hasMore = false): Said => ok({ object: 'list', data, has_more: hasMore });

export const create = 'POST /v1/payment_intents';
export const retrieve = `GET /v1/payment_intents/${intentId}`;
export const cancel = `POST /v1/payment_intents/${intentId}/cancel`;
export const capture = `POST /v1/payment_intents/${intentId}/capture`;
export const search = 'GET /v1/payment_intents/search';
export const listIntents = 'GET /v1/payment_intents';
export const createRefund = 'POST /v1/refunds';
export const listRefunds = 'GET /v1/refunds';

export const card = { brand: 'visa', last4: '4242', country: 'US', funding: 'credit' };
export const charge = (changes: Reply = {}): Reply => ({
  id: 'ch_3Quittance',
  object: 'charge',
  payment_intent: intentId,
  paid: true,
  captured: true,
  amount_refunded: 0,
  created: nowSeconds - 3,
  payment_method_details: { type: 'card', card },
  ...changes,
});
/** A PaymentIntent that waits for a card; the other states are changes of it. */
export const intent = (changes: Reply = {}): Reply => ({
  id: intentId,
  object: 'payment_intent',
  status: 'requires_payment_method',
  amount: 4900,
  amount_received: 0,
  amount_capturable: 0,
  currency: 'eur',
  livemode: false,
  metadata: { quittance_reference: reference },
  last_payment_error: null,
  next_action: null,
  latest_charge: null,
  ...changes,
});
export const succeeded = (changes: Reply = {}): Reply =>
  intent({ status: 'succeeded', amount_received: 4900, latest_charge: charge(), ...changes });
export const held = (changes: Reply = {}): Reply =>
  intent({
    status: 'requires_capture',
    amount_capturable: 4900,
    latest_charge: charge({
      captured: false,
      payment_method_details: { type: 'card', card: { ...card, capture_before: nowSeconds + 604_800 } },
    }),
    ...changes,
  });
export const challenge = (changes: Reply = {}): Reply =>
  intent({
    status: 'requires_action',
    next_action: { type: 'redirect_to_url', redirect_to_url: { url: 'https://hooks.stripe.com/3d' } },
    ...changes,
  });
export const declined = (code = 'generic_decline', changes: Reply = {}): Reply =>
  intent({ last_payment_error: { code: 'card_declined', decline_code: code, message: 'no' }, ...changes });

export const paidEvidence = {
  reference,
  merchant,
  amountMinor: 4900,
  currency: 'EUR',
  refundedMinor: 0,
  providerReference: intentId,
  paidAtMs: nowMs - 3000,
  card: { funding: 'credit', brand: 'visa', last4: '4242', country: 'US' },
};
