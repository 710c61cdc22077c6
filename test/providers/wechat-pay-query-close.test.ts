import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  closed,
  connectorFor,
  isSignedByMerchant,
  kindOf,
  mchid,
  openTestServer,
  operation,
  paid,
  paidEvidence,
  refusal,
  waiting,
  type TestServer,
} from './wechat-pay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const called = () => server.calls.map(kindOf);

describe('query', () => {
  it('is signed over its path and query string', async () => {
    server.behave = answerWith({ query: [200, paid] });
    await connectorFor(server.url).query(operation);
    const [call] = server.calls;
    expect(call?.path).toBe(`/v3/pay/transactions/out-trade-no/${operation.reference}?mchid=${mchid}`);
    expect(call?.body).toBe('');
    expect(call && isSignedByMerchant(call)).toBe(true);
  });

  it.each([
    ['paid', paid, { kind: 'succeeded', paid: paidEvidence }],
    [
      'paid, the currency left out',
      { ...paid, amount: { total: 100_001 } },
      { kind: 'succeeded', paid: paidEvidence },
    ],
    [
      'paid with another amount, which the core judges',
      { ...paid, amount: { ...paid.amount, total: 7 } },
      { kind: 'succeeded', paid: { ...paidEvidence, amountMinor: 7 } },
    ],
    [
      'paid at a time that cannot be read',
      { ...paid, success_time: '23.11.2026' },
      { kind: 'succeeded', paid: { ...paidEvidence, paidAtMs: null } },
    ],
    ['waiting', waiting, { kind: 'pending', why: 'user_action' }],
    ['closed', closed, { kind: 'closed' }],
  ])('tells an order that is %s', async (_, body, outcome) => {
    server.behave = answerWith({ query: [200, body] });
    expect(await connectorFor(server.url).query(operation)).toEqual(outcome);
  });

  it.each([
    ['of another merchant', { ...paid, mchid: '1900000110' }, 'other_merchant'],
    ['of no merchant', { ...paid, mchid: undefined }, 'other_merchant'],
    ['of another app', { ...paid, appid: 'wx0000000000000000' }, 'other_app'],
    ['of another number', { ...paid, out_trade_no: 'other' }, 'other_reference'],
    ['in another currency', { ...paid, amount: { total: 100_001, currency: 'USD' } }, 'other_currency'],
    ['refunded, by whatever amount', { ...paid, trade_state: 'REFUND' }, 'REFUND'],
    ['closed and paid at once', { ...paid, trade_state: 'CLOSED' }, 'CLOSED'],
    ['revoked', { ...paid, trade_state: 'REVOKED' }, 'REVOKED'],
    ['failed as only a bar code does', { ...waiting, trade_state: 'PAYERROR' }, 'PAYERROR'],
    ['in a state nobody knows', { ...paid, trade_state: 'ACCEPT' }, 'unreadable_reply'],
    ['in no state', { ...paid, trade_state: undefined }, 'unreadable_reply'],
    ['without a transaction', { ...paid, transaction_id: undefined }, 'unreadable_reply'],
    ['without an amount', { ...paid, amount: undefined }, 'unreadable_reply'],
    ['of a text as its amount', { ...paid, amount: { total: '100001' } }, 'unreadable_reply'],
    ['of a broken amount', { ...paid, amount: { total: 1000.01 } }, 'unreadable_reply'],
    ['of nothing', { ...paid, amount: { total: 0 } }, 'unreadable_reply'],
    ['only the payer’s share', { ...paid, amount: { payer_total: 99_000 } }, 'unreadable_reply'],
  ])('is unknown for an order %s', async (_, body, code) => {
    server.behave = answerWith({ query: [200, body] });
    expect(await connectorFor(server.url).query(operation)).toMatchObject({
      kind: 'unknown',
      recover: 'query',
      error: { code },
    });
  });

  it('finds nothing', async () => {
    server.behave = answerWith({ query: refusal('ORDER_NOT_EXIST', 404) });
    expect(await connectorFor(server.url).query(operation)).toEqual({ kind: 'not_found' });
  });

  it.each([
    ['SIGN_ERROR', 401],
    ['NO_AUTH', 403],
    ['PARAM_ERROR', 400],
    ['TRADE_ERROR', 403],
    ['RULE_LIMIT', 403],
    ['SYSTEM_ERROR', 500],
    ['ORDER_NOT_EXIST', 500],
    ['ORDER_NOT_EXIST', 202],
    ['RESOURCE_NOT_EXISTS', 404],
  ])('says nothing about the money when it is refused with %s and %i', async (code, status) => {
    server.behave = answerWith({ query: refusal(code, status) });
    expect(await connectorFor(server.url).query(operation)).toMatchObject({
      kind: 'unknown',
      recover: 'query',
    });
  });
});

