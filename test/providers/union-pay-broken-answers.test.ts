import { setTimeout as wait } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  asReply,
  authorities,
  connectorFor,
  found,
  issue,
  openTestServer,
  operation,
  refundRequest,
  refused,
  signed,
  unionPayName,
  type Fields,
  type TestServer,
} from './union-pay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const limits = { connectTimeoutMs: 300, deadlineMs: 300, maxReplyBytes: 16 * 1024 };
const finalMs = operation.offerEndsAtMs + 3_600_000;
const genuine = signed(found('00'));
const send =
  (text: string | Buffer, status = 200) =>
  (response: ServerResponse) =>
    void response.writeHead(status).end(text);
const change = (changes: Fields) => send(asReply({ ...genuine, ...changes }));

const broken: [string, (response: ServerResponse) => void][] = [
  ['no answer', () => undefined],
  ['a reset', (response) => void response.destroy()],
  ['a 500', send('Internal Server Error', 500)],
  ['a 502 with the right body', send(asReply(genuine), 502)],
  ['a redirect', (response) => void response.writeHead(302, { location: '/elsewhere' }).end()],
  ['an empty body', send('')],
  ['HTML', send('<html><body>busy</body></html>')],
  ['JSON', send('{"respCode":"00"}')],
  ['half a body', send(asReply(genuine).slice(0, 600))],
  [
    'a body that stops',
    (response) => {
      response.writeHead(200, { 'content-length': '9999' }).write(asReply(genuine));
      setTimeout(() => response.destroy(), 20);
    },
  ],
  ['a body without an end', send('a'.repeat(32 * 1024))],
  [
    'a drip',
    (response) => {
      const drip = async () => {
        for (const character of asReply(genuine)) {
          if (response.destroyed) return;
          response.write(character);
          await wait(20);
        }
      };
      void drip();
    },
  ],
  ['bytes that are no text', send(Buffer.concat([Buffer.from(asReply(genuine)), Buffer.from([0xff])]))],
  ['no signature', send(asReply(refused('34')))],
  ['another signature', change({ signature: signed(found('05'))['signature'] ?? '' })],
  ['another state', change({ origRespCode: '60' })],
  ['another amount', change({ txnAmt: '1' })],
  ['a field added', change({ more: '1' })],
  ['a field twice', send(`${asReply(genuine)}&origRespCode=60`)],
  ['a stranger’s certificate', send(asReply(signed(found('00'), issue(unionPayName, authorities().middle))))],
  ['another certificate than the one that signed', change({ signPubKeyCert: issue(unionPayName).pem })],
  ['a certificate that is none', change({ signPubKeyCert: 'MIIE' })],
  ['another version', send(asReply(signed({ ...found('00'), version: '5.0.0' })))],
];

it.each(broken)('%s proves nothing', async (_what, answer) => {
  server.answers = [answer];
  const connector = connectorFor(server.url, { limits, now: () => finalMs });
  expect(await connector.query(operation)).toMatchObject({ kind: 'unknown', recover: 'query' });
  expect(await connector.close(operation)).toMatchObject({ kind: 'unknown' });
  expect(await connector.refund?.start(refundRequest)).toMatchObject({ kind: 'unknown', recover: 'query' });
  expect(await connector.probe(operation.account)).toMatchObject({ kind: 'unknown' });
  // Each was one call, never sent again.
  expect(server.calls).toHaveLength(4);
});

it('a refused connection is proof that nothing was sent', async () => {
  await server.close();
  const connector = connectorFor(server.url, { limits, now: () => finalMs });
  expect(await connector.query(operation)).toMatchObject({ kind: 'not_executed' });
  expect(await connector.close(operation)).toMatchObject({ kind: 'not_executed' });
  expect(await connector.refund?.start(refundRequest)).toMatchObject({ kind: 'not_executed' });
  expect(await connector.probe(operation.account)).toMatchObject({ kind: 'not_executed' });
});

it('says what an unverified answer claims, for people alone', async () => {
  server.answers = [send(asReply(refused('11')))];
  expect(await connectorFor(server.url).query(operation)).toMatchObject({
    kind: 'unknown',
    error: { code: 'unverified_reply', message: expect.stringContaining('it claims 11') as string },
  });
});

it('no answer holds anything of the key or the settings', async () => {
  server.answers = [send('x')];
  const outcomes = [
    await connectorFor(server.url).query(operation),
    await connectorFor(server.url, { settings: { privateKey: 'secret-key' } }).query(operation),
  ];
  expect(JSON.stringify(outcomes)).not.toMatch(/PRIVATE KEY|secret-key|BEGIN CERTIFICATE/);
});
