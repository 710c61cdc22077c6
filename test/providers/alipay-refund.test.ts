import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowUpRequest } from '../../providers/connector.js';
import {
  answerWith,
  connectorFor,
  openTestGateway,
  operation,
  reference,
  refusal,
  signedBody,
  startRequest,
  strangerKeys,
  success,
  type TestGateway,
} from './alipay-test-gateway.js';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openTestGateway();
});
afterEach(() => gateway.close());

const refund = 'alipay.trade.refund';
const refundQuery = 'alipay.trade.fastpay.refund.query';
const refundReference = '0abcdefghijklmnopqrstuvwxr02';
const request: FollowUpRequest = {
  ...operation,
  kind: 'refund',
  reference: refundReference,
  amountMinor: 40_000,
  of: operation,
  notifyUrl: startRequest.notifyUrl,
};
const executed = {
  ...success,
  trade_no: 'T1',
  fund_change: 'Y',
  refund_fee: '400.00',
  gmt_refund_pay: '2026-11-23 11:06:00',
};
const found = {
  ...success,
  trade_no: 'T1',
  out_request_no: refundReference,
  refund_amount: '400.00',
  refund_status: 'REFUND_SUCCESS',
  gmt_refund_pay: '2026-11-23 11:06:00',
};
const absent = { code: '10000', msg: 'Success' };
const moved = {
  reference: refundReference,
  amountMinor: 40_000,
  currency: 'CNY',
  providerReference: `T1/${refundReference}`,
  movedAtMs: Date.UTC(2026, 10, 23, 3, 6, 0),
};

const port = () => {
  const { refund: refunds } = connectorFor(gateway.url);
  if (!refunds) throw new Error('there is no port for refunds');
  return refunds;
};
const methodsCalled = () => gateway.calls.map(({ method }) => method);

