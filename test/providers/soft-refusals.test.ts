import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FollowUpOutcome, StartOutcome } from '../../domain/outcome.js';
import type { Connector } from '../../providers/connector.js';
import * as adyen from './adyen-test-server.js';
import * as alipay from './alipay-test-gateway.js';
import * as btcpay from './btcpay-test-server.js';
import * as paypal from './paypal-test-server.js';
import * as stripe from './stripe-test-server.js';
import * as unionPay from './union-pay-test-server.js';
import * as wechatPay from './wechat-pay-test-server.js';

/**
 * "Not now": limits, a provider that is busy or down for maintenance, its own faults. `not_executed` only where its
 * documents say that such a call was not performed, `failed` only of a decline; all else may have been carried out.
 */
type Kind = 'failed' | 'not_executed' | 'unknown' | 'pending';
type Told = StartOutcome | FollowUpOutcome | undefined;

/** What its own proxies say of every provider, in nobody's form: nothing of it proves anything. */
const unreadable: readonly (readonly [status: number, body: string])[] = [
  [429, 'Too Many Requests'],
  [502, '<html>Bad Gateway</html>'],
  [503, '<html>Scheduled maintenance</html>'],
  [504, ''],
];
const sayPlainly =
  ([status, body]: readonly [number, string]) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '1' }).end(body);

interface Peer {
  readonly url: string;
  close(): Promise<void>;
}

function withServer<Server extends Peer>(open: () => Promise<Server>): { readonly now: Server } {
  const held: { server?: Server } = {};
  beforeAll(async () => {
    held.server = await open();
  });
  afterAll(() => held.server?.close());
  return {
    get now() {
      if (!held.server) throw new Error('the server is not open yet');
      return held.server;
    },
  };
}

describe('alipay', () => {
  const server = withServer(alipay.openTestGateway);
  const connector = (): Connector => alipay.connectorFor(server.now.url);
  const refund = { ...alipay.operation, kind: 'refund', reference: 'r'.repeat(28) } as const;
  const both = async (): Promise<Told[]> => [
    await connector().start(alipay.startRequest),
    await connector().refund?.start({ ...refund, amountMinor: 1, of: alipay.operation, notifyUrl: '' }),
  ];

  it.each<[string, string, Kind, Kind]>([
    ['40005', 'isv.app-call-limited', 'not_executed', 'not_executed'],
    ['20000', 'isp.unknow-error', 'unknown', 'unknown'],
    ['20000', 'aop.unknow-error', 'unknown', 'unknown'],
    ['20000', 'isp.service-unavailable', 'unknown', 'unknown'],
    ['40004', 'ACQ.SYSTEM_ERROR', 'unknown', 'unknown'],
    ['40004', 'aop.ACQ.SYSTEM_ERROR', 'unknown', 'unknown'],
    ['40004', 'SYSTEM_ERROR', 'unknown', 'unknown'],
    ['40004', 'ACQ.SELLER_BALANCE_NOT_ENOUGH', 'unknown', 'pending'],
    ['40004', 'ACQ.REFUND_CHARGE_ERROR', 'unknown', 'pending'],
  ])('%s %s: a start is %s, a refund %s', async (code, subCode, start, refunded) => {
    server.now.behave = (call, response) =>
      void response.end(alipay.signedBody(call.method, alipay.refusal(subCode, code)));
    expect((await both()).map((told) => told?.kind)).toEqual([start, refunded]);
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    server.now.behave = (_call, response) => sayPlainly(said)(response);
    expect((await both()).map((told) => told?.kind)).toEqual(['unknown', 'unknown']);
  });
});

describe('wechat_pay', () => {
  const server = withServer(wechatPay.openTestServer);
  const connector = (): Connector => wechatPay.connectorFor(server.now.url);
  const both = async (): Promise<Told[]> => [
    await connector().start(wechatPay.startRequest),
    await connector().refund?.start(wechatPay.refundRequest),
  ];

  it.each<[number, string, Kind, Kind]>([
    [429, 'FREQUENCY_LIMITED', 'not_executed', 'not_executed'],
    [429, 'RATELIMIT_EXCEEDED', 'not_executed', 'not_executed'],
    [429, 'FREQUENCY_LIMIT_EXCEED', 'unknown', 'unknown'],
    [403, 'FREQUENCY_LIMITED', 'unknown', 'unknown'],
    [500, 'SYSTEM_ERROR', 'unknown', 'unknown'],
    [500, 'BANK_ERROR', 'unknown', 'unknown'],
    [503, 'SERVICE_UNAVAILABLE', 'unknown', 'unknown'],
    [202, 'USERPAYING', 'unknown', 'unknown'],
    [403, 'NOT_ENOUGH', 'unknown', 'pending'],
    [403, 'RULE_LIMIT', 'failed', 'unknown'],
  ])('%i %s: a start is %s, a refund %s', async (status, code, start, refunded) => {
    const said = wechatPay.refusal(code, status);
    const absent = wechatPay.refusal('RESOURCE_NOT_EXISTS', 404);
    server.now.behave = wechatPay.answerWith({ native: said, refund: said, refundQuery: absent });
    expect((await both()).map((told) => told?.kind)).toEqual([start, refunded]);
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    server.now.behave = (_call, response) => sayPlainly(said)(response);
    expect((await both()).map((told) => told?.kind)).toEqual(['unknown', 'unknown']);
  });
});

