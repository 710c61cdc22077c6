import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OperationReference } from '../../providers/connector.js';
import {
  connectorFor,
  found,
  isSignedByMerchant,
  merId,
  openTestServer,
  operation,
  reference,
  refused,
  txnTime,
  type Fields,
  type TestServer,
} from './union-pay-test-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

const endMs = operation.offerEndsAtMs;
/** UnionPay's last word: `payTimeout` and five minutes. */
const finalMs = endMs + 5 * 60_000;

function ask(answer: Fields, nowMs = endMs - 1, request: OperationReference = operation) {
  server.answers = [answer];
  return connectorFor(server.url, { now: () => nowMs }).query(request);
}

describe('a look-up', () => {
  it('asks by number and time, signed', async () => {
    await ask(refused('34'));
    const { path, fields = {} } = server.calls[0] ?? {};
    expect(path).toBe('/gateway/api/queryTrans.do');
    expect(fields).toMatchObject({ txnType: '00', txnSubType: '00', orderId: reference, txnTime, merId });
    expect(isSignedByMerchant(fields)).toBe(true);
  });

  it.each(['00', 'A6'])('that says %s of the order has found the money', async (code) => {
    const paid = {
      reference,
      merchant: merId,
      amountMinor: 100_001,
      currency: 'CNY',
      refundedMinor: 0,
      providerReference: '442401051450467846498',
      paidAtMs: null,
      card: { funding: 'prepaid', brand: 'unionpay', last4: '0048', country: null },
    };
    const said = found(code, { payCardType: '05', accNo: '6226********0048' });
    expect(await ask(said)).toEqual({ kind: 'succeeded', paid });
  });

  it('tells no card number that is encrypted, and no kind of card that it does not know', async () => {
    const outcome = await ask(found('00', { accNo: 'cDg4jpD9tKxlI4si91lom1234', payCardType: '99' }));
    expect(outcome).toMatchObject({ paid: { card: { funding: 'unknown', last4: null } } });
  });

  it('of an authorization says until when it can be captured', async () => {
    const outcome = await ask(found('00', { txnType: '02' }), endMs, { ...operation, kind: 'authorize' });
    expect(outcome).toMatchObject({
      kind: 'succeeded',
      paid: { captureBeforeMs: operation.plannedAtMs + 29 * 24 * 3_600_000 },
    });
  });

  it('reports the amount that was paid, whatever was asked for', async () => {
    expect(await ask(found('00', { txnAmt: '1' }))).toMatchObject({ paid: { amountMinor: 1 } });
  });

  it('that nobody knows is not found, early and late', async () => {
    expect(await ask(refused('34'))).toEqual({ kind: 'not_found' });
    expect(await ask(refused('34'), finalMs)).toEqual({ kind: 'not_found' });
  });
});

describe('while the page is open', () => {
  it.each(['05', '70', '30', '61', '64', '84', '01'])('%s leaves the payer another try', async (code) => {
    expect(await ask(found(code))).toEqual({ kind: 'pending', why: 'user_action' });
    expect(await ask(found(code), finalMs - 1)).toEqual({ kind: 'pending', why: 'user_action' });
  });

  it.each(['03', '04', '83'])('%s is under way', async (code) => {
    expect(await ask(found(code))).toEqual({ kind: 'pending', why: 'processing' });
    expect(await ask(found(code), finalMs)).toEqual({ kind: 'pending', why: 'processing' });
  });
});

describe('once the last word is said', () => {
  it.each(['05', '70'])('%s has not been paid, and cannot be any more', async (code) => {
    expect(await ask(found(code), finalMs)).toEqual({ kind: 'closed' });
  });

  it.each([
    ['30', 'declined'],
    ['33', 'declined'],
    ['60', 'declined'],
    ['64', 'insufficient_funds'],
    ['11', 'config'],
    ['13', 'invalid'],
  ])('%s is refused: %s', async (code, reason) => {
    expect(await ask(found(code), finalMs)).toEqual({
      kind: 'failed',
      reason,
      error: { code, message: `said ${code}` },
    });
  });
});

