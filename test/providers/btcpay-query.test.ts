import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connectorFor,
  dueCoins,
  evidence,
  invoice,
  method,
  MINUTE_MS,
  nowMs,
  openTestServer,
  operation,
  paidAtMs,
  paidWith,
  payment,
  serve,
  storeId,
  type Json,
  type Shown,
  type TestServer,
} from './btcpay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const endsAtMs = nowMs + 15 * MINUTE_MS;
const overAtMs = endsAtMs + 10 * MINUTE_MS;
const unmonitoredAtMs = endsAtMs + 1440 * MINUTE_MS;
const unconfirmed = { status: 'Processing' };
const replaced = { status: 'Invalid' };
const unpaid = (changes: Json = {}): Shown => paidWith(changes);
const queryAt = (atMs: number, ...shown: Shown[]) => {
  server.behave = serve(...shown);
  return connectorFor(server.url, { atMs }).query(operation);
};
const paid = (changes: Json = {}) => ({ kind: 'succeeded', paid: { ...evidence, ...changes } });
const processing = { kind: 'pending', why: 'processing', providerReference: 'INVOICE1' };
const waiting = { kind: 'pending', why: 'user_action', providerReference: 'INVOICE1' };
const unknown = (code: string) => ({ kind: 'unknown', recover: 'query', error: { code } });