describe('union_pay', () => {
  const server = withServer(unionPay.openTestServer);
  const refund = (...answers: unionPay.TestServer['answers']): Promise<Told> => {
    server.now.answers = answers;
    return Promise.resolve(unionPay.connectorFor(server.now.url).refund?.start(unionPay.refundRequest));
  };
  const { reference: orderId } = unionPay.refundRequest;

  // Of a start nothing is asked. "Not open or closed for now", time-outs, "busy", "state not clear", too many.
  it.each<[string, Kind]>([
    ['02', 'unknown'],
    ['03', 'unknown'],
    ['04', 'unknown'],
    ['05', 'unknown'],
    ['06', 'unknown'],
    ['42', 'unknown'],
    ['70', 'unknown'],
    ['83', 'unknown'],
    ['98', 'unknown'],
    ['99', 'unknown'],
    ['31', 'failed'],
    ['44', 'failed'],
  ])('%s: a refund is %s', async (code, kind) => {
    const said = unionPay.refused(code, { orderId, txnType: '04' });
    expect((await refund(said, unionPay.refused('34', { orderId })))?.kind).toBe(kind);
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    expect((await refund(sayPlainly(said)))?.kind).toBe('unknown');
  });
});

describe('btcpay', () => {
  const server = withServer(btcpay.openTestServer);
  const start = (): Promise<StartOutcome> => btcpay.connectorFor(server.now.url).start(btcpay.startRequest);
  const whereCreate = (create: (response: ServerResponse) => void): btcpay.Behaviour => {
    const empty = btcpay.serve();
    return (call, response, request) =>
      call.method === 'POST' ? create(response) : empty(call, response, request);
  };

  it.each<[number, string, Kind]>([
    [429, 'too-many-requests', 'unknown'],
    [503, 'service-unavailable', 'unknown'],
    [500, 'generic-error', 'unknown'],
    // No rate for the currency, or no wallet: BTCPay throws it before it saves an invoice.
    [400, 'generic-error', 'failed'],
  ])('%i %s: a start is %s', async (status, code, kind) => {
    server.now.behave = whereCreate((response) => btcpay.send(response, { code, message: 'm' }, status));
    expect((await start()).kind).toBe(kind);
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    server.now.behave = whereCreate(sayPlainly(said));
    expect((await start()).kind).toBe('unknown');
  });
});

describe('stripe', () => {
  const server = withServer(stripe.openTestServer);
  const start = (): Promise<StartOutcome> => stripe.connectorFor(server.now.url).start(stripe.startRequest);

  it.each<[number, object, Kind]>([
    [429, { code: 'rate_limit' }, 'not_executed'],
    [429, { code: 'lock_timeout' }, 'not_executed'],
    [429, { type: 'invalid_request_error' }, 'unknown'],
    [409, { type: 'idempotency_error' }, 'unknown'],
    [424, { type: 'api_error' }, 'unknown'],
    [500, { type: 'api_error' }, 'unknown'],
    [503, { type: 'api_error' }, 'unknown'],
  ])('%i %j: a charge is %s', async (status, error, kind) => {
    server.now.behave = stripe.answerWith({ [stripe.create]: stripe.refusal(status, { ...error }) });
    expect((await start()).kind).toBe(kind);
  });

  it.each([
    ['try_again_later', 'issuer_unavailable'],
    ['issuer_not_available', 'issuer_unavailable'],
    ['processing_error', 'processing_error'],
    ['card_not_supported', 'unsupported_here'],
    ['insufficient_funds', undefined],
    ['stolen_card', undefined],
  ])('a card declined for %s is soft as %s', async (code, soft) => {
    const error = { code: 'card_declined', decline_code: code, payment_intent: stripe.declined(code) };
    const canceled = stripe.ok(stripe.intent({ status: 'canceled' }));
    server.now.behave = stripe.answerWith({
      [stripe.create]: stripe.refusal(402, error),
      [stripe.cancel]: canceled,
    });
    expect({ soft: undefined, ...(await start()) }).toMatchObject({ kind: 'failed', soft });
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    server.now.behave = (_call, response) => sayPlainly(said)(response);
    expect((await start()).kind).toBe('unknown');
  });
});

