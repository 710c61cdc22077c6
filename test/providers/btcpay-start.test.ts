import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  address,
  apiKey,
  connectorFor,
  dueCoins,
  evidence,
  invoice,
  method,
  MINUTE_MS,
  nowMs,
  openTestServer,
  paidWith,
  payment,
  rate,
  reference,
  send,
  serve,
  startRequest,
  type Behaviour,
  type Json,
  type Shown,
  type TestServer,
} from './btcpay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const list = 'GET /invoices';
const create = 'POST /invoices';
const methods = 'GET /invoices/INVOICE1/payment-methods';
const endsAtMs = nowMs + 15 * MINUTE_MS;
const offer = {
  type: 'crypto_address',
  data: `bitcoin:${address}?amount=${dueCoins}`,
  endsAtMs,
  crypto: { currency: 'BTC', network: 'bitcoin', address, amount: dueCoins, rate, pageUrl: null },
};
const offered = { kind: 'pending', why: 'user_action', providerReference: 'INVOICE1', offer };

/** A store that is empty until an invoice is made in it; `answer` says how the create is answered. */
function emptyStore(
  made: Shown,
  answer: Behaviour = (_, response) => send(response, made.invoice),
): Behaviour {
  let isMade = false;
  return (call, response, request) => {
    if (call.method === 'POST' && call.path === '/invoices') {
      isMade = true;
      return answer(call, response, request);
    }
    return (isMade ? serve(made) : serve())(call, response, request);
  };
}
const unpaid = (changes: Json = {}): Shown => ({ invoice: invoice(changes), methods: [method()] });

describe('start', () => {
  it('looks up, makes the invoice, looks up again, and offers the address with its locked terms', async () => {
    server.behave = emptyStore(unpaid({ checkoutLink: `${server.url}/i/INVOICE1` }));
    expect(await connectorFor(server.url).start(startRequest)).toEqual({
      ...offered,
      offer: { ...offer, crypto: { ...offer.crypto, pageUrl: `${server.url}/i/INVOICE1` } },
    });
    expect(server.told()).toEqual([list, create, list, methods]);
    expect(server.calls[0]?.query.toString()).toBe(`orderId=${reference}&includeArchived=true&take=20`);
    expect(server.calls[1]?.headers.authorization).toBe(`token ${apiKey}`);
    expect(server.calls[1]?.body).toEqual({
      amount: '100.00',
      currency: 'USD',
      metadata: { orderId: reference, itemDesc: 'A course' },
      checkout: {
        paymentMethods: ['BTC-CHAIN'],
        defaultPaymentMethod: 'BTC-CHAIN',
        lazyPaymentMethods: false,
        speedPolicy: 'MediumSpeed',
        expirationMinutes: 15,
        monitoringMinutes: 1440,
        paymentTolerance: 0,
        redirectURL: 'https://pay.example.com/return',
        redirectAutomatically: false,
      },
    });
  });

  it('adopts the invoice that is there, and makes no second one', async () => {
    server.behave = serve(unpaid());
    const connector = connectorFor(server.url);
    expect(await connector.start(startRequest)).toEqual(offered);
    expect(await connector.start(startRequest)).toEqual(offered);
    expect(server.told()).toEqual([list, methods, list, methods]);
  });

  it('finds the invoice of a create whose answer was lost', async () => {
    server.behave = emptyStore(unpaid(), (_, __, request) => request.socket.resetAndDestroy());
    expect(await connectorFor(server.url).start(startRequest)).toEqual(offered);
  });

  it('is unknown, and replayed, where a create was lost and nothing is there yet', async () => {
    server.behave = (call, response, request) =>
      call.method === 'POST' ? request.socket.resetAndDestroy() : serve()(call, response, request);
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
      error: { code: 'ECONNRESET' },
    });
  });

  it('marks the newer of two invoices invalid before it offers the older', async () => {
    const newer = unpaid({ id: 'INVOICE2', createdTime: nowMs / 1000 + 1 });
    server.behave = serve(newer, unpaid());
    expect(await connectorFor(server.url).start(startRequest)).toEqual(offered);
    expect(server.told().slice(3)).toEqual(['POST /invoices/INVOICE2/status']);
    expect(server.calls.at(-1)?.body).toEqual({ status: 'Invalid' });
  });

  it('shows no offer as long as a second one could not be taken back', async () => {
    const shown = serve(unpaid({ id: 'INVOICE2', createdTime: nowMs / 1000 + 1 }), unpaid());
    server.behave = (call, response, request) =>
      call.method === 'POST' ? response.writeHead(503).end() : shown(call, response, request);
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
    });
  });

  it('says what was paid already, and that a payment is on its way', async () => {
    server.behave = serve(paidWith({ status: 'Settled' }, payment(dueCoins)));
    expect(await connectorFor(server.url).start(startRequest)).toEqual({ kind: 'succeeded', paid: evidence });
    server.behave = serve(paidWith({ status: 'Processing' }, payment(dueCoins, { status: 'Processing' })));
    expect(await connectorFor(server.url).start(startRequest)).toEqual({
      kind: 'pending',
      why: 'processing',
      providerReference: 'INVOICE1',
    });
  });

  it('never says that an invoice of its own is over: the query does', async () => {
    server.behave = serve(unpaid({ status: 'Invalid', additionalStatus: 'Marked' }));
    const lateMs = endsAtMs + 11 * MINUTE_MS;
    for (const atMs of [nowMs, lateMs]) {
      expect(await connectorFor(server.url, { atMs }).start(startRequest)).toMatchObject({
        kind: 'unknown',
        recover: 'query',
        error: { code: 'invoice_over' },
      });
    }
  });

  it('never makes an invoice that would end after the offer', async () => {
    server.behave = serve();
    const atMs = startRequest.offerEndsAtMs - MINUTE_MS + 1;
    expect(await connectorFor(server.url, { atMs }).start(startRequest)).toMatchObject({
      kind: 'not_executed',
      error: { code: 'too_late' },
    });
    server.behave = emptyStore(unpaid({ expirationTime: (endsAtMs + 5 * MINUTE_MS) / 1000 }));
    const outcome = await connectorFor(server.url).start(startRequest);
    expect(outcome).toMatchObject({ offer: { endsAtMs: startRequest.offerEndsAtMs } });
  });

  it.each([
    ['of another amount', { invoice: invoice({ amount: '1.00' }), methods: [method()] }],
    ['with a link to another address', unpaidWith({ paymentLink: `bitcoin:bcrt1qother?amount=${dueCoins}` })],
    ['with a link for another amount', unpaidWith({ paymentLink: `bitcoin:${address}?amount=0.1` })],
    ['with two amounts', unpaidWith({ paymentLink: `bitcoin:${address}?amount=${dueCoins}&amount=1` })],
    ['without a link', unpaidWith({ paymentLink: '' })],
    ['without an address', unpaidWith({ destination: null })],
    ['with something else for an address', unpaidWith({ destination: '<b>', paymentLink: 'bitcoin:<b>' })],
    ['without a rate', unpaidWith({ rate: '0' })],
    ['in another coin', unpaidWith({ currency: 'LTC' })],
    ['without our payment method', { invoice: invoice(), methods: [] }],
  ])('shows no payer an invoice %s', async (_, shown) => {
    server.behave = serve(shown);
    const outcome = await connectorFor(server.url).start(startRequest);
    expect(outcome).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
      error: { code: 'unreadable_offer' },
    });
  });

  it('takes no real coins in test mode', async () => {
    const connector = connectorFor(server.url);
    const real = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
    server.behave = serve(
      unpaidWith({ destination: real, paymentLink: `bitcoin:${real}?amount=${dueCoins}` }),
    );
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'failed', reason: 'config' });
  });
});