describe('query', () => {
  it('finds nothing where nothing was made', async () => {
    expect(await queryAt(nowMs)).toEqual({ kind: 'not_found' });
  });

  it('waits for the payer, with the offer while it lasts', async () => {
    expect(await queryAt(nowMs, unpaid())).toMatchObject({ ...waiting, offer: { endsAtMs } });
    expect(await queryAt(endsAtMs, unpaid())).toEqual(waiting);
    expect(await queryAt(endsAtMs, unpaid({ status: 'Expired' }))).toEqual(waiting);
  });

  it('takes an unconfirmed payment for none yet', async () => {
    const whole = payment(dueCoins, unconfirmed);
    for (const status of ['Processing', 'Expired', 'Invalid', 'Settled']) {
      expect(await queryAt(unmonitoredAtMs, paidWith({ status }, whole))).toEqual(processing);
    }
  });

  it('reports what was confirmed, in the currency at the locked rate', async () => {
    expect(await queryAt(nowMs, paidWith({ status: 'Settled' }, payment(dueCoins)))).toEqual(paid());
  });

  it('adds up part payments, and reports the time of the last', async () => {
    const second = payment('0.00055299', { receivedDate: paidAtMs / 1000 + 60 });
    const shown = paidWith({ status: 'Settled' }, payment('0.00100000'), second);
    expect(await queryAt(nowMs, shown)).toEqual(paid({ paidAtMs: paidAtMs + 60_000 }));
  });

  it('reports more where more was paid', async () => {
    const shown = paidWith(
      { status: 'Settled', additionalStatus: 'PaidOver' },
      payment(dueCoins),
      payment('0.00010000'),
    );
    // 0.00165299 BTC × 64392.23 = 106.43971…
    expect(await queryAt(nowMs, shown)).toEqual(paid({ amountMinor: 10_644 }));
  });

  it('waits for the rest of a part, to the end and for what is in flight; then reports the part', async () => {
    const part = payment('0.00100000');
    const open = { status: 'New', additionalStatus: 'PaidPartial' };
    const expired = { status: 'Expired', additionalStatus: 'PaidPartial' };
    expect(await queryAt(nowMs, paidWith(open, part))).toMatchObject(waiting);
    expect(await queryAt(overAtMs - 1, paidWith(expired, part))).toEqual(waiting);
    // 0.001 BTC × 64392.23 = 64.39223
    expect(await queryAt(overAtMs, paidWith(expired, part))).toEqual(paid({ amountMinor: 6439 }));
    const more = payment('0.0001', unconfirmed);
    expect(await queryAt(overAtMs, paidWith(expired, part, more))).toEqual(processing);
  });

  it('reports what came late, or to an invoice that was marked invalid', async () => {
    const whole = payment(dueCoins);
    const late = { status: 'Expired', additionalStatus: 'PaidLate' };
    expect(await queryAt(endsAtMs, paidWith(late, whole))).toEqual(paid());
    for (const additionalStatus of ['None', 'Marked']) {
      const invalid = { status: 'Invalid', additionalStatus };
      expect(await queryAt(nowMs, paidWith(invalid, whole))).toEqual(paid());
      expect(await queryAt(overAtMs, paidWith(invalid, payment('0.001')))).toEqual(
        paid({ amountMinor: 6439 }),
      );
    }
  });

  it('counts what was paid on both of two invoices', async () => {
    const second = paidWith(
      { id: 'INVOICE2', createdTime: nowMs / 1000 + 1, status: 'Invalid', additionalStatus: 'Marked' },
      payment(dueCoins),
    );
    const first = paidWith({ status: 'Settled' }, payment(dueCoins));
    expect(await queryAt(nowMs, second, first)).toEqual(paid({ amountMinor: 20_000 }));
    expect(await queryAt(nowMs, second, unpaid())).toEqual(paid({ providerReference: 'INVOICE2' }));
  });

  it('does not count what was replaced, nor the method’s own fee', async () => {
    const gone = paidWith({ status: 'New' }, payment(dueCoins, replaced));
    expect(await queryAt(nowMs, gone)).toMatchObject(waiting);
    const over = paidWith({ status: 'Invalid' }, payment(dueCoins, replaced));
    expect(await queryAt(overAtMs, over)).toEqual({ kind: 'closed' });
    const withFee = paidWith({ status: 'Settled' }, payment('0.00165299', { fee: '0.0001' }));
    expect(await queryAt(nowMs, withFee)).toEqual(paid());
  });

  it('is closed only when the terms are over, nothing came, and BTCPay waits no more', async () => {
    const expired = unpaid({ status: 'Expired' });
    expect(await queryAt(overAtMs, expired)).toEqual(waiting);
    expect(await queryAt(unmonitoredAtMs, expired)).toEqual({ kind: 'closed' });
    const invalid = unpaid({ status: 'Invalid', additionalStatus: 'Marked' });
    expect(await queryAt(overAtMs - 1, invalid)).toEqual(waiting);
    expect(await queryAt(overAtMs, invalid)).toEqual({ kind: 'closed' });
    expect(await queryAt(unmonitoredAtMs, unpaid())).toEqual(waiting);
    const both = unpaid({ id: 'INVOICE2', createdTime: nowMs / 1000 + 1, status: 'Expired' });
    expect(await queryAt(overAtMs, invalid, both)).toEqual(waiting);
  });

  it('keeps to the margin that the credential sets', async () => {
    server.behave = serve(unpaid({ status: 'Invalid' }));
    const settings = { atMs: endsAtMs + 5, changes: { conclusiveMarginMs: 5 } };
    expect(await connectorFor(server.url, settings).query(operation)).toEqual({ kind: 'closed' });
  });
});

