import { createCipheriv, createVerify, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Connector, Credentials, OperationReference, StartRequest } from '../../providers/connector.js';
import { defaultOutboundLimits, type OutboundLimits } from '../../providers/outbound-call.js';
import { createWechatPayConnector } from '../../providers/wechat_pay/index.js';

const keyPair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });

export const merchantKeys = keyPair();
export const platformKeys = keyPair();
export const strangerKeys = keyPair();

export const pem = {
  merchant: merchantKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  platform: platformKeys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const mchid = '1900000109';
export const appid = 'wxd678efa567fa6787';
export const apiV3Key = '0123456789abcdef0123456789ABCDEF';
export const publicKeyId = 'PUB_KEY_ID_0119000001092026112300000000000001';
export const merchantSerial = '5157F09EFDC096DE15EBE81A47057A7232F1B8E1';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
export const refundReference = '0abcdefghijklmnopqrstuvwxr01';
const account = { accountId: 'acct_1', credential: 'shop' };

export const operation: OperationReference = {
  account,
  reference,
  kind: 'sale',
  amountMinor: 100_001,
  currency: 'CNY',
  providerReference: null,
  plannedAtMs: nowMs,
  offerEndsAtMs: nowMs + 300_000,
};

export const startRequest: StartRequest = {
  ...operation,
  subject: 'A course',
  returnUrl: 'https://shop.example.com/back?order=1',
  flow: 'qr_code',
  paymentToken: null,
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/wechat_pay/acct_1',
};

export const h5Request: StartRequest = {
  ...startRequest,
  flow: 'redirect',
  payer: { id: 'payer-1', ip: '203.0.113.7' },
};

export const refundRequest = {
  ...operation,
  kind: 'refund',
  reference: refundReference,
  amountMinor: 40_000,
  of: operation,
  notifyUrl: startRequest.notifyUrl,
} as const;

export function credential(url: string, changes: Record<string, unknown> = {}): Credentials {
  return {
    provider: 'wechat_pay',
    mode: 'test',
    mchid,
    appid,
    baseUrl: url,
    merchantSerial,
    privateKey: pem.merchant,
    apiV3Key,
    platformPublicKeyId: publicKeyId,
    platformPublicKey: pem.platform,
    ...changes,
  };
}

export function connectorFor(
  url: string,
  changes: Record<string, unknown> = {},
  limits: OutboundLimits = defaultOutboundLimits,
  now: () => number = () => nowMs,
): Connector {
  return createWechatPayConnector({ credentials: () => credential(url, changes), now }, limits);
}

export interface SignedAs {
  readonly key?: typeof platformKeys.privateKey;
  readonly serial?: string;
  readonly atMs?: number;
}

/** The headers that WeChat Pay sends with such a body. */
export function signedHeaders(body: Buffer | string, signedAs: SignedAs = {}): Record<string, string> {
  const { key = platformKeys.privateKey, serial = publicKeyId, atMs = nowMs } = signedAs;
  const timestamp = String(Math.floor(atMs / 1000));
  const nonce = randomBytes(16).toString('hex');
  const text = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), Buffer.from(body), Buffer.from('\n')]);
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-serial': serial,
    'wechatpay-signature': sign('sha256', text, key).toString('base64'),
  };
}

export function sealed(plain: string, associatedData = 'transaction', key = apiV3Key) {
  const nonce = randomBytes(6).toString('hex');
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(associatedData));
  const bytes = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const ciphertext = bytes.toString('base64');
  return { algorithm: 'AEAD_AES_256_GCM', ciphertext, associated_data: associatedData, nonce };
}

