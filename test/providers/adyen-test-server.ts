import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AdyenLimits } from '../../providers/adyen/client.js';
import { createAdyenConnector } from '../../providers/adyen/index.js';
import type {
  Connector,
  Credentials,
  FollowUpRequest,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const merchantAccount = 'QuittanceECOM';
export const apiKey = 'AQEyhmfxK4_secret_of_the_account';
export const hmacKey = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
export const psp = 'QFQTPCQ8HXSKGK82';

export const token = tokenOf({});
export function tokenOf(changes: Record<string, unknown>, more: Record<string, unknown> = {}): string {
  const paymentMethod = {
    type: 'scheme',
    encryptedCardNumber: 'test_4111111111111111',
    encryptedExpiryMonth: 'test_03',
    encryptedExpiryYear: 'test_2030',
    encryptedSecurityCode: 'test_737',
    ...changes,
  };
  return Buffer.from(JSON.stringify({ paymentMethod, ...more })).toString('base64url');
}

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

export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://pay.example.com/returns/adyen/acct_1/x',
  flow: 'redirect',
  paymentToken: token,
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/adyen/acct_1',
};

export function followUp(
  kind: 'capture' | 'void' | 'refund',
  providerReference: string | null = psp,
): FollowUpRequest {
  const of = {
    ...operation,
    kind: kind === 'refund' ? ('sale' as const) : ('authorize' as const),
    providerReference,
  };
  const { notifyUrl } = startRequest;
  return { ...operation, kind, reference: `${reference.slice(0, 25)}${kind.slice(0, 1)}02`, of, notifyUrl };
}

export function credential(apiUrl: string, changes: Record<string, unknown> = {}): Credentials {
  return {
    provider: 'adyen',
    mode: 'test',
    merchantAccount,
    apiKey,
    hmacKeys: [hmacKey],
    apiUrl,
    ...changes,
  };
}

const shortLimits: AdyenLimits = {
  moving: { connectTimeoutMs: 300, deadlineMs: 400, maxReplyBytes: 64 * 1024 },
  asking: { connectTimeoutMs: 300, deadlineMs: 400, maxReplyBytes: 64 * 1024 },
};

export function connectorFor(apiUrl: string, changes: Record<string, unknown> = {}): Connector {
  const credentials = (): Credentials => credential(apiUrl, changes);
  return createAdyenConnector({ credentials, now: () => nowMs }, shortLimits);
}

export type Reply = Record<string, unknown>;
export interface ReceivedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Reply;
}
export type Behaviour = (call: ReceivedCall, response: ServerResponse) => void;

export interface TestServer {
  readonly url: string;
  readonly calls: ReceivedCall[];
  behave: Behaviour;
  close(): Promise<void>;
}

/** Answers as a test tells it to: what no honest Adyen would say, mostly. */
export async function openTestServer(): Promise<TestServer> {
  const calls: ReceivedCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Reply;
      const call = { path: request.url ?? '', headers: request.headers, body };
      calls.push(call);
      opened.behave(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const opened: TestServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    behave: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return opened;
}

export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Behaviour {
  return (_call, response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  };
}

export const authorised: Reply = {
  additionalData: { fundingSource: 'DEBIT', cardSummary: '1111', cardIssuingCountry: 'NL' },
  pspReference: psp,
  resultCode: 'Authorised',
  amount: { currency: 'EUR', value: 4900 },
  merchantReference: reference,
  paymentMethod: { brand: 'visa', type: 'scheme' },
};

export function refusal(status: number, errorCode: string, errorType = 'validation'): Reply {
  return { status, errorCode, errorType, message: 'It was refused' };
}

export const item = {
  pspReference: psp,
  merchantAccountCode: merchantAccount,
  merchantReference: reference,
  amount: { value: 4900, currency: 'EUR' },
  eventCode: 'AUTHORISATION',
  success: 'true',
  eventDate: '2026-11-23T03:04:05+00:00',
  reason: '004900:1111:03/2030',
  paymentMethod: 'visa',
};
export type Item = typeof item & { readonly originalReference?: string };

export function sign(of: Item, key = hmacKey): string {
  const { amount } = of;
  const first = [of.pspReference, of.originalReference ?? '', of.merchantAccountCode, of.merchantReference];
  const text = [...first, amount.value, amount.currency, of.eventCode, of.success].join(':');
  return createHmac('sha256', Buffer.from(key, 'hex')).update(text, 'utf8').digest('base64');
}

export function signed(changes: Partial<Item> = {}, key = hmacKey): Reply {
  const of = { ...item, ...changes };
  return { NotificationRequestItem: { ...of, additionalData: { hmacSignature: sign(of, key) } } };
}

export function webhookOf(...items: unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ live: 'false', notificationItems: items }));
}
