import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import { makeCertificate } from '../../sandbox/certificate.js';
import {
  connectorFor,
  kindOf,
  mchid,
  nowMs,
  openTestServer,
  operation,
  paid,
  publicKeyId,
  reply,
  sealed,
  signedHeaders,
  type SignedAs,
  type TestServer,
} from './wechat-pay-test-server.js';

const hour = 3_600_000;
const certificateOnly = { platformPublicKeyId: undefined, platformPublicKey: undefined };

interface Issued {
  readonly serial: string;
  readonly key: KeyObject;
  readonly pem: string;
}

function certify(key: KeyObject, serial: string, notAfterMs: number): string {
  const subject = [['CN', 'Tenpay.com sign']] as const;
  return makeCertificate(key, { serial, subject, notBeforeMs: nowMs - hour, notAfterMs });
}

function issue(serial: string): Issued {
  const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { serial, key, pem: certify(key, serial, nowMs + 1000 * hour) };
}

const first = issue('5157F09EFDC096DE15EBE81A47057A7232F1B8E1');
const expired = { ...first, pem: certify(first.key, first.serial, nowMs - 1000) };
const second = issue('4DB6F3A2C0D1E5978877665544332211AABBCCDD');

let server: TestServer;
let clockMs: number;
beforeEach(async () => {
  server = await openTestServer();
  clockMs = nowMs;
});
afterEach(() => server.close());

const downloads = () => server.calls.map(kindOf).filter((kind) => kind === 'certificates').length;
const connectorWith = (changes: Record<string, unknown>) =>
  connectorFor(server.url, changes, defaultOutboundLimits, () => clockMs);

const entryOf = ({ serial, pem }: Issued) => ({
  serial_no: serial,
  effective_time: '2026-11-23T10:00:00+08:00',
  expire_time: '2031-11-23T10:00:00+08:00',
  encrypt_certificate: sealed(pem, 'certificate'),
});

/** Orders are answered under one key, certificates offered under another. */
function serve(listed: readonly unknown[], orders: SignedAs, list: SignedAs): void {
  server.behave = (call, response) => {
    const isList = kindOf(call) === 'certificates';
    const signedAs = { atMs: clockMs, ...(isList ? list : orders) };
    reply(response, 200, isList ? { data: listed } : paid, signedAs);
  };
}

it('certificates are fetched when the first is named, once, and verify what they signed', async () => {
  serve([entryOf(first)], first, first);
  const connector = connectorWith(certificateOnly);
  const outcomes = await Promise.all([1, 2, 3].map(() => connector.query(operation)));
  expect(outcomes.map(({ kind }) => kind)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  expect(await connector.query(operation)).toMatchObject({ kind: 'succeeded' });
  expect(downloads()).toBe(1);
});

it('a new certificate works from the first reply that it signed, and the old one on', async () => {
  serve([entryOf(first)], first, first);
  const connector = connectorWith(certificateOnly);
  await connector.query(operation);
  clockMs += 61_000;
  serve([entryOf(first), entryOf(second)], second, first);
  expect(await connector.query(operation)).toMatchObject({ kind: 'succeeded' });
  serve([], first, first);
  expect(await connector.query(operation)).toMatchObject({ kind: 'succeeded' });
  expect(downloads()).toBe(2);
});

it('a certificate that is taken back does not verify for longer than ten hours', async () => {
  serve([entryOf(first)], first, first);
  const connector = connectorWith(certificateOnly);
  await connector.query(operation);
  clockMs += 10 * hour + 1000;
  serve([entryOf(second)], first, second);
  expect(await connector.query(operation)).toMatchObject({
    kind: 'unknown',
    error: { code: 'unknown_platform_key' },
  });
});

it('a list that cannot be had leaves the known certificates in use', async () => {
  serve([entryOf(first)], first, first);
  const connector = connectorWith(certificateOnly);
  await connector.query(operation);
  clockMs += 11 * hour;
  server.behave = (call, response) => {
    if (kindOf(call) === 'certificates') response.writeHead(500).end();
    else reply(response, 200, paid, { ...first, atMs: clockMs });
  };
  expect(await connector.query(operation)).toMatchObject({ kind: 'succeeded' });
  expect(downloads()).toBe(2);
});

it('serials that nobody knows cause one download a minute, however many name them', async () => {
  serve([entryOf(first)], second, first);
  const connector = connectorWith(certificateOnly);
  const body = '{}';
  for (let count = 0; count < 20; count += 1) {
    const headers = signedHeaders(body, { serial: `ABCDEF01234567${10 + count}` });
    const raw = { account: operation.account, body: Buffer.from(body), headers };
    expect(await connector.parseNotification(raw)).toMatchObject({ why: 'bad_signature' });
  }
  expect(await connector.query(operation)).toMatchObject({ kind: 'unknown' });
  expect(downloads()).toBe(1);
  clockMs += 61_000;
  expect(await connector.query(operation)).toMatchObject({ kind: 'unknown' });
  expect(downloads()).toBe(2);
});

it('the public key and certificates count at once while WeChat Pay changes over', async () => {
  serve([entryOf(first)], {}, { serial: publicKeyId });
  const connector = connectorWith({ platformCertificates: true });
  expect(await connector.query(operation)).toMatchObject({ kind: 'succeeded' });
  expect(downloads()).toBe(0);
  const resource = sealed(JSON.stringify(paid));
  const body = JSON.stringify({ id: 'EV-1', event_type: 'TRANSACTION.SUCCESS', resource });
  for (const signedAs of [{}, first]) {
    const raw = {
      account: operation.account,
      body: Buffer.from(body),
      headers: signedHeaders(body, signedAs),
    };
    expect(await connector.parseNotification(raw)).toMatchObject({ kind: 'verified' });
  }
  expect(downloads()).toBe(1);
});

it.each([
  ['nobody signed', [entryOf(first)], undefined],
  ['signed long ago', [entryOf(first)], { ...first, atMs: nowMs - 301_000 }],
  ['signed by one that it does not bring', [entryOf(first)], second],
  [
    'sealed by somebody else',
    [{ ...entryOf(first), encrypt_certificate: sealed(first.pem, '', 'x'.repeat(32)) }],
    first,
  ],
  ['that is none', [{ ...entryOf(first), encrypt_certificate: sealed(mchid) }], first],
  ['of certificates that are over', [entryOf(expired)], first],
  ['of nothing but text', ['certificate'], first],
] as const)('no certificate comes from a list %s', async (_, listed, list) => {
  serve(listed, first, list ?? first);
  if (!list) {
    const signed = server.behave;
    server.behave = (call, response, request) => {
      if (kindOf(call) === 'certificates') response.end(JSON.stringify({ data: listed }));
      else signed(call, response, request);
    };
  }
  expect(await connectorWith(certificateOnly).query(operation)).toMatchObject({
    kind: 'unknown',
    error: { code: 'unknown_platform_key' },
  });
  expect(downloads()).toBe(1);
});

it('no certificate counts under a serial that is not its own', async () => {
  const renamed = { ...first, serial: second.serial };
  serve([entryOf(renamed)], renamed, renamed);
  expect(await connectorWith(certificateOnly).query(operation)).toMatchObject({
    kind: 'unknown',
    error: { code: 'unknown_platform_key' },
  });
});