describe('close', () => {
  const close = () => connectorFor(server.url).close(operation);

  it('is confirmed by a query', async () => {
    server.behave = answerWith({ close: [204], query: [200, closed] });
    expect(await close()).toEqual({ kind: 'closed' });
    expect(called()).toEqual(['close', 'query']);
    expect(JSON.parse(server.calls[0]?.body ?? '')).toEqual({ mchid });
    expect(server.calls.every(isSignedByMerchant)).toBe(true);
  });

  it.each([
    ['paid meanwhile', [200, paid], { kind: 'succeeded', paid: paidEvidence }],
    ['still waiting', [200, waiting], { kind: 'pending', why: 'user_action' }],
    ['absent', refusal('ORDER_NOT_EXIST', 404), { kind: 'not_found' }],
    ['not to be asked now', refusal('FREQUENCY_LIMITED', 429), { kind: 'unknown', recover: 'query' }],
    ['somebody else’s', [200, { ...closed, mchid: '1' }], { kind: 'unknown', recover: 'query' }],
  ] as const)('was accepted, and the order is %s', async (_, query, outcome) => {
    server.behave = answerWith({ close: [204], query });
    expect(await close()).toMatchObject(outcome);
  });

  it.each([
    ['ORDER_CLOSED', 400],
    ['ORDER_PAID', 400],
    ['INVALID_REQUEST', 400],
    ['TRADE_ERROR', 403],
    ['USER_PAYING', 202],
    ['FREQUENCY_LIMITED', 429],
  ])('asks after %s', async (code, status) => {
    server.behave = answerWith({ close: refusal(code, status), query: [200, closed] });
    expect(await close()).toEqual({ kind: 'closed' });
    server.behave = answerWith({ close: refusal(code, status) });
    expect(await close()).toMatchObject({ kind: 'unknown', error: { code } });
  });

  it.each([
    [refusal('ORDER_NOT_EXIST', 404), { kind: 'not_found' }],
    [refusal('RATELIMIT_EXCEEDED', 429), { kind: 'not_executed' }],
    [refusal('PARAM_ERROR', 400), { kind: 'unknown', recover: 'query' }],
    [refusal('SYSTEM_ERROR', 500), { kind: 'unknown', recover: 'query' }],
    [refusal('ORDER_CLOSED', 500), { kind: 'unknown', recover: 'query' }],
    [[200, {}], { kind: 'unknown', recover: 'query' }],
  ] as const)('takes %j for what it is', async (answer, outcome) => {
    server.behave = answerWith({ close: answer, query: [200, closed] });
    expect(await close()).toMatchObject(outcome);
    expect(called()).toEqual(['close']);
  });
});

describe('probe', () => {
  it.each([
    [refusal('ORDER_NOT_EXIST', 404), { kind: 'alive' }],
    [refusal('PARAM_ERROR', 400), { kind: 'alive' }],
    [[200, waiting], { kind: 'alive' }],
    [refusal('NO_AUTH', 403), { kind: 'failed', reason: 'config' }],
    [refusal('SIGN_ERROR', 401), { kind: 'failed', reason: 'config' }],
    [refusal('RATELIMIT_EXCEEDED', 429), { kind: 'not_executed' }],
    [refusal('SYSTEM_ERROR', 500), { kind: 'unknown' }],
    [[202, {}], { kind: 'unknown' }],
  ] as const)('takes %j for %j', async (answer, outcome) => {
    server.behave = answerWith({ query: answer });
    expect(await connectorFor(server.url).probe(operation.account)).toMatchObject(outcome);
    expect(called()).toEqual(['query']);
  });
});