describe('adyen', () => {
  const server = withServer(adyen.openTestServer);
  const connector = (): Connector => adyen.connectorFor(server.now.url);
  const both = async (): Promise<Told[]> => [
    await connector().start(adyen.startRequest),
    await connector().refund?.start(adyen.followUp('refund')),
  ];

  // Internal faults, "already being processed", and what its header calls transient.
  it.each<[number, string, object, Kind]>([
    [429, '000', {}, 'unknown'],
    [500, '905', {}, 'unknown'],
    [503, '702', {}, 'unknown'],
    [422, '0', {}, 'unknown'],
    [422, '701', {}, 'unknown'],
    [422, '702', {}, 'unknown'],
    [422, '704', {}, 'unknown'],
    [422, '903', {}, 'unknown'],
    [422, '137', { 'transient-error': 'true' }, 'unknown'],
    [422, '137', {}, 'failed'],
    [401, '000', {}, 'not_executed'],
  ])('%i %s %j: %s', async (status, code, headers, kind) => {
    server.now.behave = adyen.answer(status, adyen.refusal(status, code), { ...headers });
    expect((await both()).map((told) => told?.kind)).toEqual([kind, kind]);
  });

  it.each([
    ['4', 'processing_error'],
    ['9', 'issuer_unavailable'],
    ['12', undefined],
  ])('a card refused for %s is soft as %s', async (refusalReasonCode, soft) => {
    const refused = { ...adyen.authorised, resultCode: 'Refused', refusalReasonCode, refusalReason: 'r' };
    server.now.behave = adyen.answer(200, refused);
    const told = await connector().start(adyen.startRequest);
    expect({ soft: undefined, ...told }).toMatchObject({ kind: 'failed', soft });
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    server.now.behave = (_call, response) => sayPlainly(said)(response);
    expect((await both()).map((told) => told?.kind)).toEqual(['unknown', 'unknown']);
  });
});

describe('paypal', () => {
  const server = withServer(paypal.openTestServer);
  const capture = paypal.captureOf('COMPLETED');
  const order = paypal.orderOf('COMPLETED', { captures: [capture] });
  const orders = 'POST /v2/checkout/orders';
  const refunds = `POST /v2/payments/captures/${String(capture['id'])}/refund`;
  const both = async (said: paypal.TestServer['answers'][string]): Promise<Told[]> => {
    const found = [200, order] as const;
    const { known } = paypal;
    server.now.answers = {
      ...{ [orders]: said, [refunds]: said },
      [`GET /v2/checkout/orders/${paypal.orderId}`]: found,
    };
    const { connector } = server.now;
    const reference = `${known.reference.slice(0, 25)}r02`;
    return [
      await connector.start(paypal.startRequest),
      await connector.refund?.start({ ...known, kind: 'refund', reference, of: known, notifyUrl: '' }),
    ];
  };

  it.each<[number, string, string, Kind, Kind]>([
    [429, 'RATE_LIMIT_REACHED', '', 'not_executed', 'not_executed'],
    [429, 'SOMETHING_ELSE', '', 'unknown', 'unknown'],
    [500, 'INTERNAL_SERVER_ERROR', '', 'unknown', 'unknown'],
    [503, 'SERVICE_UNAVAILABLE', '', 'unknown', 'unknown'],
    [422, 'UNPROCESSABLE_ENTITY', 'PREVIOUS_REQUEST_IN_PROGRESS', 'unknown', 'unknown'],
    [422, 'UNPROCESSABLE_ENTITY', 'REFUND_FAILED_INSUFFICIENT_FUNDS', 'unknown', 'pending'],
    [422, 'UNPROCESSABLE_ENTITY', 'PENDING_CAPTURE', 'unknown', 'pending'],
    [422, 'UNPROCESSABLE_ENTITY', 'CAPTURE_FULLY_REFUNDED', 'unknown', 'failed'],
  ])('%i %s %s: a start is %s, a refund %s', async (status, name, issue, start, refunded) => {
    const details = issue === '' ? [] : [{ issue, description: 'd' }];
    const told = await both([status, { name, details, message: 'm' }]);
    expect(told.map((each) => each?.kind)).toEqual([start, refunded]);
  });

  it.each(unreadable)('%i "%s": unknown', async (...said) => {
    expect((await both(sayPlainly(said))).map((told) => told?.kind)).toEqual(['unknown', 'unknown']);
  });
});
