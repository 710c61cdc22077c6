import { createHash, createVerify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  answerWith,
  appId,
  appKeys,
  close,
  connectorFor,
  offered,
  openTestGateway,
  operation,
  paid,
  paidEvidence,
  precreate,
  query,
  reference,
  refusal,
  sellerId,
  startRequest,
  success,
  waiting,
  type TestGateway,
} from './alipay-test-gateway.js';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openTestGateway();
});
afterEach(() => gateway.close());

const methodsCalled = () => gateway.calls.map(({ method }) => method);

describe('start', () => {
  it('offers the QR code to its absolute end', async () => {
    gateway.behave = answerWith({ [precreate]: offered });
    expect(await connectorFor(gateway.url).start(startRequest)).toEqual({
      kind: 'pending',
      why: 'user_action',
      offer: { type: 'qr_code', data: 'https://qr.alipay.com/abc', endsAtMs: startRequest.offerEndsAtMs },
    });
  });

  it('sends signed parameters, times in GMT+8 and the absolute end, whatever zone the process is in', async () => {
    gateway.behave = answerWith({ [precreate]: offered });
    const zone = process.env['TZ'];
    process.env['TZ'] = 'America/New_York';
    try {
      await connectorFor(gateway.url).start(startRequest);
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
    const [call] = gateway.calls;
    expect(call?.content).toEqual({
      out_trade_no: reference,
      total_amount: '1000.01',
      subject: 'A course',
      seller_id: sellerId,
      time_expire: '2026-11-23 11:09:05',
    });
    expect(Object.fromEntries(call?.query ?? [])).toMatchObject({
      app_id: appId,
      method: precreate,
      sign_type: 'RSA2',
      timestamp: '2026-11-23 11:04:05',
      notify_url: startRequest.notifyUrl,
    });
    const signed = [
      ...(call?.query ?? []),
      ['biz_content', JSON.stringify(call?.content)] as [string, string],
    ]
      .filter(([name]) => name !== 'sign')
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, value]) => `${name}=${value}`)
      .join('&');
    const verifier = createVerify('RSA-SHA256').update(signed, 'utf8');
    expect(verifier.verify(appKeys.publicKey, call?.query.get('sign') ?? '', 'base64')).toBe(true);
  });

  it('repeats the same terms, and keeps what could end a signed field out of the subject', async () => {
    gateway.behave = answerWith({ [precreate]: offered });
    const request = { ...startRequest, subject: ' A/B &total_amount=9\u0000\ud800 课程😀' };
    await connectorFor(gateway.url).start(request);
    await connectorFor(gateway.url).start(request);
    const digests = gateway.calls.map(({ content }) =>
      createHash('sha256').update(JSON.stringify(content)).digest('hex'),
    );
    expect(digests).toHaveLength(2);
    expect(new Set(digests).size).toBe(1);
    expect(gateway.calls[0]?.content['subject']).toBe('A／B ＆total_amount＝9 课程😀');
  });

  it.each([
    ['another reference', { ...offered, out_trade_no: 'other' }],
    ['no reference', { ...offered, out_trade_no: undefined }],
    ['no code', { ...success }],
    ['an empty code', { ...offered, qr_code: '' }],
    ['a code that is no string', { ...offered, qr_code: 7 }],
    ['a success with a sub_code', { ...offered, sub_code: 'ACQ.WHATEVER' }],
  ])('is unknown, to be replayed, for a reply with %s', async (_, node) => {
    gateway.behave = answerWith({ [precreate]: node });
    expect(await connectorFor(gateway.url).start(startRequest)).toMatchObject({
      kind: 'unknown',
      recover: 'replay',
    });
  });

  it.each([
    ['paid', paid, { kind: 'succeeded', paid: paidEvidence }],
    ['waiting', waiting, { kind: 'pending', why: 'user_action' }],
    ['closed', { ...waiting, trade_status: 'TRADE_CLOSED' }, { kind: 'unknown', recover: 'query' }],
    ['absent', refusal('ACQ.TRADE_NOT_EXIST'), { kind: 'unknown', recover: 'query' }],
    ['not to be asked now', refusal('isv.app-call-limited', '40005'), { kind: 'unknown', recover: 'query' }],
  ])('asks when the trade is said to exist, and finds it %s', async (_, trade, outcome) => {
    gateway.behave = answerWith({ [precreate]: refusal('ACQ.TRADE_HAS_SUCCESS'), [query]: trade });
    expect(await connectorFor(gateway.url).start(startRequest)).toMatchObject(outcome);
    expect(methodsCalled()).toEqual([precreate, query]);
  });

  it.each([
    ['ACQ.INVALID_PARAMETER', '40004', 'invalid'],
    ['ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR', '40004', 'expired'],
    ['ACQ.BUYER_ENABLE_STATUS_FORBID', '40004', 'declined'],
    ['isv.invalid-signature', '40002', 'config'],
  ])('fails by the whitelist: %s', async (subCode, code, reason) => {
    gateway.behave = answerWith({ [precreate]: refusal(subCode, code) });
    expect(await connectorFor(gateway.url).start(startRequest)).toEqual({
      kind: 'failed',
      reason,
      error: { code: subCode, message: '失败' },
    });
  });

  it.each([{ amountMinor: 0 }, { amountMinor: 10_000_000_001 }, { amountMinor: 1.5 }, { currency: 'USD' }])(
    'sends nothing for %j',
    async (change) => {
      const outcome = await connectorFor(gateway.url).start({ ...startRequest, ...change });
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'invalid' });
      expect(gateway.calls).toEqual([]);
    },
  );
});

