import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ParsedNotification, RawNotification } from '../../providers/connector.js';
import { makeCertificate, type Name } from '../../sandbox/certificate.js';
import {
  nowMs,
  openTestServer,
  operation,
  reference,
  webhookId,
  type TestServer,
} from './paypal-test-server.js';

export const DAY_MS = 86_400_000;
/** Where the certificate is by which events are signed. */
export const PATH = '/v1/notifications/certs/CERT-1';

export const newKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
export const lasting = (from = -DAY_MS, to = DAY_MS) => ({
  notBeforeMs: nowMs + from,
  notAfterMs: nowMs + to,
});

const issuer: Name = [['CN', 'An authority']];
const paypal: Name = [['CN', 'messageverificationcerts.sandbox.paypal.com']];
const [authorityKey, signingKey] = [newKey(), newKey()];
const authority = makeCertificate(authorityKey, {
  ...lasting(-DAY_MS, 30 * DAY_MS),
  serial: '01',
  subject: issuer,
  isAuthority: true,
});

/** In what an event differs from a genuine one. */
export interface Lie {
  readonly subject?: Name;
  readonly issuerKey?: KeyObject;
  readonly dates?: ReturnType<typeof lasting>;
  readonly key?: KeyObject;
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly signedFor?: string;
  readonly sentAtMs?: number;
  readonly answers?: TestServer['answers'];
  /** False: nothing is told yet. */
  readonly isFirst?: boolean;
}

export interface Told {
  readonly server: TestServer;
  readonly raw: RawNotification;
  readonly parsed: ParsedNotification;
  /** The same event once more, with its certificate elsewhere or another body if so. */
  again(change?: { path?: string; body?: Buffer }): Promise<ParsedNotification>;
}

export const captured = {
  id: 'WH-1',
  event_type: 'PAYMENT.CAPTURE.COMPLETED',
  resource: {
    id: '3C679366HH908993F',
    status: 'COMPLETED',
    amount: { currency_code: 'USD', value: '49.00' },
    custom_id: reference,
    supplementary_data: { related_ids: { order_id: '5O190127TN364715T' } },
  },
};

/** An event as PayPal sends it, but for the lie, to a connector that fetches its certificate from a server of the test. */
export async function told(lie: Lie = {}): Promise<Told> {
  const server = await openTestServer({ webhookCa: [authority] });
  const { key: certified = signingKey } = lie;
  const certificate = makeCertificate(certified, {
    ...(lie.dates ?? lasting()),
    serial: '02',
    subject: lie.subject ?? paypal,
    issuer: { name: issuer, privateKey: lie.issuerKey ?? authorityKey },
  });
  server.answers = { ...lie.answers, [`GET ${PATH}`]: [200, certificate] };
  const body = Buffer.from(JSON.stringify(lie.body ?? captured));
  const time = new Date(lie.sentAtMs ?? nowMs).toISOString();
  const text = `transmission-1|${time}|${lie.signedFor ?? webhookId}|${crc32(body)}`;
  const headers = {
    'paypal-transmission-id': 'transmission-1',
    'paypal-transmission-time': time,
    'paypal-transmission-sig': sign('sha256', Buffer.from(text), signingKey).toString('base64'),
    'paypal-cert-url': `${server.url}${PATH}`,
    'paypal-auth-algo': 'SHA256withRSA',
    ...lie.headers,
  };
  const raw = { account: operation.account, body, headers };
  const { connector } = server;
  const parsed =
    lie.isFirst === false
      ? ({ kind: 'ignored', says: 'nothing' } as const)
      : await connector.parseNotification(raw);
  return {
    server,
    raw,
    parsed,
    again: ({ path, body: other } = {}) =>
      connector.parseNotification({
        ...raw,
        ...(other ? { body: other } : {}),
        ...(path ? { headers: { ...headers, 'paypal-cert-url': server.url + path } } : {}),
      }),
  };
}
