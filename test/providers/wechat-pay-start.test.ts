import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  appid,
  closed,
  connectorFor,
  h5Request,
  isSignedByMerchant,
  kindOf,
  mchid,
  nowMs,
  openTestServer,
  paid,
  paidEvidence,
  publicKeyId,
  reference,
  refusal,
  startRequest,
  waiting,
  type TestServer,
} from './wechat-pay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const called = () => server.calls.map(kindOf);
const link = 'weixin://wxpay/bizpayurl?pr=NwY5Mz9&groupid=00';
const page = 'https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx2026&package=2150917749';

describe('an order by QR code', () => {
  it('is an offer to its absolute end', async () => {
    server.behave = answerWith({ native: [200, { code_url: link }] });
    expect(await connectorFor(server.url).start(startRequest)).toEqual({
      kind: 'pending',
      why: 'user_action',
      offer: { type: 'qr_code', data: link, endsAtMs: startRequest.offerEndsAtMs },
    });
  });

  it('is asked for in the signed terms, and for a reply under the public key', async () => {
    server.behave = answerWith({ native: [200, { code_url: link }] });
    await connectorFor(server.url).start(startRequest);
    const [call] = server.calls;
    expect(call?.path).toBe('/v3/pay/transactions/native');
    expect(call && isSignedByMerchant(call)).toBe(true);
    expect(call?.headers).toMatchObject({ accept: 'application/json', 'wechatpay-serial': publicKeyId });
    expect(call?.headers['content-type']).toMatch(/^application\/json/);
    expect(JSON.parse(call?.body ?? '')).toEqual({
      appid,
      mchid,
      description: 'A course',
      out_trade_no: reference,
      time_expire: '2026-11-23T11:09:05+08:00',
      notify_url: startRequest.notifyUrl,
      amount: { total: 100_001, currency: 'CNY' },
    });
  });

  it('is asked for in the same bytes again, whatever the product is called', async () => {
    server.behave = answerWith({ native: [200, { code_url: link }] });
    const request = { ...startRequest, subject: ` 课程\u0000\ud800\n "${'长'.repeat(100)}` };
    await connectorFor(server.url).start(request);
    await connectorFor(server.url).start(request);
    const [first, second] = server.calls;
    expect(first?.body).toBe(second?.body);
    expect(server.calls.every(isSignedByMerchant)).toBe(true);
    const { description } = JSON.parse(first?.body ?? '');
    expect(description).toMatch(/^课程 "长+$/);
    expect(Buffer.byteLength(description)).toBeLessThanOrEqual(127);
    await connectorFor(server.url).start({ ...startRequest, subject: ' \u0007 ' });
    expect(JSON.parse(server.calls[2]?.body ?? '').description).toBe(reference);
  });

  it.each([
    ['no link', {}],
    ['a link that is none', { code_url: 'no link' }],
    ['a link that is no string', { code_url: 7 }],
    ['a link without an end', { code_url: `weixin://${'x'.repeat(2048)}` }],
    ['the link of another way to pay', { h5_url: page }],
  ])('is unknown, to be replayed, after a reply with %s', async (_, body) => {
    server.behave = answerWith({ native: [200, body] });
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
    });
  });

  it('is not made any more once the offer is over: WeChat Pay would move its end', async () => {
    server.behave = answerWith({ native: [200, { code_url: link }], query: refusal('ORDER_NOT_EXIST', 404) });
    const outcome = await connectorFor(server.url).start({ ...startRequest, offerEndsAtMs: nowMs });
    expect(outcome).toMatchObject({ kind: 'unknown', recover: 'query', error: { code: 'offer_over' } });
    expect(called()).toEqual(['query']);
  });
});