function unpaidWith(changes: Json): Shown {
  return { invoice: invoice(), methods: [method(changes)] };
}

describe('a refusal of a start', () => {
  const refusing = (status: number, body: unknown, of = 'POST'): Behaviour => {
    return (call, response, request) =>
      call.method === of ? send(response, body, status) : serve()(call, response, request);
  };

  it.each([
    ['a key that is not known', 401, { code: 'unauthenticated', message: 'x' }, 'config'],
    ['a key that may not', 403, { code: 'missing-permission', message: 'x' }, 'config'],
    ['a store without a wallet or a rate', 400, { code: 'generic-error', message: 'x' }, 'config'],
    ['terms', 422, [{ path: 'amount', message: 'too much' }], 'invalid'],
  ])('is a failure for %s', async (_, status, body, reason) => {
    server.behave = refusing(status, body);
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({ kind: 'failed', reason });
    expect(server.told()).toEqual([list, create]);
  });

  it.each([
    [400, { code: 'something-new', message: 'x' }],
    [401, 'Unauthorized'],
    [403, { code: 'unauthenticated', message: 'x' }],
    [404, { code: 'generic-error', message: 'x' }],
    [409, { code: 'conflict', message: 'x' }],
    [422, { code: 'generic-error', message: 'x' }],
    [422, []],
    [429, { code: 'throttled', message: 'x' }],
  ])('proves nothing where it is not listed: %i %j', async (status, body) => {
    server.behave = refusing(status, body);
    expect(await connectorFor(server.url).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
    });
    expect(server.told()).toEqual([list, create, list]);
  });

  it('makes nothing where the look-up cannot be made', async () => {
    server.behave = refusing(503, {}, 'GET');
    const connector = connectorFor(server.url);
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'not_executed' });
    server.behave = refusing(401, { code: 'unauthenticated', message: 'x' }, 'GET');
    expect(await connector.start(startRequest)).toMatchObject({ kind: 'failed', reason: 'config' });
    expect(server.told()).toEqual([list, list]);
  });

  it('is our own for what BTCPay is never asked', async () => {
    const connector = connectorFor(server.url);
    for (const change of [
      { amountMinor: 99 },
      { amountMinor: 100.5 },
      { currency: 'VND' },
      { currency: 'XX' },
    ]) {
      expect(await connector.start({ ...startRequest, ...change })).toMatchObject({
        kind: 'failed',
        reason: 'invalid',
        error: { code: 'unsendable' },
      });
    }
    expect(server.calls).toEqual([]);
  });
});
