import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  cancel,
  challenge,
  connectorFor,
  create,
  credential,
  known,
  merchant,
  ok,
  openTestServer,
  operation,
  refusal,
  retrieve,
  secretKey,
  shortLimits,
  startRequest,
  succeeded,
  type Behaviour,
  type TestServer,
} from './stripe-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const whole = JSON.stringify(succeeded());
const raw =
  (body: string | Buffer, status = 200, headers: Record<string, string> = {}): Behaviour =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

const broken: [string, Behaviour, string][] = [
  ['silence', () => undefined, 'replay'],
  ['a reset', (_, response) => response.destroy(), 'replay'],
  [
    'a reply that stops half way',
    (_, response) => {
      response.writeHead(200, { 'Content-Length': String(whole.length) });
      response.write(whole.slice(0, 100), () => response.destroy());
    },
    'replay',
  ],
  [
    'a reply that drips',
    (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    },
    'replay',
  ],
  ['a reply without end', raw(`{"object":"${'x'.repeat(70_000)}"}`), 'replay'],
  ['a compressed reply', raw(whole, 200, { 'Content-Encoding': 'gzip' }), 'replay'],
  ['HTML with 200', raw('<html>Bad gateway</html>'), 'replay'],
  ['HTML with 502', raw('<html>Bad gateway</html>', 502), 'query'],
  ['JSON that is no object', raw('[]'), 'replay'],
  [
    'broken UTF-8',
    raw(Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}')])),
    'replay',
  ],
  ['an error under 200', raw('{"error":{"code":"card_declined"}}'), 'replay'],
  ['500 that looks like a decline', raw('{"error":{"code":"card_declined"}}', 500), 'query'],
  ['a 402 without an error', raw('{}', 402), 'replay'],
  ['a redirect', raw('', 302, { Location: 'https://example.com/' }), 'replay'],
  ['409', raw('{"error":{"code":"idempotency_key_in_use"}}', 409), 'replay'],
  ['an unlisted 429', raw('{"error":{"code":"new_limit"}}', 429), 'replay'],
];

describe('whatever is not proven is unknown', () => {
  it.each(broken)('%s', async (_, behaviour, recover) => {
    server.behave = behaviour;
    const connector = connectorFor(server.url, shortLimits);
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'unknown', recover });
    expect(server.calls.length, 'the SDK sends nothing by itself').toBe(1);
    expect(await connector.query(known)).toMatchObject({ kind: 'unknown' });
    expect(await connector.close(known)).toMatchObject({ kind: 'unknown' });
    expect(await connector.probe(known.account)).toMatchObject({ kind: 'unknown' });
  });

  it.each(broken)('a close whose cancel ends in %s, and says how things stand', async (_, behaviour) => {
    const rest = answerWith({ [retrieve]: ok(challenge()) });
    server.behave = (call, response) => (call.route === cancel ? behaviour : rest)(call, response);
    const closed = await connectorFor(server.url, shortLimits).close(known);
    expect(closed).toMatchObject({ kind: 'pending', why: 'user_action' });
  });
});

describe('what provably never ran', () => {
  it('a connection that is refused', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const connector = connectorFor(`http://127.0.0.1:${port}`);
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'not_executed' });
    expect(await connector.query(operation)).toMatchObject({ kind: 'not_executed' });
    expect(await connector.probe(operation.account)).toMatchObject({ kind: 'not_executed' });
  });

  it.each([
    [401, '', undefined],
    [403, '', undefined],
    [429, 'rate_limit', 7000],
    [429, 'lock_timeout', 7000],
  ])('a refusal before the idempotency layer: %i %s', async (status, code, retryAfterMs) => {
    server.behave = answerWith({ [create]: refusal(status, { code }, { 'Retry-After': '7' }) });
    const outcome = await connectorFor(server.url).start(startRequest);
    expect(outcome).toMatchObject({ kind: 'not_executed', ...(retryAfterMs && { retryAfterMs }) });
  });

  it('a call under a credential that cannot be used', async () => {
    const connector = connectorFor(server.url, shortLimits, { secretKey: 'sk_live_12345678' });
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'not_executed' });
    expect(server.calls).toEqual([]);
  });
});

describe('probe', () => {
  const account = 'GET /v1/account';
  it.each([
    ['our account', ok({ id: merchant }), { kind: 'alive' }],
    ['another account', ok({ id: 'acct_1Other' }), { kind: 'failed', reason: 'config' }],
    ['a key that may not look', refusal(403, {}), { kind: 'alive' }],
    ['a key that Stripe does not know', refusal(401, {}), { kind: 'failed', reason: 'config' }],
    ['a limit', refusal(429, { code: 'rate_limit' }), { kind: 'not_executed' }],
    ['an outage', refusal(503, {}), { kind: 'unknown' }],
  ])('of %s', async (_, said, outcome) => {
    server.behave = answerWith({ [account]: said });
    expect(await connectorFor(server.url).probe(operation.account)).toMatchObject(outcome);
  });
});

describe('secrets', () => {
  it('get into no outcome, whatever Stripe quotes', async () => {
    const message = `No such PaymentMethod: 'pm_1Visa'; key ${secretKey}; pi_1_secret_2; cus_9/pm_8\u0000`;
    for (const said of [refusal(402, { code: 'resource_missing', message }), refusal(401, { message })]) {
      server.behave = answerWith({ [create]: said });
      const text = inspect(await connectorFor(server.url).start(startRequest), { depth: 9 });
      expect(text).not.toMatch(/Visa|Secret|_secret_2|pm_8|cus_9|\\x00/);
    }
  });

  it.each([
    ['secretKey', { secretKey: 'sk_live_12345678' }],
    ['secretKey', { mode: 'live' }],
    ['apiUrl', { apiUrl: 'https://api.stripe.com.example.com' }],
    ['apiUrl', { apiUrl: 'http://192.0.2.1' }],
    ['apiUrl', { apiUrl: 'https://u:p@api.stripe.com' }],
    ['merchant', { merchant: 'cus_1' }],
    ['webhookSecrets', { webhookSecrets: [] }],
    ['webhookSecrets', { webhookSecrets: ['short'] }],
  ])('are not quoted by what refuses %s', async (setting, changes) => {
    const raised = connectorFor(server.url, shortLimits, changes).parseNotification({
      account: operation.account,
      body: Buffer.from('{}'),
      headers: {},
    });
    await expect(raised).rejects.toThrow(new RegExp(`credential shop .* check .*${setting}`));
    await raised.catch((error: unknown) => {
      expect(inspect(error)).not.toContain(String(credential(server.url, changes)['secretKey']));
    });
  });
});
