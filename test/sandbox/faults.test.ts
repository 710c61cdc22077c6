import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  beijing,
  call,
  compileSandbox,
  control,
  journalOf,
  listenForNotifications,
  newStateFolder,
  offerOf,
  removeFolder,
  sdkFor,
  startSandbox,
  until,
  type Answer,
  type NotificationListener,
  type RunningSandbox,
} from './sandbox-process.js';

let build: string;
let sandbox: RunningSandbox;
let listener: NotificationListener;

beforeAll(async () => {
  build = compileSandbox();
  sandbox = await startSandbox(build, newStateFolder(), { SANDBOX_SPEED: '2400' });
  listener = await listenForNotifications();
}, 30_000);

afterEach(async () => {
  await control(sandbox, 'DELETE', '/faults');
  listener.answer = () => ({ status: 200, body: 'success' });
});

afterAll(async () => {
  await listener.close();
  await sandbox.stop();
  removeFolder(sandbox.folder);
  removeFolder(build);
});

async function inject(fault: Record<string, unknown>): Promise<void> {
  const { status, body } = await control(sandbox, 'POST', '/faults', { provider: 'alipay', ...fault });
  expect(status, JSON.stringify(body)).toBe(201);
}

/** The same offer with a client that soon loses patience. */
function impatientOffer(number: string): Promise<Record<string, Answer>> {
  const sdk = sdkFor(sandbox.accounts['alipay-sandbox']!, 400);
  return call({ sdk }, 'precreate', offerOf(number));
}

test.each(['timeout_before', 'error_500_before', 'error_502_html', 'reset_before', 'refused'])(
  '%s: the caller gets no answer and no offer is made; the next call works',
  async (fault) => {
    const number = `BEFORE_${fault}`;
    await inject({ operation: 'precreate', fault, reference: number, times: -1 });
    await expect(impatientOffer(number)).rejects.toThrow();
    expect(await journalOf(sandbox, number, 'offer')).toHaveLength(0);
    await control(sandbox, 'DELETE', '/faults');
    expect(await call(sandbox, 'precreate', offerOf(number))).toMatchObject({ code: '10000' });
  },
);

test.each(['timeout_after', 'error_500_after', 'reset_after', 'truncated'])(
  '%s: the caller gets no usable answer, yet the offer is made',
  async (fault) => {
    const number = `AFTER_${fault}`;
    // The official client repeats a reset call once by itself, hence more than one time.
    await inject({ operation: 'precreate', fault, reference: number, times: -1 });
    await expect(impatientOffer(number)).rejects.toThrow();
    expect(await journalOf(sandbox, number, 'offer')).toHaveLength(1);
  },
);

test.each(['slow_drip', 'oversized'])('%s: the body does not end, yet the offer is made', async (fault) => {
  const number = `BODY_${fault}`;
  await inject({ operation: 'precreate', fault, reference: number, delay_ms: 50 });
  // By hand: the official client's time-out is between two packets, so it would read for ever.
  const more = { timestamp: beijing(), bizContent: offerOf(number) };
  const query = sandbox.sdk.sdkExecute('alipay.trade.precreate', more);
  const response = await fetch(`${sandbox.alipayGateway}?${query}`, { signal: AbortSignal.timeout(500) });
  let sizeBytes = 0;
  const readAll = async (): Promise<void> => {
    for await (const chunk of response.body!) sizeBytes += chunk.length;
  };
  await expect(readAll()).rejects.toThrow(/timeout/);
  if (fault === 'oversized') expect(sizeBytes).toBeGreaterThan(1024 * 1024);
  else expect(sizeBytes).toBeLessThan(30);
  expect(await journalOf(sandbox, number, 'offer')).toHaveLength(1);
});

test.each(['bad_signature', 'no_signature'])('%s: the official client refuses the answer', async (fault) => {
  await inject({ operation: 'precreate', fault });
  await expect(call(sandbox, 'precreate', offerOf(`PROOF_${fault}`))).rejects.toThrow();
});

