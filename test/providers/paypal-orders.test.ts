import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromPaypalAmount, toPaypalAmount } from '../../providers/paypal/amounts.js';
import { advanceCodes, createCodes } from '../../providers/paypal/codes.js';
import { HORIZON_MS } from '../../providers/paypal/order-calls.js';
import {
  advance,
  captureOf,
  known,
  nowMs,
  openTestServer,
  operation,
  orderId,
  orderOf,
  reference,
  refusal,
  startRequest,
  type TestServer,
} from './paypal-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const create = 'POST /v2/checkout/orders';
const get = `GET /v2/checkout/orders/${orderId}`;
const capture = `POST /v2/checkout/orders/${orderId}/capture`;
const paid = orderOf('COMPLETED', { captures: [captureOf('COMPLETED')] });

describe('an amount', () => {
  it.each([
    [4900, 'USD', '49.00'],
    [1, 'EUR', '0.01'],
    [1200, 'JPY', '1200'],
    [120_000, 'HUF', '1200'],
    [300, 'TWD', '3'],
    [120_001, 'HUF', undefined],
    [150, 'TWD', undefined],
    [100, 'KRW', undefined],
    [0.5, 'USD', undefined],
  ])('%d %s is sent as %s, and never rounded', (minor, currency, text) => {
    expect(toPaypalAmount(minor, currency)).toBe(text);
    if (text !== undefined) expect(fromPaypalAmount(text, currency)).toBe(minor);
  });

  it.each(['49.001', '4.9e1', '-49.00', '49,00', '', ' 49.00', 49])('%s is not read', (value) => {
    expect(fromPaypalAmount(value, 'USD')).toBeUndefined();
  });
});

describe('a start', () => {
  it('asks for the whole order under our key, and gives PayPal’s page to the payer', async () => {
    server.answers[create] = [201, orderOf('PAYER_ACTION_REQUIRED', undefined, {}, server.url)];
    const outcome = await server.connector.start(startRequest);
    const data = `${server.url}/checkoutnow?token=${orderId}`;
    expect(outcome).toEqual({
      kind: 'pending',
      why: 'user_action',
      providerReference: orderId,
      offer: { type: 'redirect', data, endsAtMs: operation.offerEndsAtMs },
    });
    const [call] = server.calls;
    expect(call?.headers).toMatchObject({
      authorization: 'Bearer A21AAtoken',
      'paypal-request-id': `${reference}-create`,
      prefer: 'return=representation',
      'user-agent': 'Quittance',
    });
    expect(JSON.parse(call?.body ?? '')).toMatchObject({
      intent: 'CAPTURE',
      purchase_units: [{ custom_id: reference, invoice_id: reference, amount: { value: '49.00' } }],
    });
    await server.connector.start(startRequest);
    expect(server.calls[1]?.body).toBe(call?.body);
    expect(server.tokens).toBe(1);
  });

  it.each(['https://evil.example/approve', 'javascript:alert(1)', 'http://www.sandbox.paypal.com/x'])(
    'sends no payer to %s',
    async (href) => {
      server.answers[create] = [201, orderOf('CREATED', undefined, { links: [{ rel: 'approve', href }] })];
      expect(await server.connector.start(startRequest)).toMatchObject({ kind: 'unknown' });
    },
  );

  it('of an order with other terms than were asked for is no offer', async () => {
    server.answers[create] = [201, orderOf('CREATED', undefined, {}, server.url)];
    expect(await server.connector.start({ ...startRequest, amountMinor: 5000 })).toMatchObject({
      kind: 'unknown',
      error: { code: 'other_terms' },
    });
  });

  it.each([...createCodes])('refused by %s is failed: %s', async (code, reason) => {
    server.answers[create] = [422, refusal(code)];
    expect(await server.connector.start(startRequest)).toMatchObject({ kind: 'failed', reason });
  });

  it('without an access token has sent nothing', async () => {
    server.answers['POST /v1/oauth2/token'] = [401, { error: 'invalid_client' }];
    expect(await server.connector.start(startRequest)).toMatchObject({ kind: 'not_executed' });
    expect(await server.connector.probe(operation.account)).toMatchObject({
      kind: 'failed',
      reason: 'config',
    });
    expect(server.calls).toEqual([]);
  });
});

