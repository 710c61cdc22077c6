import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import {
  apiKey,
  connectorFor,
  openTestServer,
  operation,
  paidWith,
  payment,
  dueCoins,
  send,
  serve,
  startRequest,
  storeId,
  webhookSecret,
  type Behaviour,
  type TestServer,
} from './btcpay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const limits = { ...defaultOutboundLimits, deadlineMs: 400 };
const account = { accountId: 'acct_1', credential: 'shop' };
const paid = serve(paidWith({ status: 'Settled' }, payment(dueCoins)));

/** Every way in which an answer can be no answer. */
const brokenAnswers: Record<string, { code: string; behave: Behaviour }> = {
  'is a 500': { code: 'http_500', behave: (_, response) => response.writeHead(500).end('error') },
  'is a 500 with what was asked for': { code: 'http_500', behave: (_, response) => send(response, [], 500) },
  'is a 201': { code: 'http_201', behave: (_, response) => send(response, [], 201) },
  'is an HTML page of a proxy': {
    code: 'http_502',
    behave: (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>'),
  },
  'is an HTML page with 200': {
    code: 'unreadable_reply',
    behave: (_, response) => response.end('<html>BTCPay is starting</html>'),
  },
  'is empty': { code: 'unreadable_reply', behave: (_, response) => response.end() },
  'is an object': { code: 'unreadable_reply', behave: (_, response) => send(response, {}) },
  'is a list of something else': { code: 'unreadable_reply', behave: (_, response) => send(response, [1]) },
  'is not UTF-8': {
    code: 'unreadable_reply',
    behave: (_, response) => response.end(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])),
  },
  'is a proxy’s own 403': {
    code: 'http_403',
    behave: (_, response) => response.writeHead(403).end('{"error":"blocked"}'),
  },
  'ends in the middle': {
    code: 'ECONNRESET',
    behave: (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('[', () => response.destroy());
    },
  },
  'is a reset': { code: 'ECONNRESET', behave: (_, __, request) => request.socket.resetAndDestroy() },
  'never comes': { code: 'timeout', behave: () => undefined },
  'drips without an end': {
    code: 'timeout',
    behave: (_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    },
  },
  'never ends': {
    code: 'reply_too_large',
    behave: (_, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', pour);
      pour();
    },
  },
  redirects: {
    code: 'http_307',
    behave: (_, response) => response.writeHead(307, { location: '/api/v1/elsewhere' }).end(),
  },
  'is encoded unasked': {
    code: 'encoded_reply',
    behave: (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('xx'),
  },
};

describe('an answer that is none', () => {
  it.each(Object.keys(brokenAnswers))(
    'proves nothing where it %s, and nothing is sent twice',
    async (name) => {
      const { code, behave } = brokenAnswers[name] ?? { code: '', behave: () => undefined };
      server.behave = behave;
      const connector = connectorFor(server.url, { limits });
      const unknown = { kind: 'unknown', recover: 'query', error: { code } };
      expect(await connector.query(operation)).toMatchObject(unknown);
      expect(await connector.close(operation)).toMatchObject(unknown);
      // What cannot be asked is not made: nothing can have been.
      expect(await connector.start(startRequest)).toMatchObject({ kind: 'not_executed', error: { code } });
      expect(server.told()).toEqual(['GET /invoices', 'GET /invoices', 'GET /invoices']);
      if (name !== 'is a list of something else') {
        expect(await connector.probe(account)).toMatchObject(unknown);
      }
    },
  );

  it.each(Object.keys(brokenAnswers))('proves nothing of the payments where it %s', async (name) => {
    const { behave } = brokenAnswers[name] ?? { behave: () => undefined };
    server.behave = (call, response, request) =>
      call.path.endsWith('/payment-methods')
        ? behave(call, response, request)
        : paid(call, response, request);
    expect(await connectorFor(server.url, { limits }).query(operation)).toMatchObject({ kind: 'unknown' });
  });

  it.each(Object.keys(brokenAnswers))('of a create is replayed where it %s', async (name) => {
    const { behave } = brokenAnswers[name] ?? { behave: () => undefined };
    server.behave = (call, response, request) =>
      call.method === 'POST' ? behave(call, response, request) : serve()(call, response, request);
    expect(await connectorFor(server.url, { limits }).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
    });
    expect(server.told()).toEqual(['GET /invoices', 'POST /invoices', 'GET /invoices']);
  });

  it('keeps secrets and raw replies out of what is reported', async () => {
    for (const { behave } of Object.values(brokenAnswers)) {
      server.behave = behave;
      const outcome = JSON.stringify(await connectorFor(server.url, { limits }).query(operation));
      expect(outcome).not.toContain(apiKey);
      expect(outcome).not.toMatch(/<html|token |elsewhere/);
      expect(outcome.length).toBeLessThan(400);
    }
  });

  it('cuts what a refusal says', async () => {
    server.behave = (_, response) =>
      send(response, { code: 'c'.repeat(500), message: `a\nb${'长'.repeat(5000)}` }, 400);
    expect(await connectorFor(server.url).query(operation)).toMatchObject({
      error: { code: 'c'.repeat(64), message: expect.stringMatching(/^a b长{197}$/) as string },
    });
  });
});

