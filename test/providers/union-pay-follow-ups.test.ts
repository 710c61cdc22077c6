import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FollowUpRequest } from '../../providers/connector.js';
import {
  connectorFor,
  found,
  isSignedByMerchant,
  openTestServer,
  refundRequest,
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

const own = { orderId: refundRequest.reference, txnType: '04' };
const done: Fields = found('00', { ...own, txnAmt: '40000', queryId: '052401051658427863998' });
const underWay = found('05', own);
const notThere = refused('34', { orderId: refundRequest.reference });
const said = (code: string) => refused(code, { ...own });

async function refund(answers: TestServer['answers'], request: FollowUpRequest = refundRequest) {
  server.answers = answers;
  return connectorFor(server.url).refund?.start(request);
}
const hangUp: TestServer['answers'][number] = (response) => void response.destroy();
const moved = {
  kind: 'succeeded',
  moved: {
    reference: refundRequest.reference,
    amountMinor: 40_000,
    currency: 'CNY',
    providerReference: '052401051658427863998',
    movedAtMs: null,
  },
};

describe('a refund', () => {
  it('is an order of its own, which names the sale by UnionPay’s number', async () => {
    expect(await refund([said('00'), done])).toEqual(moved);
    const [call] = server.calls;
    expect(call?.path).toBe('/gateway/api/backTransReq.do');
    expect(call?.fields).toMatchObject({
      txnType: '04',
      txnSubType: '00',
      bizType: '000201',
      orderId: refundRequest.reference,
      origQryId: '442401051450467846498',
      txnTime,
      txnAmt: '40000',
      backUrl: refundRequest.notifyUrl,
    });
    expect(isSignedByMerchant(call?.fields ?? {})).toBe(true);
  });

  it.each([
    ['a capture', 'capture', '03'],
    ['a void', 'void', '32'],
  ] as const)('and so is %s', async (_what, kind, txnType) => {
    server.answers = [said('00'), { ...done, txnType }];
    expect(await connectorFor(server.url)[kind]?.start({ ...refundRequest, kind })).toEqual(moved);
    expect(server.calls[0]?.fields).toMatchObject({ txnType, origQryId: '442401051450467846498' });
  });

  it('that is accepted waits for the look-up to say that money moved', async () => {
    const accepted = { kind: 'pending', why: 'accepted' };
    expect(await refund([said('00'), notThere])).toEqual(accepted);
    expect(await refund([said('A6'), hangUp])).toEqual(accepted);
    expect(await refund([said('00'), underWay])).toEqual({ kind: 'pending', why: 'processing' });
    expect(await refund([said('00'), found('60', own)])).toMatchObject({ kind: 'failed' });
  });

  it('asks for the number of the sale where nobody told it, and sends nothing where there is none', async () => {
    const request = { ...refundRequest, of: { ...refundRequest.of, providerReference: null } };
    expect(await refund([found('00'), said('00'), done], request)).toEqual(moved);
    expect(server.calls.map(({ path }) => path.split('/').at(-1))).toEqual([
      'queryTrans.do',
      'backTransReq.do',
      'queryTrans.do',
    ]);
    server.calls.length = 0;
    expect(await refund([found('05')], request)).toMatchObject({
      kind: 'unknown',
      error: { code: 'not_done' },
    });
    expect(await refund([refused('34')], request)).toMatchObject({ kind: 'unknown' });
    expect(await refund([hangUp], request)).toMatchObject({ kind: 'not_executed' });
    expect(server.calls.map(({ path }) => path)).toEqual(Array(3).fill('/gateway/api/queryTrans.do'));
  });

  it.each(['31', '36', '60'])(
    'refused by %s has failed where the look-up finds nothing done',
    async (code) => {
      expect(await refund([said(code), notThere])).toMatchObject({ kind: 'failed', error: { code } });
      // An earlier call under the same number may have gone through.
      expect(await refund([said(code), done])).toEqual(moved);
      expect(await refund([said(code), hangUp])).toMatchObject({ kind: 'unknown' });
      // Not found yet is no proof that it has not.
      const repetition = { ...refundRequest, mayHaveBeenSent: true };
      expect(await refund([said(code), notThere], repetition)).toMatchObject({ kind: 'unknown' });
      expect(await refund([said(code), found('60', own)], repetition)).toMatchObject({ kind: 'failed' });
    },
  );

  it('that was sent before is looked up', async () => {
    expect(await refund([said('12'), done])).toEqual(moved);
    expect(await refund([said('12'), underWay])).toEqual({ kind: 'pending', why: 'processing' });
    expect(await refund([said('12'), notThere])).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it.each(['03', '04', '05'])(
    'answered %s is looked up, and unknown where that does not tell',
    async (code) => {
      expect(await refund([said(code), done])).toEqual(moved);
      expect(await refund([said(code), notThere])).toMatchObject({ kind: 'unknown', recover: 'query' });
    },
  );

  it.each(['02', '06', '34', '35', '42', '45', '99', ''])('answered %s is unknown', async (code) => {
    expect(await refund([said(code), notThere])).toMatchObject({ kind: 'unknown', recover: 'query' });
  });

  it('without an answer is unknown, and is not sent again', async () => {
    expect(await refund([hangUp])).toMatchObject({ kind: 'unknown', recover: 'query' });
    expect(server.calls).toHaveLength(1);
  });

  it('of which the answer is about another order is unknown', async () => {
    expect(await refund([refused('00')])).toMatchObject({ kind: 'unknown', error: { code: 'other_order' } });
  });
});

describe('its look-up', () => {
  const query = (answer: Fields) => {
    server.answers = [answer];
    return connectorFor(server.url).refund?.query(refundRequest);
  };

  it('finds it done, under way, refused, or not at all', async () => {
    expect(await query(done)).toEqual(moved);
    expect(await query(underWay)).toEqual({ kind: 'pending', why: 'processing' });
    expect(await query(found('36', own))).toMatchObject({ kind: 'failed', reason: 'invalid' });
    expect(await query(notThere)).toEqual({ kind: 'not_found' });
    expect(await query(found('45', own))).toMatchObject({ kind: 'unknown' });
  });

  it.each<[string, Fields]>([
    ['another amount', { txnAmt: '40001' }],
    ['another currency', { currencyCode: '840' }],
    ['another kind', { txnType: '01' }],
    ['another number', { orderId: 'x' }],
  ])('that tells of %s is unknown', async (_what, change) => {
    expect(await query({ ...done, ...change })).toMatchObject({ kind: 'unknown' });
  });
});