describe('the call that takes the money', () => {
  it('bears the number of its approval, and succeeds with what was captured', async () => {
    server.answers[capture] = [201, paid];
    expect(await server.connector.advance!(advance)).toMatchObject({
      kind: 'succeeded',
      paid: { reference, amountMinor: 4900, currency: 'USD', refundedMinor: 0, providerReference: orderId },
    });
    expect(server.calls[0]?.headers['paypal-request-id']).toBe(`${reference}-advance-2`);
    expect(server.calls).toHaveLength(1);
  });

  it.each([...advanceCodes])('declined by %s is %s, and the order lives on', async (code, reason) => {
    server.answers = { [capture]: [422, refusal(code)], [get]: [200, orderOf('APPROVED')] };
    expect(await server.connector.advance!(advance)).toMatchObject({
      kind: 'failed',
      reason,
      stillPayable: true,
      error: { code },
    });
  });

  it.each([...advanceCodes.keys(), 'ORDER_ALREADY_CAPTURED', 'DUPLICATE_INVOICE_ID', 'SOMETHING_NEW'])(
    'refused by %s has succeeded where the order shows the money',
    async (code) => {
      server.answers = { [capture]: [422, refusal(code)], [get]: [200, paid] };
      expect((await server.connector.advance!(advance)).kind).toBe('succeeded');
    },
  );

  it.each(['ORDER_ALREADY_CAPTURED', 'DUPLICATE_INVOICE_ID', 'SOMETHING_NEW'])(
    'refused by %s is unknown where the order shows none',
    async (code) => {
      server.answers = { [capture]: [422, refusal(code)], [get]: [200, orderOf('APPROVED')] };
      expect(await server.connector.advance!(advance)).toMatchObject({ kind: 'unknown', recover: 'query' });
    },
  );

  it.each([...advanceCodes.keys()])(
    'refused by %s is unknown where the order cannot be seen',
    async (code) => {
      server.answers = { [capture]: [422, refusal(code)], [get]: [500, 'no'] };
      expect(await server.connector.advance!(advance)).toMatchObject({ kind: 'unknown' });
    },
  );

  it.each(['ORDER_NOT_APPROVED', 'PAYER_ACTION_REQUIRED'])('%s leads the payer back', async (code) => {
    const order = orderOf('PAYER_ACTION_REQUIRED', undefined, {}, server.url);
    server.answers = { [capture]: [422, refusal(code)], [get]: [200, order] };
    expect(await server.connector.advance!(advance)).toMatchObject({
      kind: 'pending',
      why: 'user_action',
      offer: {},
    });
  });

  it.each<[string, readonly [number, unknown]]>([
    ['a 500', [500, 'Internal Server Error']],
    ['a bad gateway', [502, '<html>']],
    ['half a body', [201, JSON.stringify(paid).slice(0, 200)]],
    ['no JSON', [201, 'ok']],
    ['an empty object', [201, {}]],
    ['an approved order', [201, orderOf('APPROVED')]],
    ['a completed order without money', [201, orderOf('COMPLETED')]],
    ['another payee', [201, orderOf('COMPLETED', undefined, { purchase_units: [{ custom_id: reference }] })]],
    ['another order', [201, { ...paid, id: '9XX90127TN364715T' }]],
    ['another intent', [201, { ...paid, intent: 'AUTHORIZE' }]],
    ['an unreadable amount', [201, orderOf('COMPLETED', { captures: [captureOf('COMPLETED', '4.9e1')] })]],
    ['an unknown state', [201, orderOf('COMPLETED', { captures: [captureOf('MAYBE')] })]],
    ['in progress', [422, refusal('ORDER_COMPLETION_IN_PROGRESS')]],
    ['in progress as well', [409, refusal('PREVIOUS_REQUEST_IN_PROGRESS')]],
    ['a redirect', [302, {}]],
  ])('answered with %s is unknown', async (_what, answer) => {
    server.answers[capture] = answer;
    expect((await server.connector.advance!(advance)).kind).toBe('unknown');
  });

  it.each([401, 403])('answered with %d proves only that this call did not run', async (status) => {
    server.answers[capture] = [status, { name: 'NOT_AUTHORIZED', message: 'no' }];
    expect((await server.connector.advance!(advance)).kind).toBe('not_executed');
    await server.connector.advance!(advance);
    expect(server.tokens).toBe(status === 401 ? 2 : 1);
  });

  it('is not sent where its time was over before there was a token', async () => {
    server.answers[capture] = [201, paid];
    server.answers['POST /v1/oauth2/token'] = (response) => {
      server.clockMs = advance.sendBeforeMs;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ access_token: 'A21AAtoken', token_type: 'Bearer', expires_in: 32_400 }));
    };
    expect(await server.connector.advance!(advance)).toMatchObject({ kind: 'not_executed' });
    expect(server.tokens).toBe(1);
    expect(server.calls).toEqual([]);
  });

  it('pending at PayPal is processing; declined by the bank it is over', async () => {
    server.answers[capture] = [201, orderOf('COMPLETED', { captures: [captureOf('PENDING')] })];
    expect(await server.connector.advance!(advance)).toMatchObject({ kind: 'pending', why: 'processing' });
    server.answers[capture] = [201, orderOf('COMPLETED', { captures: [captureOf('DECLINED')] })];
    const outcome = await server.connector.advance!(advance);
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'declined' });
    expect(outcome).not.toHaveProperty('stillPayable');
  });
});

