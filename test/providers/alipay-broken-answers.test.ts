import { createServer, type AddressInfo } from 'node:net';
import { explainFailure, type Answer } from '../../providers/alipay/client.js';
import { Exchange } from '../../providers/alipay/guarded-dispatcher.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  appKeys,
  close,
  connectorFor,
  offered,
  openTestGateway,
  operation,
  paid,
  precreate,
  query,
  refusal,
  responseKey,
  sign,
  signedBody,
  startRequest,
  strangerKeys,
  type Behaviour,
  type TestGateway,
} from './alipay-test-gateway.js';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openTestGateway();
});
afterEach(() => gateway.close());

const quick = { timeoutMs: 300, deadlineMs: 400 };
const methodsCalled = () => gateway.calls.map(({ method }) => method);

/** Every way in which an answer can be no answer. Each is a genuine success, told badly. */
const brokenAnswers: Record<string, { code: string; behave: Behaviour }> = {
  'is signed with another key': {
    code: 'unverified_reply',
    behave: (call, response) => response.end(signedBody(call.method, offered, strangerKeys.privateKey)),
  },
  'is not signed': {
    code: 'unverified_reply',
    behave: (call, response) =>
      response.end(JSON.stringify({ [responseKey(call.method)]: { ...offered, ...paid } })),
  },
  'is an unsigned error_response': {
    code: 'unverified_reply',
    behave: (_, response) =>
      response.end('{"error_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}'),
  },
  'is another method’s signed node': {
    code: 'unverified_reply',
    behave: (_, response) => response.end(signedBody('alipay.trade.refund', { ...offered, ...paid })),
  },
  'hides a forged node before the signed one': {
    code: 'unverified_reply',
    behave: (call, response) => {
      const key = responseKey(call.method);
      const escaped = key.replace('_', '\\u005f');
      const genuine = signedBody(call.method, refusal('ACQ.TRADE_NOT_EXIST')).replace(
        `"${key}"`,
        `"x_${key}"`,
      );
      response.end(`{"${escaped}":${JSON.stringify({ ...offered, ...paid })},${genuine.slice(1)}`);
    },
  },
  'hides a forged node after the signature': {
    code: 'unverified_reply',
    behave: (call, response) => {
      const escaped = responseKey(call.method).replace('_', '\\u005f');
      const genuine = signedBody(call.method, refusal('ACQ.TRADE_NOT_EXIST'));
      response.end(`${genuine.slice(0, -1)},"${escaped}":${JSON.stringify({ ...offered, ...paid })}}`);
    },
  },
  'is a 500': { code: 'http_500', behave: (_, response) => response.writeHead(500).end('error') },
  'is a signed 500': {
    code: 'http_500',
    behave: (call, response) => response.writeHead(500).end(signedBody(call.method, offered)),
  },
  'is an HTML page of a proxy': {
    code: 'http_502',
    behave: (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>'),
  },
  'is an HTML page with 200': {
    code: 'unverified_reply',
    behave: (_, response) => response.end('<html>maintenance</html>'),
  },
  'is empty': { code: 'unverified_reply', behave: (_, response) => response.end() },
  'is a list': { code: 'unverified_reply', behave: (_, response) => response.end('[]') },
  'ends in the middle': {
    code: 'UND_ERR_SOCKET',
    behave: (call, response) => {
      const body = signedBody(call.method, offered);
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.slice(0, 60), () => response.destroy());
    },
  },
  'is a reset': { code: 'ECONNRESET', behave: (_, __, request) => request.socket.resetAndDestroy() },
  'is a closed connection': { code: 'UND_ERR_SOCKET', behave: (_, __, request) => request.socket.end() },
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
    behave: (_, response) => response.writeHead(307, { location: '/gateway.do' }).end(),
  },
  'is encoded unasked': {
    code: 'encoded_reply',
    behave: (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('xx'),
  },
};

describe('an answer that is none', () => {
  it.each(Object.keys(brokenAnswers))('is unknown where it %s, and nothing is sent twice', async (name) => {
    const { code, behave } = brokenAnswers[name] ?? { code: '', behave: () => undefined };
    gateway.behave = behave;
    const connector = connectorFor(gateway.url, quick);
    const started = performance.now();
    expect(await connector.start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
      error: { code },
    });
    expect(await connector.query(operation)).toMatchObject({ kind: 'unknown', recover: 'query' });
    expect(await connector.close(operation)).toMatchObject({ kind: 'unknown', recover: 'query' });
    expect(performance.now() - started).toBeLessThan(3 * 400 + 500);
    expect(methodsCalled()).toEqual([precreate, query, close]);
  });

  it('keeps keys, signatures and raw replies out of what is reported', async () => {
    for (const { behave } of Object.values(brokenAnswers)) {
      gateway.behave = behave;
      const outcome = await connectorFor(gateway.url, quick).start(startRequest);
      expect(JSON.stringify(outcome)).not.toMatch(/PRIVATE|sign=|biz_content|qr\.alipay|<html/);
      expect(JSON.stringify(outcome).length).toBeLessThan(400);
    }
  });

  it('cuts what a signed refusal says', async () => {
    gateway.behave = answerWith({
      [precreate]: { ...refusal('x'.repeat(500)), sub_msg: `a\nb${'长'.repeat(5000)}` },
    });
    const outcome = await connectorFor(gateway.url).start(startRequest);
    expect(outcome).toMatchObject({
      error: { code: 'x'.repeat(64), message: expect.stringMatching(/^a b长{197}$/) as string },
    });
  });
});