describe('an order by H5', () => {
  it('leads to the page and back, with the payer’s address', async () => {
    server.behave = answerWith({ h5: [200, { h5_url: page }] });
    const back = 'redirect_url=https%3A%2F%2Fshop.example.com%2Fback%3Forder%3D1';
    expect(await connectorFor(server.url).start(h5Request)).toEqual({
      kind: 'pending',
      why: 'user_action',
      offer: { type: 'redirect', data: `${page}&${back}`, endsAtMs: startRequest.offerEndsAtMs },
    });
    expect(JSON.parse(server.calls[0]?.body ?? '').scene_info).toEqual({
      payer_client_ip: '203.0.113.7',
      h5_info: { type: 'Wap' },
    });
  });

  it('is unknown for a page that no browser should open', async () => {
    server.behave = answerWith({ h5: [200, { h5_url: 'javascript:alert(1)' }] });
    expect(await connectorFor(server.url).start(h5Request)).toMatchObject({ kind: 'unknown' });
  });

  it.each([null, '', 'example.com', '203.0.113.7, 10.0.0.1'])('is not sent for a payer at %j', async (ip) => {
    const outcome = await connectorFor(server.url).start({ ...h5Request, payer: { id: 'payer-1', ip } });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'invalid', error: { code: 'unsendable' } });
    expect(server.calls).toEqual([]);
  });
});

describe('a refused order', () => {
  it.each([
    ['PARAM_ERROR', 400, 'invalid'],
    ['RULE_LIMIT', 403, 'declined'],
    ['SIGN_ERROR', 401, 'config'],
    ['NO_AUTH', 403, 'config'],
    ['APPID_MCHID_NOT_MATCH', 400, 'config'],
    ['MCH_NOT_EXISTS', 404, 'config'],
  ])('fails by the whitelist: %s', async (code, status, reason) => {
    server.behave = answerWith({ native: refusal(code, status) });
    expect(await connectorFor(server.url).start(startRequest)).toEqual({
      kind: 'failed',
      reason,
      error: { code, message: '失败' },
    });
    expect(called()).toEqual(['native']);
  });

  it.each([
    ['a code that is not listed', refusal('SOMETHING_NEW', 400)],
    ['a listed code in a server error', refusal('PARAM_ERROR', 500)],
    ['a listed code in a success', refusal('PARAM_ERROR', 202)],
    ['a system error', refusal('SYSTEM_ERROR', 500)],
    ['a code of a refund', refusal('USER_ACCOUNT_ABNORMAL', 403)],
  ] as const)('is unknown after %s', async (_, answer) => {
    server.behave = answerWith({ native: answer });
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
    });
  });

  it.each(['FREQUENCY_LIMITED', 'RATELIMIT_EXCEEDED'])('never ran after %s', async (code) => {
    server.behave = answerWith({ native: refusal(code, 429) });
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({ kind: 'not_executed' });
  });

  it.each([
    ['paid', [200, paid], { kind: 'succeeded', paid: paidEvidence }],
    ['waiting', [200, waiting], { kind: 'unknown', recover: 'query', error: { code: 'INVALID_REQUEST' } }],
    ['closed', [200, closed], { kind: 'unknown', recover: 'query' }],
    ['not to be asked now', refusal('FREQUENCY_LIMITED', 429), { kind: 'unknown', recover: 'query' }],
    ['absent', refusal('ORDER_NOT_EXIST', 404), { kind: 'failed', reason: 'invalid' }],
  ] as const)(
    'asks where other terms may be under the number, and finds it %s',
    async (_, query, outcome) => {
      server.behave = answerWith({ native: refusal('INVALID_REQUEST'), query });
      expect(await connectorFor(server.url).start(startRequest)).toMatchObject(outcome);
      expect(called()).toEqual(['native', 'query']);
    },
  );

  it.each(['OUT_TRADE_NO_USED', 'ORDER_CLOSED', 'TRADE_ERROR'])(
    'asks after %s and never fails',
    async (code) => {
      server.behave = answerWith({ native: refusal(code, 403), query: refusal('ORDER_NOT_EXIST', 404) });
      expect(await connectorFor(server.url).start(startRequest)).toMatchObject({
        kind: 'unknown',
        recover: 'query',
        error: { code },
      });
    },
  );

  it.each([
    { amountMinor: 0 },
    { amountMinor: 2_147_483_648 },
    { amountMinor: 1.5 },
    { amountMinor: NaN },
    { currency: 'USD' },
    { flow: null },
  ])('is not even sent for %j', async (change) => {
    const outcome = await connectorFor(server.url).start({ ...startRequest, ...change });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'invalid' });
    expect(server.calls).toEqual([]);
  });
});