export interface ReceivedCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** Over what the merchant's Authorization header claims; the parts of it that are signed. */
export function isSignedByMerchant({ method, path, headers, body }: ReceivedCall): boolean {
  const [, parameters = ''] = (headers.authorization ?? '').split('WECHATPAY2-SHA256-RSA2048 ');
  const said = Object.fromEntries(
    [...parameters.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
  const text = `${method}\n${path}\n${said['timestamp']}\n${said['nonce_str']}\n${body}\n`;
  const isOurs = said['mchid'] === mchid && said['serial_no'] === merchantSerial;
  const verifier = createVerify('RSA-SHA256').update(text);
  return isOurs && verifier.verify(merchantKeys.publicKey, said['signature'] ?? '', 'base64');
}

export type Behaviour = (call: ReceivedCall, response: ServerResponse, request: IncomingMessage) => void;

export interface TestServer {
  readonly url: string;
  readonly calls: ReceivedCall[];
  behave: Behaviour;
  close(): Promise<void>;
}

export async function openTestServer(): Promise<TestServer> {
  const opened = { url: '', calls: [] as ReceivedCall[], behave: (() => undefined) as Behaviour };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const call = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
      opened.calls.push(call);
      opened.behave(call, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(opened, {
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

/** A signed reply. */
export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  signedAs: SignedAs = {},
): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  const contentType = { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...contentType, ...signedHeaders(text, signedAs) }).end(text);
}

export type Answer = readonly [status: number, body?: unknown];

/** What each kind of call is answered with; 500 for the others. */
export type Answers = Readonly<
  Partial<Record<'native' | 'h5' | 'query' | 'close' | 'refund' | 'refundQuery' | 'certificates', Answer>>
>;

export function kindOf({ method, path }: ReceivedCall): keyof Answers {
  if (path === '/v3/certificates') return 'certificates';
  if (path.startsWith('/v3/refund')) return method === 'POST' ? 'refund' : 'refundQuery';
  if (path.endsWith('/close')) return 'close';
  if (method === 'GET') return 'query';
  return path.endsWith('/h5') ? 'h5' : 'native';
}

export function answerWith(answers: Answers, signedAs: SignedAs = {}): Behaviour {
  return (call, response) => {
    const [status, body] = answers[kindOf(call)] ?? [500, { code: 'SYSTEM_ERROR', message: '系统异常' }];
    reply(response, status, body, signedAs);
  };
}

export const refusal = (code: string, status = 400): Answer => [status, { code, message: '失败' }];

const trade = { appid, mchid, out_trade_no: reference };
export const waiting = {
  ...trade,
  trade_state: 'NOTPAY',
  trade_state_desc: '订单未支付',
  amount: { total: 100_001 },
};
export const closed = { ...waiting, trade_state: 'CLOSED' };
export const paid = {
  ...trade,
  transaction_id: '4200000000000000001',
  trade_type: 'NATIVE',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  success_time: '2026-11-23T11:05:00+08:00',
  payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
  amount: { total: 100_001, payer_total: 99_000, currency: 'CNY', payer_currency: 'CNY' },
};

export const paidEvidence = {
  reference,
  merchant: mchid,
  amountMinor: 100_001,
  currency: 'CNY',
  refundedMinor: 0,
  providerReference: '4200000000000000001',
  paidAtMs: Date.UTC(2026, 10, 23, 3, 5, 0),
};

export const refunding = {
  refund_id: '50000000382019052709732678859',
  out_refund_no: refundReference,
  transaction_id: '4200000000000000001',
  out_trade_no: reference,
  channel: 'ORIGINAL',
  user_received_account: '支付用户零钱',
  create_time: '2026-11-23T11:06:00+08:00',
  status: 'PROCESSING',
  amount: { total: 100_001, refund: 40_000, payer_total: 99_000, payer_refund: 39_000, currency: 'CNY' },
};
export const refunded = { ...refunding, status: 'SUCCESS', success_time: '2026-11-23T11:07:00+08:00' };

export const movedEvidence = {
  reference: refundReference,
  amountMinor: 40_000,
  currency: 'CNY',
  providerReference: '50000000382019052709732678859',
  movedAtMs: Date.UTC(2026, 10, 23, 3, 7, 0),
};
