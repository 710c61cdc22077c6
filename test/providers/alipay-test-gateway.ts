import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAlipayConnector } from '../../providers/alipay/index.js';
import type { Connector, Credentials, OperationReference, StartRequest } from '../../providers/connector.js';

const keyPair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

export const alipayKeys = keyPair();
export const strangerKeys = keyPair();
export const appKeys = keyPair();

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const appId = '9021000000000001';
export const sellerId = '2088000000000001';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
const account = { accountId: 'acct_1', credential: 'shop' };

export const operation: OperationReference = {
  account,
  reference,
  kind: 'sale',
  amountMinor: 100_001,
  currency: 'CNY',
  providerReference: null,
  plannedAtMs: nowMs,
  offerEndsAtMs: Date.UTC(2026, 10, 23, 3, 9, 5),
};

export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://pay.example.com/return',
  flow: 'qr_code',
  paymentToken: null,
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/acct_1',
};

export function credential(gateway: string, changes: Record<string, unknown> = {}): Credentials {
  return {
    provider: 'alipay',
    mode: 'test',
    appId,
    sellerId,
    gateway,
    privateKey: appKeys.privateKey,
    alipayPublicKey: alipayKeys.publicKey,
    ...changes,
  };
}

export function connectorFor(
  gateway: string,
  limits = { timeoutMs: 4500, deadlineMs: 5000 },
  changes: Record<string, unknown> = {},
): Connector {
  const credentials = (): Credentials => credential(gateway, changes);
  return createAlipayConnector({ credentials, now: () => nowMs }, limits);
}

export function sign(text: string, privateKey = alipayKeys.privateKey): string {
  return createSign('RSA-SHA256').update(text, 'utf8').sign(privateKey, 'base64');
}

export type Node = Record<string, unknown>;

/** The body of a reply: the node's exact text first, its signature last, `/` written `\/` as Alipay does. */
export function signedBody(method: string, node: Node, privateKey = alipayKeys.privateKey): string {
  const text = JSON.stringify(node).replaceAll('/', '\\/');
  return `{"${responseKey(method)}":${text},"sign":"${sign(text, privateKey)}"}`;
}

export function responseKey(method: string): string {
  return `${method.replaceAll('.', '_')}_response`;
}

export interface ReceivedCall {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly content: Record<string, string>;
}

export type Behaviour = (call: ReceivedCall, response: ServerResponse, request: IncomingMessage) => void;

export interface TestGateway {
  readonly url: string;
  readonly calls: ReceivedCall[];
  behave: Behaviour;
  close(): Promise<void>;
}

export async function openTestGateway(): Promise<TestGateway> {
  const gateway = { url: '', calls: [] as ReceivedCall[], behave: (() => undefined) as Behaviour };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { searchParams } = new URL(request.url ?? '/', 'http://gateway');
      const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
      const content = JSON.parse(form.get('biz_content') ?? '{}') as Record<string, string>;
      const call = { method: searchParams.get('method') ?? '', query: searchParams, content };
      gateway.calls.push(call);
      gateway.behave(call, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gateway.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/gateway.do`;
  return Object.assign(gateway, {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** Answers every call with the node that its method has here. */
export function answerWith(nodes: Record<string, Node>): Behaviour {
  return (call, response) => {
    const node = nodes[call.method];
    if (node) response.end(signedBody(call.method, node));
    else response.writeHead(500).end();
  };
}

export const precreate = 'alipay.trade.precreate';
export const query = 'alipay.trade.query';
export const close = 'alipay.trade.close';

export const success = { code: '10000', msg: 'Success', out_trade_no: reference };
export const offered = { ...success, qr_code: 'https://qr.alipay.com/abc' };
export const waiting = {
  ...success,
  trade_no: 'T1',
  trade_status: 'WAIT_BUYER_PAY',
  total_amount: '1000.01',
};
export const paid = {
  ...success,
  trade_no: 'T1',
  trade_status: 'TRADE_SUCCESS',
  total_amount: '1000.01',
  buyer_pay_amount: '990.00',
  send_pay_date: '2026-11-23 11:05:00',
};
export const refusal = (subCode: string, code = '40004') => ({
  code,
  msg: 'Business Failed',
  sub_code: subCode,
  sub_msg: '失败',
});

export const paidEvidence = {
  reference,
  merchant: sellerId,
  amountMinor: 100_001,
  currency: 'CNY',
  refundedMinor: 0,
  providerReference: 'T1',
  paidAtMs: Date.UTC(2026, 10, 23, 3, 5, 0),
};
