import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  connectorFor,
  isSignedByMerchant,
  kindOf,
  movedEvidence,
  openTestServer,
  reference,
  refunded,
  refunding,
  refundReference,
  refundRequest,
  refusal,
  type TestServer,
} from './wechat-pay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const called = () => server.calls.map(kindOf);
const refund = () => {
  const port = connectorFor(server.url).refund;
  if (!port) throw new Error('there is no port for refunds');
  return port;
};
const start = () => refund().start(refundRequest);
const query = () => refund().query(refundRequest);
const { refund_id: providerReference } = refunding;
const processing = { kind: 'pending', why: 'processing', providerReference };
const absent = refusal('RESOURCE_NOT_EXISTS', 404);

describe('a refund', () => {
  it('is accepted, not done, with a 200', async () => {
    server.behave = answerWith({ refund: [200, refunding] });
    expect(await start()).toEqual(processing);
    expect(called()).toEqual(['refund']);
  });

  it('is sent under our number, in the same bytes each time', async () => {
    server.behave = answerWith({ refund: [200, refunding] });
    await start();
    const known = { ...refundRequest.of, providerReference: '4200000000000000001' };
    await refund().start({ ...refundRequest, providerReference, of: known });
    const [first, second] = server.calls;
    expect(first?.path).toBe('/v3/refund/domestic/refunds');
    expect(first?.body).toBe(second?.body);
    expect(server.calls.every(isSignedByMerchant)).toBe(true);
    expect(JSON.parse(first?.body ?? '')).toEqual({
      out_trade_no: reference,
      out_refund_no: refundReference,
      notify_url: refundRequest.notifyUrl,
      amount: { refund: 40_000, total: 100_001, currency: 'CNY' },
    });
  });

  it('whose repetition says that it is done is asked about', async () => {
    server.behave = answerWith({ refund: [200, refunded], refundQuery: [200, refunded] });
    expect(await start()).toEqual({ kind: 'succeeded', moved: movedEvidence });
    expect(called()).toEqual(['refund', 'refundQuery']);
    server.behave = answerWith({ refund: [200, refunded], refundQuery: absent });
    expect(await start()).toMatchObject({ kind: 'unknown', recover: 'query' });
    server.behave = answerWith({
      refund: [200, { ...refunding, status: 'CLOSED' }],
      refundQuery: [200, refunding],
    });
    expect(await start()).toEqual(processing);
  });

  it('waits under the same number while the merchant’s balance is short', async () => {
    server.behave = answerWith({ refund: refusal('NOT_ENOUGH', 403) });
    expect(await start()).toEqual({ kind: 'pending', why: 'retry_same_key' });
  });

  it.each(['FREQUENCY_LIMITED', 'RATELIMIT_EXCEEDED'])('was not taken after %s', async (code) => {
    server.behave = answerWith({ refund: refusal(code, 429) });
    expect(await start()).toMatchObject({ kind: 'not_executed' });
  });

  it.each([
    ['RESOURCE_NOT_EXISTS', 404, 'not_refundable'],
    ['USER_ACCOUNT_ABNORMAL', 403, 'not_refundable'],
    ['PARAM_ERROR', 400, 'invalid'],
    ['MCH_NOT_EXISTS', 404, 'config'],
    ['NO_AUTH', 403, 'config'],
    ['SIGN_ERROR', 401, 'config'],
  ])('fails by the whitelist, and only if there is none: %s', async (code, status, reason) => {
    server.behave = answerWith({ refund: refusal(code, status), refundQuery: absent });
    expect(await start()).toEqual({ kind: 'failed', reason, error: { code, message: '失败' } });
    server.behave = answerWith({ refund: refusal(code, status), refundQuery: [200, refunding] });
    expect(await start()).toEqual(processing);
    server.behave = answerWith({ refund: refusal(code, status) });
    expect(await start()).toMatchObject({ kind: 'unknown', recover: 'query', error: { code } });
  });

  it.each([
    ['a system error', refusal('SYSTEM_ERROR', 500)],
    ['a code that is not listed', refusal('SOMETHING_NEW', 400)],
    ['a listed code in a server error', refusal('PARAM_ERROR', 500)],
    ['a code that is said of many things', refusal('INVALID_REQUEST', 400)],
    ['a shortage in a server error', refusal('NOT_ENOUGH', 500)],
    ['a 202', [202, refunding]],
  ] as const)('is unknown after %s', async (_, answer) => {
    server.behave = answerWith({ refund: answer, refundQuery: absent });
    expect(await start()).toMatchObject({ kind: 'unknown' });
  });
});

describe('the look-up of a refund', () => {
  it.each([
    ['done', [200, refunded], { kind: 'succeeded', moved: movedEvidence }],
    ['under way', [200, refunding], processing],
    [
      'closed for want of money',
      [200, { ...refunding, status: 'CLOSED' }],
      { kind: 'failed', reason: 'not_refundable', error: { code: 'CLOSED' } },
    ],
    [
      'not taken by the payer’s bank',
      [200, { ...refunding, status: 'ABNORMAL' }],
      { kind: 'unknown', recover: 'query', error: { code: 'ABNORMAL' }, providerReference },
    ],
    ['absent', absent, { kind: 'not_found' }],
    [
      'of another amount, which the core judges',
      [200, { ...refunded, amount: { ...refunded.amount, refund: 1 } }],
      { kind: 'succeeded', moved: { ...movedEvidence, amountMinor: 1 } },
    ],
  ] as const)('tells one that is %s', async (_, answer, outcome) => {
    server.behave = answerWith({ refundQuery: answer });
    expect(await query()).toMatchObject(outcome);
    expect(server.calls[0]?.path).toBe(`/v3/refund/domestic/refunds/${refundReference}`);
  });

  it.each([
    ['another number', { ...refunded, out_refund_no: 'other' }],
    ['another order', { ...refunded, out_trade_no: 'other' }],
    ['another currency', { ...refunded, amount: { ...refunded.amount, currency: 'USD' } }],
    ['no id', { ...refunded, refund_id: undefined }],
    ['no amount', { ...refunded, amount: undefined }],
    ['the order’s amount only', { ...refunded, amount: { total: 100_001 } }],
    ['a state nobody knows', { ...refunded, status: 'DONE' }],
    ['no state', { ...refunded, status: undefined }],
  ])('is unknown for a reply with %s', async (_, body) => {
    server.behave = answerWith({ refundQuery: [200, body] });
    expect(await query()).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it.each([
    ['RESOURCE_NOT_EXISTS', 500],
    ['NO_AUTH', 403],
    ['PARAM_ERROR', 400],
    ['SYSTEM_ERROR', 500],
  ])('says nothing about the money when it is refused with %s and %i', async (code, status) => {
    server.behave = answerWith({ refundQuery: refusal(code, status) });
    expect(await query()).toMatchObject({ kind: 'unknown', recover: 'query' });
  });
});