describe('a request that never left', () => {
  it('is not executed when the connection is refused', async () => {
    const connector = connectorFor(server.url);
    await server.close();
    const outcome = { kind: 'not_executed', error: { code: 'ECONNREFUSED' } };
    expect(await connector.start(startRequest)).toMatchObject(outcome);
    expect(await connector.query(operation)).toMatchObject(outcome);
    expect(await connector.close(operation)).toMatchObject(outcome);
    expect(await connector.probe(account)).toMatchObject(outcome);
  });

  it.each([
    ['HTTP in live mode', { mode: 'live' }],
    ['HTTP to another machine', { baseUrl: 'http://example.com' }],
    ['a URL with parameters', { baseUrl: 'https://example.com/?store=1' }],
    ['a user in its URL', { baseUrl: 'https://me:secret@example.com' }],
    ['another provider', { provider: 'alipay' }],
    ['no store', { storeId: undefined }],
    ['a path for a store', { storeId: '../../../users/me' }],
    ['a header for a key', { apiKey: 'abcdefghijklmnop\r\nx: y' }],
    ['no webhook secret', { webhookSecret: '' }],
    ['payments that need no confirmation', { speedPolicy: 'HighSpeed' }],
    [
      'less patience than real money needs',
      { mode: 'live', baseUrl: 'https://example.com', conclusiveMarginMs: 599_999 },
    ],
    ['a payment method that we do not know', { paymentMethod: 'BTC-LN' }],
  ])('is not executed with a credential that has %s', async (_, changes) => {
    const connector = connectorFor(server.url, { changes });
    const outcome = await connector.query(operation);
    expect(outcome).toMatchObject({ kind: 'not_executed', error: { code: 'credential' } });
    expect(JSON.stringify(outcome)).not.toMatch(/secret|abcdef/);
    const raw = { account, body: Buffer.from('{}'), headers: {} };
    const refusal = await connector.parseNotification(raw).catch(String);
    expect(refusal).toMatch(/^Error: credential shop is not usable for BTCPay: check \w+$/);
    expect(refusal).not.toContain(webhookSecret);
    expect(server.calls).toEqual([]);
  });
});

describe('a probe', () => {
  it('makes nothing, and tells a key that is not served', async () => {
    server.behave = serve();
    const connector = connectorFor(`${server.url}/`);
    expect(await connector.probe(account)).toEqual({ kind: 'alive' });
    expect(server.told()).toEqual(['GET /invoices']);
    server.behave = (_, response) => send(response, { code: 'missing-permission', message: storeId }, 403);
    expect(await connector.probe(account)).toMatchObject({ kind: 'failed', reason: 'config' });
  });
});