describe('a request that never left', () => {
  it('is not executed when the connection is refused', async () => {
    const connector = connectorFor(gateway.url);
    await gateway.close();
    const outcome = { kind: 'not_executed', error: { code: 'ECONNREFUSED' } };
    expect(await connector.start(startRequest)).toMatchObject(outcome);
    expect(await connector.query(operation)).toMatchObject(outcome);
    expect(await connector.close(operation)).toMatchObject(outcome);
  });

  it('is not executed when all addresses of the name refuse', async () => {
    const connector = connectorFor(gateway.url.replace('127.0.0.1', 'localhost'));
    await gateway.close();
    expect(await connector.query(operation)).toMatchObject({ kind: 'not_executed' });
  });

  it('is not executed when the name is not known', async () => {
    const connector = connectorFor('https://gateway.invalid/gateway.do', {
      timeoutMs: 4500,
      deadlineMs: 5000,
    });
    expect(await connector.query(operation)).toMatchObject({ kind: 'not_executed' });
  });

  it('is not executed when TLS fails', async () => {
    const connector = connectorFor(gateway.url.replace('http:', 'https:'));
    expect(await connector.query(operation)).toMatchObject({ kind: 'not_executed' });
    expect(gateway.calls).toEqual([]);
  });

  it('is unknown once a reset call would have been sent again to a closed port', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => {
        server.close();
        socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const outcome = await connectorFor(`http://127.0.0.1:${port}/gateway.do`).start(startRequest);
    expect(outcome).toMatchObject({ kind: 'unknown', recover: 'replay', error: { code: 'ECONNRESET' } });
  });

  it.each([
    ['HTTP in live mode', { mode: 'live' }],
    ['HTTP to another machine', { gateway: 'http://example.com/gateway.do' }],
    ['a gateway with parameters', { gateway: 'https://example.com/gateway.do?app_id=1' }],
    ['a public key for the private one', { privateKey: appKeys.publicKey }],
    ['a private key for Alipay’s', { alipayPublicKey: appKeys.privateKey }],
    ['another provider', { provider: 'wechat_pay' }],
    ['no seller', { sellerId: undefined }],
  ])('is not executed with a credential that has %s', async (_, change) => {
    const connector = connectorFor(gateway.url, undefined, change);
    const outcome = await connector.query(operation);
    expect(outcome).toMatchObject({ kind: 'not_executed', error: { code: 'credential' } });
    expect(JSON.stringify(outcome)).not.toMatch(/KEY/);
    expect(gateway.calls).toEqual([]);
  });

  it('works with keys as Alipay’s console shows them', async () => {
    gateway.behave = answerWith({ [query]: paid });
    const bare = appKeys.privateKey.replace(/-----.*-----/g, '').replaceAll('\n', '');
    const connector = connectorFor(gateway.url, undefined, { privateKey: bare });
    expect(await connector.query(operation)).toMatchObject({ kind: 'succeeded' });
    expect(sign('x')).toHaveLength(344);
  });
});

describe('an error of the connection', () => {
  const coded = (code: string): Error => Object.assign(new Error(`secret ${code}`), { code });
  const explain = (error: Error, hasBegun: boolean): Answer => {
    const exchange = new Exchange();
    exchange.take();
    if (hasBegun) exchange.begin(() => undefined);
    return explainFailure(exchange, new Error('secret', { cause: new Error('secret', { cause: error }) }));
  };

  it.each([
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EPROTO',
    'CERT_HAS_EXPIRED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('proves nothing once the request has begun, and much before: %s', (code) => {
    expect(explain(coded(code), false)).toMatchObject({ kind: 'not_delivered', error: { code } });
    expect(explain(coded(code), true)).toMatchObject({ kind: 'unclear' });
    expect(JSON.stringify(explain(coded(code), true))).not.toContain('secret');
  });

  it.each(['ECONNRESET', 'ETIMEDOUT', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'OTHER'])(
    'is no proof in itself: %s',
    (code) => expect(explain(coded(code), false)).toMatchObject({ kind: 'unclear' }),
  );

  it('counts only if every address failed provably', () => {
    const refused = coded('ECONNREFUSED');
    expect(explain(new AggregateError([refused, refused]), false)).toMatchObject({ kind: 'not_delivered' });
    expect(explain(new AggregateError([refused, coded('ETIMEDOUT')]), false)).toMatchObject({
      kind: 'unclear',
    });
    expect(explain(new AggregateError([refused, new Error('x')]), false)).toMatchObject({ kind: 'unclear' });
  });
});