test('a system error comes signed, before or after the effect; a call limit comes before', async () => {
  await inject({ operation: 'precreate', fault: 'system_error_before' });
  expect(await call(sandbox, 'precreate', offerOf('SYS1'))).toMatchObject({ code: '20000' });
  expect(await journalOf(sandbox, 'SYS1')).toHaveLength(0);
  await inject({ operation: 'precreate', fault: 'system_error_after', code: '40004' });
  expect(await call(sandbox, 'precreate', offerOf('SYS2'))).toMatchObject({ subCode: 'ACQ.SYSTEM_ERROR' });
  expect(await journalOf(sandbox, 'SYS2', 'offer')).toHaveLength(1);
  await inject({ operation: '*', fault: 'rate_limited' });
  expect(await call(sandbox, 'precreate', offerOf('LIMIT1'))).toMatchObject({ code: '40005' });
  expect(await journalOf(sandbox, 'LIMIT1')).toHaveLength(0);
  await inject({ operation: 'precreate', fault: 'code', code: '40004', sub_code: 'ACQ.PARTNER_ERROR' });
  expect(await call(sandbox, 'precreate', offerOf('CODE1'))).toMatchObject({ subCode: 'ACQ.PARTNER_ERROR' });
});

test('lies are told with a valid signature, for one trade only, as often as asked', async () => {
  await call(sandbox, 'precreate', offerOf('LIE1'));
  await control(sandbox, 'POST', '/alipay/trades/LIE1/pay');
  const query = (): Promise<Record<string, Answer>> => call(sandbox, 'query', { out_trade_no: 'LIE1' });
  await inject({ operation: 'query', fault: 'wrong_amount', reference: 'OTHER', times: -1 });
  expect(await query()).toMatchObject({ totalAmount: '1000.00' });
  await inject({ operation: 'query', fault: 'wrong_amount', reference: 'LIE1', times: 2 });
  expect((await query())['totalAmount']).toBe('10000.01');
  expect((await query())['totalAmount']).toBe('10000.01');
  expect((await query())['totalAmount']).toBe('1000.00');
  await inject({ operation: 'query', fault: 'wrong_currency', reference: 'LIE1' });
  expect((await query())['transCurrency']).toBe('USD');
  await inject({ operation: 'query', fault: 'wrong_reference', reference: 'LIE1' });
  expect((await query())['outTradeNo']).toBe('LIE1X');
  await inject({ operation: 'query', fault: 'wrong_merchant', reference: 'LIE1' });
  expect((await query())['sellerId']).toBe(sandbox.accounts['alipay-sandbox-2']?.sellerId);
  await inject({ operation: 'query', fault: 'query_not_yet', reference: 'LIE1' });
  expect((await query())['subCode']).toBe('ACQ.TRADE_NOT_EXIST');
  await inject({ operation: 'query', fault: 'slow', reference: 'LIE1', delay_ms: 300 });
  const startedAtMs = performance.now();
  expect((await query())['tradeStatus']).toBe('TRADE_SUCCESS');
  expect(performance.now() - startedAtMs).toBeGreaterThan(290);
});

test('during an outage connections are refused, and the gateway comes back on its port', async () => {
  await control(sandbox, 'POST', '/alipay/outage', { down: true });
  const failure = await fetch(sandbox.alipayGateway).catch(
    (error: { cause: { code: string } }) => error.cause.code,
  );
  expect(failure).toBe('ECONNREFUSED');
  await control(sandbox, 'POST', '/alipay/outage', { down: false });
  expect(await call(sandbox, 'query', { out_trade_no: 'NONE' })).toMatchObject({ code: '40004' });
});

test('"refused" for every call resets the connection before a byte is read', async () => {
  await inject({ operation: '*', fault: 'refused' });
  await expect(fetch(sandbox.alipayGateway)).rejects.toThrow();
  expect((await fetch(sandbox.alipayGateway)).status).toBe(200);
});

interface Delivery {
  outcome: string;
  answer: string;
  attempt: number;
}

async function payNotified(number: string): Promise<void> {
  await call(sandbox, 'precreate', offerOf(number), { notify_url: listener.url });
  expect((await control(sandbox, 'POST', `/alipay/trades/${number}/pay`)).status).toBe(200);
}

function arrivalsOf(number: string): Record<string, string>[] {
  return listener.arrivals.filter((fields) => fields['out_trade_no'] === number);
}

async function deliveriesOf(number: string, count: number): Promise<unknown[]> {
  return until(`${count} deliveries for ${number} are in the journal`, async () => {
    const entries = await journalOf(sandbox, number, 'notification');
    return entries.length >= count ? (entries as unknown[]) : undefined;
  });
}

