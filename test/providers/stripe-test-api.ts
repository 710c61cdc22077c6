import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  Connector,
  Credentials,
  FollowUpRequest,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';
import { createStripeConnector } from '../../providers/stripe/index.js';

export const nowMs = Date.UTC(2026, 10, 24, 3, 4, 5);
export const merchant = 'acct_1QuittanceTest';
export const secretKey = 'sk_test_51QuittanceTestKey';
export const webhookSecret = 'whsec_0123456789abcdef0123456789abcdef';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
export const intentId = 'pi_3QuittanceTest';
export const account = { accountId: 'acct_1', credential: 'cards' };

export const operation: OperationReference = {
  account,
  reference,
  kind: 'sale',
  amountMinor: 100_001,
  currency: 'USD',
  providerReference: null,
  plannedAtMs: nowMs,
  offerEndsAtMs: nowMs + 900_000,
};
export const told: OperationReference = { ...operation, providerReference: intentId };

export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://pay.example.com/return',
  notifyUrl: 'https://pay.example.com/notifications/stripe/acct_1',
  flow: 'redirect',
  paymentToken: 'pm_card_visa',
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
};

export const authorization: OperationReference = {
  ...told,
  kind: 'authorize',
  reference: '0abcdefghijklmnopqrstuvwxa01',
};

export function followUp(kind: 'capture' | 'void' | 'refund', of: OperationReference): FollowUpRequest {
  const letters = { capture: 'c', void: 'v', refund: 'r' };
  const ownReference = `${of.reference.slice(0, 25)}${letters[kind]}01`;
  return {
    ...of,
    kind,
    reference: ownReference,
    providerReference: null,
    of,
    notifyUrl: 'https://x.example',
  };
}

export function credential(apiUrl: string, changes: Record<string, unknown> = {}): Credentials {
  const webhookSecrets = [webhookSecret];
  return { provider: 'stripe', mode: 'test', merchant, secretKey, webhookSecrets, apiUrl, ...changes };
}

export function connectorFor(
  apiUrl: string,
  { deadlineMs = 5000, changes = {} }: { deadlineMs?: number; changes?: Record<string, unknown> } = {},
): Connector {
  const limits = { connectTimeoutMs: 1000, deadlineMs, maxReplyBytes: 256 * 1024 };
  return createStripeConnector(
    { credentials: () => credential(apiUrl, changes), now: () => nowMs },
    { moving: limits, asking: limits },
  );
}

export interface ReceivedCall {
  /** Method and path, the PaymentIntent's id as `:id`. */
  readonly route: string;
  readonly key: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Of the query and the form. */
  readonly fields: Readonly<Record<string, string>>;
}

export type Behaviour = (call: ReceivedCall, response: ServerResponse, request: IncomingMessage) => void;

export interface TestApi {
  readonly url: string;
  readonly calls: ReceivedCall[];
  readonly routes: () => string[];
  behave: Behaviour;
  close(): Promise<void>;
}