describe('a query that proves nothing', () => {
  const whole = payment(dueCoins);

  it.each<[string, string, Shown]>([
    [
      'marked settled without a payment',
      'marked_settled',
      unpaid({ status: 'Settled', additionalStatus: 'Marked' }),
    ],
    ['settled without a payment', 'settled_unpaid', unpaid({ status: 'Settled' })],
    ['paid, as it says, by payments it does not show', 'unread_payments', unpaid({ paidAmount: '100.00' })],
    ['in another currency', 'other_terms', paidWith({ status: 'Settled', currency: 'EUR' }, whole)],
    ['a top-up', 'other_terms', paidWith({ status: 'Settled', type: 'TopUp' }, whole)],
    ['of another store', 'other_merchant', paidWith({ status: 'Settled', storeId: 'OTHERSTORE1' }, whole)],
    ['in a state we do not know', 'unreadable_reply', paidWith({ status: 'Refunded' }, whole)],
    ['for an amount in floats', 'unreadable_reply', paidWith({ status: 'Settled', amount: 100.0 }, whole)],
    ['paid in an unreadable amount', 'unreadable_reply', paidWith({}, payment('1e-3'))],
    ['paid in a way we do not know', 'unreadable_reply', paidWith({}, payment('1', { status: 'Lost' }))],
    ['paid with dust', 'paid_dust', paidWith({ status: 'Expired' }, payment('0.00000001'))],
  ])('is of an invoice %s', async (_, code, shown) => {
    expect(await queryAt(unmonitoredAtMs, shown)).toMatchObject(unknown(code));
  });

  it('is of another order', async () => {
    server.behave = (call, response, request) => {
      call.query.set('orderId', 'another');
      serve({ invoice: invoice({ metadata: { orderId: 'another' } }), methods: [method()] })(
        call,
        response,
        request,
      );
    };
    expect(await connectorFor(server.url).query(operation)).toMatchObject(unknown('other_reference'));
  });

  it('is of an invoice that left the list: asked for by its own id', async () => {
    const known = { ...operation, providerReference: 'INVOICE1' };
    server.behave = serve({ invoice: invoice({ metadata: {} }), methods: [method()] });
    const connector = connectorFor(server.url);
    expect(await connector.query(known)).toMatchObject(unknown('other_reference'));
    server.behave = serve();
    expect(await connector.query(known)).toMatchObject(unknown('invoice_gone'));
    expect(server.told().slice(-2)).toEqual(['GET /invoices', 'GET /invoices/INVOICE1']);
  });

  it('is of more invoices than a race can make', async () => {
    const many = Array.from({ length: 6 }, (_, index) => unpaid({ id: `INVOICE${index}` }));
    expect(await queryAt(nowMs, ...many)).toMatchObject(unknown('too_many_invoices'));
  });

  it('is refused: whatever BTCPay says of the key, it says nothing of the money', async () => {
    server.behave = (_, response) => {
      response.writeHead(401).end(JSON.stringify({ code: 'unauthenticated', message: storeId }));
    };
    expect(await connectorFor(server.url).query(operation)).toMatchObject(unknown('unauthenticated'));
  });
});

describe('close', () => {
  const closeAt = (atMs: number, ...shown: Shown[]) => {
    server.behave = serve(...shown);
    return connectorFor(server.url, { atMs }).close(operation);
  };
  const mark = 'POST /invoices/INVOICE1/status';

  it('marks an unpaid invoice invalid, and waits for what may be in flight', async () => {
    expect(await closeAt(nowMs, unpaid())).toEqual(waiting);
    expect(server.told()).toContain(mark);
    expect(await closeAt(overAtMs, unpaid({ status: 'Expired' }))).toEqual({ kind: 'closed' });
  });

  it('marks nothing that money came for', async () => {
    const part = { status: 'New', additionalStatus: 'PaidPartial' };
    expect(await closeAt(nowMs, paidWith(part, payment('0.001')))).toMatchObject(waiting);
    expect(await closeAt(nowMs, paidWith({ status: 'Processing' }, payment(dueCoins, unconfirmed)))).toEqual(
      processing,
    );
    expect(await closeAt(nowMs, paidWith({ status: 'Settled' }, payment(dueCoins)))).toEqual(paid());
    expect(server.told()).not.toContain(mark);
  });

  it('tells what was paid in the same moment', async () => {
    const shown = unpaid();
    const served = serve(shown);
    server.behave = (call, response, request) => {
      if (call.method === 'POST') shown.methods[0]!['payments'] = [payment(dueCoins)];
      served(call, response, request);
    };
    expect(await connectorFor(server.url).close(operation)).toEqual(paid());
  });

  it('is not closed where the mark is refused, lost or not obeyed', async () => {
    for (const status of [403, 422, 500]) {
      const served = serve(unpaid({ status: 'Expired' }));
      server.behave = (call, response, request) =>
        call.method === 'POST' ? response.writeHead(status).end('{}') : served(call, response, request);
      expect(await connectorFor(server.url, { atMs: overAtMs }).close(operation)).toEqual(waiting);
    }
  });

  it('finds nothing to close where nothing was made', async () => {
    expect(await closeAt(nowMs)).toEqual({ kind: 'not_found' });
  });
});