test('a notification is repeated with the same notify_id until the answer is exactly "success"', async () => {
  listener.answer = (arrival) => ({
    status: 200,
    body: ['fail', ' success', 'SUCCESS'][arrival % 4] ?? 'success',
  });
  await payNotified('RETRY1');
  const isAcknowledged = ({ outcome }: Delivery): boolean => outcome === 'acknowledged';
  const last = await until('one delivery is acknowledged', async () => {
    const entries: Delivery[] = await journalOf(sandbox, 'RETRY1', 'notification');
    return entries.find(isAcknowledged);
  });
  expect(last.answer).toBe('success');
  const arrivals = arrivalsOf('RETRY1');
  expect(arrivals).toHaveLength(last.attempt);
  expect(new Set(arrivals.map((fields) => fields['notify_id'])).size).toBe(1);
});

test('a notification can be lost, delayed, doubled or false', async () => {
  await inject({ operation: 'notification', fault: 'lost', reference: 'LOST1' });
  await payNotified('LOST1');
  expect(await deliveriesOf('LOST1', 1)).toMatchObject([{ outcome: 'lost', next_attempt_at: null }]);
  expect(arrivalsOf('LOST1')).toHaveLength(0);

  await inject({ operation: 'notification', fault: 'delayed', delay_ms: 300, reference: 'DELAY1' });
  const startedAtMs = performance.now();
  await payNotified('DELAY1');
  await deliveriesOf('DELAY1', 1);
  expect(performance.now() - startedAtMs).toBeGreaterThan(290);

  await inject({ operation: 'notification', fault: 'duplicated', copies: 5, reference: 'COPIES1' });
  await payNotified('COPIES1');
  await deliveriesOf('COPIES1', 5);
  expect(arrivalsOf('COPIES1')).toHaveLength(5);

  await inject({ operation: 'notification', fault: 'wrong_amount', reference: 'FALSE1' });
  await payNotified('FALSE1');
  await deliveriesOf('FALSE1', 1);
  const [told] = arrivalsOf('FALSE1');
  expect(told).toMatchObject({ total_amount: '10000.01' });
  expect(sandbox.sdk.checkNotifySignV2(told)).toBe(true);

  await inject({ operation: 'notification', fault: 'bad_signature', reference: 'FALSE2' });
  await payNotified('FALSE2');
  await deliveriesOf('FALSE2', 1);
  expect(sandbox.sdk.checkNotifySignV2(arrivalsOf('FALSE2')[0])).toBe(false);
});

test('by hand every kind of notification can be sent, and the answers come back', async () => {
  await call(sandbox, 'precreate', offerOf('HAND1'), { notify_url: listener.url });
  const notify = async (body: Record<string, unknown>): Promise<Answer> =>
    control(sandbox, 'POST', '/alipay/trades/HAND1/notify', body).then((reply) => reply.body as unknown);
  const isGenuine = (fields: Record<string, string>): boolean => sandbox.sdk.checkNotifySignV2(fields);

  const genuine = await notify({ times: 3, parallel: true, overrides: { total_amount: '7.00' } });
  expect(genuine.answers).toEqual(Array(3).fill({ status: 200, body: 'success' }));
  expect(genuine.fields).toMatchObject({ total_amount: '7.00', trade_status: 'WAIT_BUYER_PAY' });
  expect(isGenuine(genuine.fields)).toBe(true);
  for (const mode of ['forged', 'tampered', 'unsigned']) {
    const { fields } = await notify({ mode });
    expect(fields.trade_status).toBe('TRADE_SUCCESS');
    expect(fields.sign !== undefined && isGenuine(fields), mode).toBe(false);
  }
  const second = sandbox.accounts['alipay-sandbox-2']!;
  const otherApp = await notify({ mode: 'other_app' });
  expect([otherApp.fields.app_id, isGenuine(otherApp.fields)]).toEqual([second.appId, true]);
  const otherSeller = await notify({ mode: 'other_seller' });
  expect([otherSeller.fields.seller_id, isGenuine(otherSeller.fields)]).toEqual([second.sellerId, true]);
  const unknown = await notify({ mode: 'unknown_reference' });
  expect(unknown.fields.out_trade_no).not.toBe('HAND1');
  expect(isGenuine(unknown.fields)).toBe(true);
  expect(await journalOf(sandbox, 'HAND1', 'charge')).toHaveLength(0);
});

test('a fault that cannot happen is refused in words', async () => {
  const wrong = await control(sandbox, 'POST', '/faults', {
    operation: 'notification',
    fault: 'timeout_before',
  });
  expect(wrong).toMatchObject({ status: 400, body: { error: expect.stringContaining('does not exist') } });
  expect((await control(sandbox, 'GET', '/faults')).body.faults).toEqual([]);
});
