import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  connectorFor,
  credential,
  nowMs,
  openTestServer,
  operation,
  paid,
  pem,
  refundRequest,
  refusal,
  reply,
  signedHeaders,
  startRequest,
  strangerKeys,
  type Behaviour,
  type TestServer,
} from './wechat-pay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const quick = { connectTimeoutMs: 300, deadlineMs: 400, maxReplyBytes: 64 * 1024 };
const offered = { code_url: 'weixin://wxpay/bizpayurl?pr=1', ...paid, status: 'SUCCESS' };

/** Every way in which an answer can be no answer. Each is a genuine success, told badly. */
const brokenAnswers: Record<string, { code: string; behave: Behaviour }> = {
  'is signed with another key': {
    code: 'unverified_reply',
    behave: (_, response) => reply(response, 200, offered, { key: strangerKeys.privateKey }),
  },
  'is signed under a key that nobody knows': {
    code: 'unknown_platform_key',
    behave: (_, response) => reply(response, 200, offered, { serial: 'PUB_KEY_ID_7' }),
  },
  'is signed by a certificate, and only the public key is set up': {
    code: 'unknown_platform_key',
    behave: (_, response) => reply(response, 200, offered, { serial: 'ABCDEF0123456789' }),
  },
  'was signed long ago': {
    code: 'stale_reply',
    behave: (_, response) => reply(response, 200, offered, { atMs: nowMs - 301_000 }),
  },
  'is signed for later': {
    code: 'stale_reply',
    behave: (_, response) => reply(response, 200, offered, { atMs: nowMs + 301_000 }),
  },
  'is not signed': {
    code: 'unverified_reply',
    behave: (_, response) => response.end(JSON.stringify(offered)),
  },
  'is signed over another body': {
    code: 'unverified_reply',
    behave: (_, response) => response.writeHead(200, signedHeaders('{}')).end(JSON.stringify(offered)),
  },
  'is signed, and not JSON': {
    code: 'unreadable_reply',
    behave: (_, response) => response.writeHead(200, signedHeaders('<p>')).end('<p>'),
  },
  'is signed, and a list': { code: 'unreadable_reply', behave: (_, response) => reply(response, 200, []) },
  'is an unsigned refusal that is on the list': {
    code: 'http_400',
    behave: (_, response) => response.writeHead(400).end('{"code":"PARAM_ERROR"}'),
  },
  'is an unsigned limit': {
    code: 'http_429',
    behave: (_, response) => response.writeHead(429).end('{"code":"FREQUENCY_LIMITED"}'),
  },
  'is an unsigned 403 that speaks of our signature': {
    code: 'http_403',
    behave: (_, response) => response.writeHead(403).end('{"code":"SIGN_ERROR"}'),
  },
  'is an unsigned 401 of somebody else': {
    code: 'http_401',
    behave: (_, response) => response.writeHead(401).end('<html>proxy</html>'),
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
  'leads elsewhere': {
    code: 'http_307',
    behave: (_, response) => response.writeHead(307, { location: '/again' }).end(),
  },
  'ends in the middle': {
    code: 'ECONNRESET',
    behave: (_, response) => {
      const body = JSON.stringify(offered);
      response.writeHead(200, { ...signedHeaders(body), 'content-length': body.length });
      response.write(body.slice(0, 60), () => response.destroy());
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
  'is too large': {
    code: 'reply_too_large',
    behave: (_, response) => reply(response, 200, { ...offered, more: 'x'.repeat(70_000) }),
  },
};

describe('an answer', () => {
  it.each(Object.keys(brokenAnswers))('is unknown where it %s, and nothing is sent twice', async (name) => {
    const { code, behave } = brokenAnswers[name] ?? { code: '', behave: () => undefined };
    server.behave = behave;
    const connector = connectorFor(server.url, {}, quick);
    const unclear = { kind: 'unknown', error: { code } };
    expect(await connector.start(startRequest)).toMatchObject({ ...unclear, recover: 'replay' });
    expect(await connector.query(operation)).toMatchObject({ ...unclear, recover: 'query' });
    expect(await connector.close(operation)).toMatchObject(unclear);
    expect(await connector.refund?.start(refundRequest)).toMatchObject({ ...unclear, recover: 'replay' });
    expect(await connector.refund?.query(refundRequest)).toMatchObject({ ...unclear, recover: 'query' });
    expect(await connector.probe(operation.account)).toMatchObject(unclear);
    expect(server.calls).toHaveLength(6);
  });

  it('may only in one case be a refusal without a signature: of ours', async () => {
    server.behave = (_, response) => response.writeHead(401).end('{"code":"SIGN_ERROR","message":"错误"}');
    const connector = connectorFor(server.url);
    const failed = { kind: 'failed', reason: 'config', error: { code: 'SIGN_ERROR', message: '错误' } };
    expect(await connector.start(startRequest)).toEqual(failed);
    expect(await connector.probe(operation.account)).toEqual(failed);
    // An earlier one may have been taken, under a key that was good then.
    expect(await connector.refund?.start(refundRequest)).toMatchObject({ kind: 'unknown' });
    expect(await connector.query(operation)).toMatchObject({ kind: 'unknown' });
    expect(await connector.close(operation)).toMatchObject({ kind: 'unknown' });
  });

  it('keeps keys and signatures out of what is reported', async () => {
    const connector = connectorFor(server.url, {}, quick);
    for (const { behave } of Object.values(brokenAnswers)) {
      server.behave = behave;
      const outcome = JSON.stringify(await connector.start(startRequest));
      const sent = server.calls.at(-1)?.headers.authorization ?? 'none';
      expect(outcome).not.toContain(sent.slice(-60));
      expect(outcome).not.toMatch(/PRIVATE|Authorization|0123456789abcdef/);
    }
  });

  it('cuts what a signed refusal says', async () => {
    server.behave = answerWith({
      native: [400, { code: 'X'.repeat(100), message: `a\u0000b${'长'.repeat(300)}` }],
    });
    const outcome = await connectorFor(server.url).start(startRequest);
    if (outcome.kind !== 'unknown') throw new Error(outcome.kind);
    expect(outcome.error.code).toHaveLength(64);
    expect(outcome.error.message).toMatch(/^a b长{197}$/);
  });
});

describe('a call', () => {
  const calls = async (url: string) => {
    const connector = connectorFor(url, {}, quick);
    return [
      await connector.start(startRequest),
      await connector.query(operation),
      await connector.close(operation),
      await connector.refund?.start(refundRequest),
      await connector.refund?.query(refundRequest),
      await connector.probe(operation.account),
    ];
  };

  it('never ran where nobody listens', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const { port } = listener.address() as AddressInfo;
    await new Promise((resolve) => listener.close(resolve));
    for (const outcome of await calls(`http://127.0.0.1:${port}`)) {
      expect(outcome).toMatchObject({ kind: 'not_executed', error: { code: 'ECONNREFUSED' } });
    }
  });

  it('never ran where TLS fails before the request', async () => {
    for (const outcome of await calls(server.url.replace('http:', 'https:'))) {
      expect(outcome).toMatchObject({ kind: 'not_executed' });
    }
    expect(server.calls).toEqual([]);
  });

  it('never ran where its own signature cannot be made', async () => {
    server.behave = answerWith({ native: refusal('PARAM_ERROR') });
    const changes = { privateKey: 'no key' };
    const outcome = await connectorFor(server.url, changes).start(startRequest);
    expect(outcome).toMatchObject({ kind: 'not_executed', error: { code: 'credential' } });
    expect(server.calls).toEqual([]);
  });
});

describe('a credential', () => {
  const outcomeWith = (changes: Record<string, unknown>) =>
    connectorFor(server.url, changes).query(operation);

  it.each([
    ['provider', 'alipay'],
    ['mchid', '19'],
    ['appid', 'wx'],
    ['merchantSerial', 'xyz'],
    ['apiV3Key', 'short'],
    ['privateKey', pem.platform],
    ['platformPublicKey', pem.merchant],
    ['platformPublicKey', undefined],
    ['platformPublicKeyId', undefined],
    ['platformPublicKeyId', 'ABCDEF'],
    ['baseUrl', 'http://api.mch.weixin.qq.com'],
    ['baseUrl', 'https://example.com'],
    ['baseUrl', 'https://api.mch.weixin.qq.com/v3'],
    ['baseUrl', 'https://user@api.mch.weixin.qq.com'],
    ['baseUrl', 'https://api.mch.weixin.qq.com:8443'],
  ])('is not used with a %s of %j', async (setting, value) => {
    expect(await outcomeWith({ [setting]: value })).toMatchObject({
      kind: 'not_executed',
      error: { code: 'credential' },
    });
  });

  it('has some key of the platform', async () => {
    const none = { platformPublicKeyId: undefined, platformPublicKey: undefined };
    const outcome = await outcomeWith({ ...none, platformCertificates: false });
    expect(outcome).toMatchObject({ kind: 'not_executed' });
  });

  it('of a live account never leads to this machine', async () => {
    expect(await outcomeWith({ mode: 'live' })).toMatchObject({ kind: 'not_executed' });
    expect(server.calls).toEqual([]);
  });

  it('that is not usable is our fault, which a notification is not told as a forgery', async () => {
    const raw = { account: operation.account, body: Buffer.from('{}'), headers: {} };
    const told = connectorFor(server.url, { mchid: 'x', apiV3Key: 'y' }).parseNotification(raw);
    await expect(told).rejects.toThrow('credential shop is not usable for WeChat Pay: check apiV3Key, mchid');
    expect(JSON.stringify(credential(server.url))).toContain('PRIVATE');
  });
});
