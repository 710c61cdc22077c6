import { createHash, generateKeyPairSync, sign, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  Connector,
  Credentials,
  FollowUpRequest,
  OperationReference,
  StartRequest,
} from '../../providers/connector.js';
import { defaultOutboundLimits, type OutboundLimits } from '../../providers/outbound-call.js';
import { createUnionPayConnector } from '../../providers/union_pay/index.js';
import { makeCertificate, type CertificateTerms, type Name } from '../../sandbox/certificate.js';

export type Fields = Record<string, string>;

export const nowMs = Date.UTC(2026, 10, 23, 3, 4, 5);
export const merId = '777290058110048';
export const reference = '0abcdefghijklmnopqrstuvwxs01';
const DAY_MS = 24 * 3_600_000;
const newKey = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

export interface Issued {
  readonly key: KeyObject;
  readonly pem: string;
  readonly name: Name;
}

export const cfca: Name = [
  ['C', 'CN'],
  ['O', 'China Financial Certification Authority'],
];

let lastSerial = 0x100000;

/** A certificate by `issuer`, or by itself. */
export function issue(name: Name, issuer?: Issued, change: Partial<CertificateTerms> = {}): Issued {
  const key = newKey();
  lastSerial += 1;
  const pem = makeCertificate(key, {
    serial: lastSerial.toString(16),
    subject: name,
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + 365 * DAY_MS,
    ...(issuer ? { issuer: { name: issuer.name, privateKey: issuer.key } } : {}),
    ...change,
  });
  return { key, pem, name };
}

export const authorities = (suffix = '') => {
  const root = issue([...cfca, ['CN', `TEST ROOT${suffix}`]], undefined, { isAuthority: true });
  const middle = issue([...cfca, ['CN', `TEST OCA1${suffix}`]], root, { isAuthority: true });
  return { root, middle };
};

const unionPayName: Name = [
  ['C', 'cn'],
  ['O', 'CFCA OCA1'],
  ['CN', '041@8310000000083040@中国银联股份有限公司@00016495'],
];
export const { root, middle } = authorities();
/** UnionPay's own certificate, with which it signs. */
export const platform = issue(unionPayName, middle);
export const merchant = issue([['CN', `041@Z12@${merId}@00000001`]], middle);
export { unionPayName };

const account = { accountId: 'acct_1', credential: 'shop' };

export const operation: OperationReference = {
  account,
  reference,
  kind: 'sale',
  amountMinor: 100_001,
  currency: 'CNY',
  providerReference: null,
  plannedAtMs: nowMs + 999,
  offerEndsAtMs: nowMs + 900_000,
};
export const txnTime = '20261123110405';

export const startRequest: StartRequest = {
  ...operation,
  subject: 'Order {1} & "more"',
  returnUrl: 'https://pay.example.com/returns/union_pay/acct_1',
  flow: 'redirect',
  paymentToken: null,
  payer: { id: 'payer-1', ip: null },
  refusedFunding: [],
  notifyUrl: 'https://pay.example.com/notifications/union_pay/acct_1',
};

export const refundRequest: FollowUpRequest = {
  ...operation,
  kind: 'refund',
  reference: '0abcdefghijklmnopqrstuvwxr01',
  amountMinor: 40_000,
  of: { ...operation, providerReference: '442401051450467846498' },
  notifyUrl: startRequest.notifyUrl,
};

export function credential(gateway: string, changes: Record<string, unknown> = {}): Credentials {
  return {
    provider: 'union_pay',
    mode: 'test',
    merId,
    gateway,
    certificate: merchant.pem,
    privateKey: merchant.key.export({ type: 'pkcs8', format: 'pem' }),
    rootCertificate: root.pem,
    middleCertificate: middle.pem,
    ...changes,
  };
}

export interface Circumstances {
  readonly settings?: Record<string, unknown>;
  readonly limits?: OutboundLimits;
  readonly now?: () => number;
}

export function connectorFor(url: string, around: Circumstances = {}): Connector {
  const { settings = {}, limits = defaultOutboundLimits, now = () => nowMs } = around;
  return createUnionPayConnector({ credentials: () => credential(url, settings), now }, limits);
}

function signedBytes(fields: Fields): Buffer {
  const pairs = Object.entries(fields).filter(([name]) => name !== 'signature');
  const text = pairs.map(([name, value]) => `${name}=${value}`);
  return Buffer.from(createHash('sha256').update(text.sort().join('&')).digest('hex'));
}

/** As UnionPay signs: nothing empty, and its certificate inside, whose lines end as in its own messages. */
export function signed(content: Fields, as: Issued = platform): Fields {
  const said = Object.fromEntries(Object.entries(content).filter(([, value]) => value !== ''));
  const fields = {
    version: '5.1.0',
    encoding: 'UTF-8',
    signMethod: '01',
    ...said,
    signPubKeyCert: as.pem.trim().replaceAll('\n', '\r\n'),
  };
  return { ...fields, signature: sign('sha256', signedBytes(fields), as.key).toString('base64') };
}

export function asReply(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

export function isSignedByMerchant(fields: Fields): boolean {
  const { publicKey } = new X509Certificate(merchant.pem);
  return verify('sha256', signedBytes(fields), publicKey, Buffer.from(fields['signature'] ?? '', 'base64'));
}

/** What a look-up says of the sale; `origRespCode` is the order's own. */
export function found(origRespCode: string, change: Fields = {}): Fields {
  return {
    merId,
    orderId: reference,
    txnTime,
    txnType: '01',
    respCode: '00',
    respMsg: '成功[0000000]',
    origRespCode,
    origRespMsg: `said ${origRespCode}`,
    ...(['00', 'A6'].includes(origRespCode)
      ? { queryId: '442401051450467846498', txnAmt: '100001', currencyCode: '156' }
      : {}),
    ...change,
  };
}

/** A look-up, or a back transaction, that is refused itself. */
export function refused(respCode: string, change: Fields = {}): Fields {
  return {
    merId,
    orderId: reference,
    txnTime,
    txnType: '00',
    respCode,
    respMsg: `said ${respCode}`,
    ...change,
  };
}

export interface ReceivedCall {
  readonly path: string;
  readonly fields: Fields;
}

export interface TestServer {
  readonly url: string;
  readonly calls: ReceivedCall[];
  /** Says what comes back, call by call; the last one for ever. */
  answers: (Fields | ((response: ServerResponse) => void))[];
  close(): Promise<void>;
}

/** Answers what it is told to, in UnionPay's form and with its signature. */
export async function openTestServer(): Promise<TestServer> {
  const calls: ReceivedCall[] = [];
  const server = createServer((request, response) => void answer(request, response));
  const opened: Pick<TestServer, 'answers'> = { answers: [] };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const fields = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
    calls.push({ path: request.url ?? '', fields });
    const next = opened.answers.length > 1 ? opened.answers.shift() : opened.answers[0];
    if (typeof next === 'function') return next(response);
    response.writeHead(200, { 'content-type': 'text/html;charset=UTF-8' }).end(asReply(signed(next ?? {})));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(opened, {
    url,
    calls,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