describe('a look and a close', () => {
  it('an approved order is pending because of that, and is never taken by a look', async () => {
    server.answers[get] = [200, orderOf('APPROVED')];
    expect(await server.connector.query(known)).toMatchObject({ kind: 'pending', why: 'approved' });
    expect(server.calls.map(({ route }) => route)).toEqual([get]);
  });

  it('what went back in part is told with how much', async () => {
    const refunds = [{ id: 'R1', status: 'COMPLETED', amount: { currency_code: 'USD', value: '10.00' } }];
    server.answers[get] = [
      200,
      orderOf('COMPLETED', { captures: [captureOf('PARTIALLY_REFUNDED')], refunds }),
    ];
    expect(await server.connector.query(known)).toMatchObject({
      paid: { amountMinor: 4900, refundedMinor: 1000 },
    });
    server.answers[get] = [200, orderOf('COMPLETED', { captures: [captureOf('PARTIALLY_REFUNDED')] })];
    expect((await server.connector.query(known)).kind).toBe('unknown');
  });

  it('what was never taken is over as soon as we say so, whatever the payer did', async () => {
    for (const status of ['CREATED', 'PAYER_ACTION_REQUIRED', 'APPROVED', 'VOIDED']) {
      server.answers[get] = [200, orderOf(status)];
      expect(await server.connector.close(known)).toEqual({ kind: 'closed' });
    }
    expect(await server.connector.close(operation)).toEqual({ kind: 'closed' });
    server.answers[get] = [200, paid];
    expect((await server.connector.close(known)).kind).toBe('succeeded');
    server.answers[get] = [500, 'no'];
    expect((await server.connector.close(known)).kind).toBe('unknown');
  });

  it('what was sent for is over only when the order shows, an hour later, that nothing came of it', async () => {
    const sent = { ...known, advanceTakenAtMs: nowMs };
    server.answers[get] = [200, orderOf('APPROVED')];
    // So long it may be sent, and well after that it may be under way.
    server.clockMs = nowMs + server.connector.capabilities.advanceKeyLifetimeMs! + 10 * 60_000;
    expect(await server.connector.close(sent)).toMatchObject({ kind: 'pending', why: 'approved' });
    server.clockMs = nowMs + HORIZON_MS - 1;
    expect(await server.connector.close(sent)).toMatchObject({ kind: 'pending', why: 'approved' });
    server.clockMs = nowMs + HORIZON_MS;
    expect(await server.connector.close(sent)).toEqual({ kind: 'closed' });
    server.answers[get] = [404, refusal('INVALID_RESOURCE_ID')];
    expect((await server.connector.close(sent)).kind).toBe('unknown');
  });
});