describe('never a refusal, at any time', () => {
  // 42, 74 and 75 say that the card was charged; the others are not what a front transaction says, or are not listed.
  const unlisted = [
    '02',
    '06',
    '12',
    '34',
    '35',
    '37',
    '42',
    '45',
    '46',
    '74',
    '75',
    '76',
    '82',
    '99',
    'ZZ',
    '',
  ];
  it.each(unlisted)('%s of the order is unknown', async (code) => {
    expect(await ask(found(code))).toMatchObject({ kind: 'unknown', recover: 'query' });
    expect(await ask(found(code), finalMs)).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it.each(['01', '02', '03', '04', '05', '06', '10', '11', '12', '31', '37', '60', '99', 'ZZ'])(
    'a look-up that is itself answered %s says nothing of the order',
    async (code) => {
      expect(await ask(refused(code), finalMs)).toMatchObject({ kind: 'unknown', error: { code } });
    },
  );
});

describe('a signed answer that is about something else', () => {
  it.each<[string, Fields]>([
    ['another order', { orderId: `${reference}x` }],
    ['another merchant', { merId: '700000000000001' }],
    ['another time', { txnTime: '20261123110406' }],
    ['another kind', { txnType: '04' }],
  ])('%s is unknown', async (_what, change) => {
    expect(await ask(found('00', change), finalMs)).toMatchObject({
      kind: 'unknown',
      error: { code: 'other_order' },
    });
    if (change['txnType']) return;
    expect(await ask(refused('34', change), finalMs)).toMatchObject({ kind: 'unknown' });
  });

  it.each<[string, Fields]>([
    ['no amount', { txnAmt: '' }],
    ['an amount that is no number of fen', { txnAmt: '1.00' }],
    ['a negative amount', { txnAmt: '-1' }],
    ['another currency', { currencyCode: '840' }],
    ['no number of UnionPay’s', { queryId: '' }],
  ])('with %s is unknown, not paid', async (_what, change) => {
    expect(await ask(found('00', change))).toMatchObject({
      kind: 'unknown',
      error: { code: 'unreadable_reply' },
    });
  });
});

describe('a close', () => {
  const close = (answer: Fields, nowMs: number) => {
    server.answers = [answer];
    return connectorFor(server.url, { now: () => nowMs }).close(operation);
  };

  it('cannot be had before the end: what is asked for is whether it was paid', async () => {
    expect(await close(refused('34'), endMs - 1)).toEqual({ kind: 'not_found' });
    expect(await close(found('05'), endMs - 1)).toEqual({ kind: 'pending', why: 'user_action' });
    expect(await close(found('00'), endMs - 1)).toMatchObject({ kind: 'succeeded' });
    expect(server.calls.map(({ path }) => path)).toEqual(Array(3).fill('/gateway/api/queryTrans.do'));
  });

  it('is confirmed by nothing but the last word', async () => {
    expect(await close(found('05'), endMs)).toEqual({ kind: 'pending', why: 'user_action' });
    expect(await close(found('61'), endMs)).toEqual({ kind: 'pending', why: 'user_action' });
    expect(await close(refused('34'), endMs)).toEqual({ kind: 'not_found' });
    expect(await close(found('05'), finalMs)).toEqual({ kind: 'closed' });
    expect(await close(found('61'), finalMs)).toEqual({ kind: 'closed' });
    expect(await close(found('04'), finalMs)).toEqual({ kind: 'pending', why: 'processing' });
    expect(await close(found('42'), finalMs)).toMatchObject({ kind: 'unknown' });
  });

  it('finds the money that came', async () => {
    expect(await close(found('00'), endMs)).toMatchObject({ kind: 'succeeded' });
  });
});