describe('query', () => {
  const closed = { ...waiting, trade_status: 'TRADE_CLOSED' };
  it.each([
    ['paid', paid, { kind: 'succeeded', paid: paidEvidence }],
    ['finished', { ...paid, trade_status: 'TRADE_FINISHED' }, { kind: 'succeeded', paid: paidEvidence }],
    [
      'paid in another currency',
      { ...paid, trans_currency: 'USD' },
      { kind: 'succeeded', paid: { ...paidEvidence, currency: 'USD' } },
    ],
    [
      'of another seller',
      { ...paid, seller_id: '2088000000000002' },
      { kind: 'unknown', recover: 'query', error: { code: 'other_merchant' } },
    ],
    ['waiting', waiting, { kind: 'pending', why: 'user_action' }],
    ['closed unpaid', { ...closed, buyer_pay_amount: '0.00', receipt_amount: '0.00' }, { kind: 'closed' }],
    [
      'closed by a full refund',
      { ...paid, trade_status: 'TRADE_CLOSED' },
      { kind: 'succeeded', paid: { ...paidEvidence, refundedMinor: 100_001 } },
    ],
    ['not found', refusal('ACQ.TRADE_NOT_EXIST'), { kind: 'not_found' }],
    ['limited', refusal('isv.app-call-limited', '40005'), { kind: 'not_executed' }],
  ])('finds a trade %s', async (_, node, outcome) => {
    gateway.behave = answerWith({ [query]: node });
    expect(await connectorFor(gateway.url).query(operation)).toMatchObject(outcome);
  });

  it.each([
    ['another reference', { ...paid, out_trade_no: 'other' }],
    ['another reference in a refusal', { ...refusal('ACQ.TRADE_NOT_EXIST'), out_trade_no: 'other' }],
    ['no reference', { ...paid, out_trade_no: undefined }],
    ['an amount in exponents', { ...paid, total_amount: '1e3' }],
    ['an amount finer than a fen', { ...paid, total_amount: '1000.001' }],
    ['an amount of nothing', { ...paid, total_amount: '0.00' }],
    ['an amount that is a number', { ...paid, total_amount: 1000.01 }],
    ['no amount', { ...paid, total_amount: undefined }],
    ['no trade number', { ...paid, trade_no: '' }],
    ['an unheard-of currency', { ...paid, trans_currency: 'ZZZ' }],
    ['an unheard-of status', { ...paid, trade_status: 'TRADE_PENDING' }],
    ['a closed trade with unreadable amounts', { ...closed, buyer_pay_amount: 'much' }],
    ['a refusal of the query itself', refusal('ACQ.INVALID_PARAMETER')],
    ['a refusal of the app', refusal('isv.invalid-signature', '40002')],
    ['a system error', refusal('ACQ.SYSTEM_ERROR')],
  ])('is unknown for %s', async (_, node) => {
    gateway.behave = answerWith({ [query]: node });
    expect(await connectorFor(gateway.url).query(operation)).toMatchObject({
      kind: 'unknown',
      recover: 'query',
    });
  });
});

describe('close', () => {
  it.each([
    ['closed', success, { kind: 'closed' }],
    ['another reference', { ...success, out_trade_no: 'other' }, { kind: 'unknown', recover: 'query' }],
    ['no reference', { ...success, out_trade_no: undefined }, { kind: 'unknown', recover: 'query' }],
    ['no trade yet', refusal('ACQ.TRADE_NOT_EXIST'), { kind: 'not_found' }],
    ['invalid', refusal('ACQ.INVALID_PARAMETER'), { kind: 'unknown', recover: 'query' }],
    ['limited', refusal('isv.app-call-limited', '40005'), { kind: 'not_executed' }],
  ])('says what Alipay says: %s', async (_, node, outcome) => {
    gateway.behave = answerWith({ [close]: node });
    expect(await connectorFor(gateway.url).close(operation)).toMatchObject(outcome);
    expect(methodsCalled()).toEqual([close]);
  });

  it.each([
    ['paid', paid, { kind: 'succeeded', paid: paidEvidence }],
    ['closed', { ...waiting, trade_status: 'TRADE_CLOSED' }, { kind: 'closed' }],
    ['waiting', waiting, { kind: 'pending', why: 'user_action' }],
    ['absent', refusal('ACQ.TRADE_NOT_EXIST'), { kind: 'unknown', recover: 'query' }],
    ['not to be asked now', refusal('isv.app-call-limited', '40005'), { kind: 'unknown', recover: 'query' }],
  ])('asks when the state forbids closing, and finds the trade %s', async (_, trade, outcome) => {
    gateway.behave = answerWith({ [close]: refusal('ACQ.REASON_TRADE_STATUS_INVALID'), [query]: trade });
    expect(await connectorFor(gateway.url).close(operation)).toMatchObject(outcome);
    expect(methodsCalled()).toEqual([close, query]);
  });
});