describe('a refund', () => {
  it('that moved money with this very call has succeeded', async () => {
    gateway.behave = answerWith({ [refund]: executed });
    expect(await port().start(request)).toEqual({ kind: 'succeeded', moved });
    expect(gateway.calls.map(({ content }) => content)).toEqual([
      { out_trade_no: reference, out_request_no: refundReference, refund_amount: '400.00' },
    ]);
  });

  it('that is one of several has succeeded: refund_fee is the sum of them', async () => {
    gateway.behave = answerWith({ [refund]: { ...executed, refund_fee: '900.00' } });
    expect(await port().start(request)).toEqual({ kind: 'succeeded', moved });
  });

  it('that moved nothing is looked up, because an earlier call may have', async () => {
    gateway.behave = answerWith({ [refund]: { ...executed, fund_change: 'N' }, [refundQuery]: found });
    expect(await port().start(request)).toEqual({ kind: 'succeeded', moved });
    expect(methodsCalled()).toEqual([refund, refundQuery]);
    gateway.behave = answerWith({ [refund]: { ...executed, fund_change: 'N' }, [refundQuery]: absent });
    expect(await port().start(request)).toMatchObject({ kind: 'unknown', recover: 'query' });
    gateway.behave = answerWith({ [refund]: { ...executed, fund_change: undefined }, [refundQuery]: absent });
    expect(await port().start(request)).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it.each([
    ['of another trade', { ...executed, out_trade_no: 'other' }],
    ['of no trade', { ...executed, out_trade_no: undefined }],
    ['without the sum', { ...executed, refund_fee: undefined }],
    ['with a sum that cannot be read', { ...executed, refund_fee: '4e2' }],
    ['with less than was asked for', { ...executed, refund_fee: '399.99' }],
    ['without a trade number', { ...executed, trade_no: '' }],
    ['with a code nobody knows', refusal('ACQ.NEVER_SEEN')],
    ["with Alipay's own doubt", refusal('ACQ.SYSTEM_ERROR')],
    ["with the gateway's doubt", refusal('isp.unknow-error', '20000')],
    ['that refuses the app', refusal('isv.invalid-signature', '40002')],
  ])('is unknown after a reply %s', async (_, node) => {
    gateway.behave = answerWith({ [refund]: node });
    expect(await port().start(request)).toMatchObject({ kind: 'unknown' });
    expect(methodsCalled()).toEqual([refund]);
  });

  it.each(['ACQ.SELLER_BALANCE_NOT_ENOUGH', 'ACQ.REFUND_CHARGE_ERROR', 'ACQ.REASON_TRADE_BEEN_FREEZEN'])(
    'waits under the same number after %s',
    async (code) => {
      gateway.behave = answerWith({ [refund]: refusal(code) });
      expect(await port().start(request)).toEqual({ kind: 'pending', why: 'retry_same_key' });
    },
  );

  it.each([
    ['ACQ.REFUND_AMT_NOT_EQUAL_TOTAL', 'not_refundable'],
    ['ACQ.TRADE_NOT_ALLOW_REFUND', 'not_refundable'],
    ['ACQ.TRADE_NOT_EXIST', 'not_refundable'],
    ['ACQ.BUYER_NOT_EXIST', 'declined'],
    ['ACQ.INVALID_PARAMETER', 'invalid'],
  ])('is refused by %s only where none of its number is found', async (code, reason) => {
    gateway.behave = answerWith({ [refund]: refusal(code), [refundQuery]: absent });
    expect(await port().start(request)).toMatchObject({ kind: 'failed', reason, error: { code } });
    gateway.behave = answerWith({ [refund]: refusal(code), [refundQuery]: found });
    expect(await port().start(request)).toEqual({ kind: 'succeeded', moved });
    gateway.behave = answerWith({ [refund]: refusal(code), [refundQuery]: refusal('ACQ.SYSTEM_ERROR') });
    expect(await port().start(request)).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it.each(['ACQ.TRADE_HAS_CLOSE', 'ACQ.TRADE_HAS_FINISHED', 'ACQ.DISCORDANT_REPEAT_REQUEST'])(
    'is never refused by %s alone',
    async (code) => {
      gateway.behave = answerWith({ [refund]: refusal(code), [refundQuery]: absent });
      expect(await port().start(request)).toMatchObject({ kind: 'unknown', recover: 'query' });
    },
  );

  it('was not taken when the gateway limits calls', async () => {
    gateway.behave = answerWith({ [refund]: refusal('isv.app-call-limited', '40005') });
    expect(await port().start(request)).toMatchObject({ kind: 'not_executed' });
  });

  it('is unknown where the reply is not signed by Alipay, and not executed where nobody listens', async () => {
    gateway.behave = (call, response) => {
      response.end(signedBody(call.method, executed, strangerKeys.privateKey));
    };
    expect(await port().start(request)).toMatchObject({ kind: 'unknown', recover: 'replay' });
    const { url } = gateway;
    await gateway.close();
    expect(await connectorFor(url).refund?.start(request)).toMatchObject({ kind: 'not_executed' });
    gateway = await openTestGateway();
  });
});

describe('the look-up of a refund', () => {
  it('finds it', async () => {
    gateway.behave = answerWith({ [refundQuery]: found });
    expect(await port().query(request)).toEqual({ kind: 'succeeded', moved });
  });

  it('tells the amount that Alipay names, whatever was asked for', async () => {
    gateway.behave = answerWith({ [refundQuery]: { ...found, refund_amount: '399.00' } });
    expect(await port().query(request)).toMatchObject({ moved: { amountMinor: 39_900 } });
  });

  it.each([
    ['an answer without a refund in it', absent],
    ['the trade alone', { ...success, trade_no: 'T1' }],
    ['no trade', refusal('ACQ.TRADE_NOT_EXIST')],
  ])('finds none in %s', async (_, node) => {
    gateway.behave = answerWith({ [refundQuery]: node });
    expect(await port().query(request)).toEqual({ kind: 'not_found' });
  });

  it.each([
    ['another refund', { ...found, out_request_no: 'other' }],
    ['another trade', { ...found, out_trade_no: 'other' }],
    ['no state', { ...found, refund_status: undefined }],
    ['another state', { ...found, refund_status: 'REFUND_FAIL' }],
    ['no amount', { ...found, refund_amount: '0.00' }],
    ['a refusal', refusal('ACQ.INVALID_PARAMETER')],
  ])('is unknown after %s', async (_, node) => {
    gateway.behave = answerWith({ [refundQuery]: node });
    expect(await port().query(request)).toMatchObject({ kind: 'unknown', recover: 'query' });
  });
});