export async function openTestApi(): Promise<TestApi> {
  const calls: ReceivedCall[] = [];
  const api = {
    url: '',
    calls,
    routes: () => calls.map(({ route }) => route),
    behave: (() => undefined) as Behaviour,
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const route = `${request.method} ${pathname.replace(/\/pi_\w+/, '/:id')}`;
      const key = request.headers['idempotency-key'] as string | undefined;
      const fields = Object.fromEntries([...searchParams, ...form]);
      calls.push({ route, key, headers: request.headers, fields });
      api.behave(calls.at(-1)!, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(api, {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

export type Json = Record<string, unknown>;
export type Said = Json | { readonly status: number; readonly body: Json; readonly headers?: Json };

export const create = 'POST /v1/payment_intents';
export const retrieve = 'GET /v1/payment_intents/:id';
export const cancel = 'POST /v1/payment_intents/:id/cancel';
export const capture = 'POST /v1/payment_intents/:id/capture';
export const search = 'GET /v1/payment_intents/search';
export const list = 'GET /v1/payment_intents';
export const refunds = 'POST /v1/refunds';
export const refundList = 'GET /v1/refunds';
export const cardOf = 'GET /v1/payment_methods/pm_card_visa';

/** Answers each route with what stands here for it; of a list the first answers first, the last for ever. */
export function answerWith(answers: Record<string, Said | Said[]>): Behaviour {
  const left = new Map(Object.entries(answers).map(([route, said]) => [route, [said].flat()]));
  return (call, response) => {
    const said = left.get(call.route);
    const next = said && said.length > 1 ? said.shift() : said?.[0];
    if (!next) return void response.writeHead(599).end(`nothing at ${call.route}`);
    const isStatus = 'body' in next && 'status' in next;
    response.writeHead(isStatus ? (next['status'] as number) : 200, {
      'content-type': 'application/json',
      ...(isStatus ? (next['headers'] as Record<string, string> | undefined) : {}),
    });
    response.end(JSON.stringify(isStatus ? next['body'] : next));
  };
}

export const page = (data: Json[], hasMore = false): Json => ({ object: 'list', data, has_more: hasMore });
export const error = (status: number, said: Json): Said => ({ status, body: { error: said } });

export const card = { brand: 'visa', country: 'US', funding: 'credit', last4: '4242' };
export const charge: Json = {
  id: 'ch_1',
  object: 'charge',
  amount: 100_001,
  amount_captured: 100_001,
  amount_refunded: 0,
  captured: true,
  paid: true,
  created: 1_795_489_000,
  currency: 'usd',
  payment_intent: intentId,
  payment_method_details: { type: 'card', card },
};

export function intent(status: string, changes: Json = {}): Json {
  const isPaid = status === 'succeeded';
  return {
    id: intentId,
    object: 'payment_intent',
    amount: 100_001,
    amount_capturable: status === 'requires_capture' ? 100_001 : 0,
    amount_received: isPaid ? 100_001 : 0,
    currency: 'usd',
    livemode: false,
    on_behalf_of: null,
    metadata: { quittance_reference: reference },
    latest_charge: isPaid ? charge : null,
    next_action: null,
    last_payment_error: null,
    canceled_at: status === 'canceled' ? 1_795_489_100 : null,
    capture_method: 'automatic',
    status,
    ...changes,
  };
}

export const redirect = {
  next_action: {
    type: 'redirect_to_url',
    redirect_to_url: { url: 'https://hooks.stripe.com/3ds/1', return_url: startRequest.returnUrl },
  },
};

/** The manual one, held. */
export function held(changes: Json = {}): Json {
  const { reference: own } = authorization;
  const latest = {
    ...charge,
    captured: false,
    amount_captured: 0,
    payment_method_details: { type: 'card', card: { ...card, capture_before: 1_796_093_800 } },
  };
  return intent('requires_capture', {
    capture_method: 'manual',
    latest_charge: latest,
    metadata: { quittance_reference: own },
    ...changes,
  });
}

/** Stripe's 402, with the PaymentIntent that it leaves behind. */
export function declined(declineCode: string | undefined, changes: Json = {}, code = 'card_declined'): Said {
  const why = { type: 'card_error', code, ...(declineCode ? { decline_code: declineCode } : {}) };
  const left = intent('requires_payment_method', { last_payment_error: why, ...changes });
  return error(402, { ...why, message: 'Your card was declined.', payment_intent: left });
}

export const paidEvidence = {
  reference,
  merchant,
  amountMinor: 100_001,
  currency: 'USD',
  refundedMinor: 0,
  providerReference: intentId,
  paidAtMs: 1_795_489_000_000,
  card,
};

export function signature(body: string | Buffer, atMs = nowMs, secret = webhookSecret): string {
  const t = Math.floor(atMs / 1000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.`).update(body).digest('hex')}`;
}
