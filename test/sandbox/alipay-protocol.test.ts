import { statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
  sandbox = await startSandbox(build, newStateFolder());
  listener = await listenForNotifications();
}, 30_000);

afterAll(async () => {
  await listener.close();
  await sandbox.stop();
  removeFolder(sandbox.folder);
  removeFolder(build);
});

test('an unscanned code is no trade; a scanned one waits; a paid one is told with signed fields', async () => {
  const more = { notify_url: listener.url };
  const offered = await call(sandbox, 'precreate', offerOf('HAPPY1'), more);
  expect(offered).toMatchObject({ code: '10000', outTradeNo: 'HAPPY1' });
  expect(offered['qrCode']).toMatch(`${sandbox.controlUrl}/alipay/qr/`);
  expect(await call(sandbox, 'query', { out_trade_no: 'HAPPY1' })).toMatchObject({
    subCode: 'ACQ.TRADE_NOT_EXIST',
  });
  expect(await call(sandbox, 'close', { out_trade_no: 'HAPPY1' })).toMatchObject({
    subCode: 'ACQ.TRADE_NOT_EXIST',
  });

  await control(sandbox, 'POST', '/alipay/trades/HAPPY1/scan');
  expect(await call(sandbox, 'query', { out_trade_no: 'HAPPY1' })).toMatchObject({
    tradeStatus: 'WAIT_BUYER_PAY',
  });

  const paid = await fetch(`${offered['qrCode']}/pay`, {
    method: 'POST',
    headers: { accept: 'application/json' },
  });
  expect(paid.status).toBe(200);
  expect(await call(sandbox, 'query', { out_trade_no: 'HAPPY1' })).toMatchObject({
    tradeStatus: 'TRADE_SUCCESS',
    totalAmount: '1000.00',
    receiptAmount: '1000.00',
    buyerPayAmount: '1000.00',
  });
  const told = await until('the notification arrives', () =>
    listener.arrivals.find((fields) => fields['out_trade_no'] === 'HAPPY1'),
  );
  expect(sandbox.sdk.checkNotifySignV2(told)).toBe(true);
  expect(sandbox.sdk.checkNotifySignV2({ ...told, total_amount: '1.00' })).toBe(false);
  expect(told).toMatchObject({
    trade_status: 'TRADE_SUCCESS',
    app_id: sandbox.accounts['alipay-sandbox']?.appId,
    seller_id: sandbox.accounts['alipay-sandbox']?.sellerId,
    total_amount: '1000.00',
    subject: '会员 <年费>',
  });
});

test('the same offer gives the same code, another one under its number is refused', async () => {
  const offer = offerOf('SAME1');
  const first = await call(sandbox, 'precreate', offer);
  const second = await call(sandbox, 'precreate', offer);
  expect(second['qrCode']).toBe(first['qrCode']);
  const changed = await call(sandbox, 'precreate', { ...offer, total_amount: '1.00' });
  expect(changed['subCode']).toBe('ACQ.CONTEXT_INCONSISTENT');
  await control(sandbox, 'POST', '/alipay/trades/SAME1/pay');
  expect((await call(sandbox, 'precreate', offer))['subCode']).toBe('ACQ.TRADE_HAS_SUCCESS');
  expect(await journalOf(sandbox, 'SAME1', 'offer')).toHaveLength(1);
});

test('a closed trade cannot be paid, a paid one cannot be closed', async () => {
  await call(sandbox, 'precreate', offerOf('CLOSE1'));
  await control(sandbox, 'POST', '/alipay/trades/CLOSE1/scan');
  expect(await call(sandbox, 'close', { out_trade_no: 'CLOSE1' })).toMatchObject({ code: '10000' });
  const late = await control(sandbox, 'POST', '/alipay/trades/CLOSE1/pay');
  expect(late).toMatchObject({ status: 409, body: { error: expect.stringContaining('closed') } });
  await call(sandbox, 'precreate', offerOf('CLOSE2'));
  await control(sandbox, 'POST', '/alipay/trades/CLOSE2/pay');
  const refused = await call(sandbox, 'close', { out_trade_no: 'CLOSE2' });
  expect(refused['subCode']).toBe('ACQ.REASON_TRADE_STATUS_INVALID');
});

test('a code is not payable after its time_expire, and a scanned trade closes then', async () => {
  const soon = { time_expire: beijing(2000) };
  await call(sandbox, 'precreate', offerOf('LATE1', soon));
  await call(sandbox, 'precreate', offerOf('LATE2', soon));
  expect((await control(sandbox, 'POST', '/alipay/trades/LATE2/scan')).status).toBe(200);
  await until('the scanned trade closes', async () => {
    const { body } = await control(sandbox, 'GET', '/alipay/trades/LATE2');
    return body.status === 'TRADE_CLOSED' || undefined;
  });
  expect((await control(sandbox, 'POST', '/alipay/trades/LATE1/pay')).status).toBe(409);
  expect((await control(sandbox, 'POST', '/alipay/trades/LATE2/pay')).status).toBe(409);
  expect(await call(sandbox, 'query', { out_trade_no: 'LATE1' })).toMatchObject({
    subCode: 'ACQ.TRADE_NOT_EXIST',
  });
  expect(await journalOf(sandbox, 'LATE1', 'charge')).toHaveLength(0);
});

test('a refund moves money once per out_request_no and never more than was paid', async () => {
  await call(sandbox, 'precreate', offerOf('REFUND1'), { notify_url: listener.url });
  await control(sandbox, 'POST', '/alipay/trades/REFUND1/pay');
  const part = { out_trade_no: 'REFUND1', out_request_no: 'R1', refund_amount: '300.00' };
  expect(await call(sandbox, 'refund', part)).toMatchObject({ fundChange: 'Y', refundFee: '300.00' });
  expect(await call(sandbox, 'refund', part)).toMatchObject({ fundChange: 'N', refundFee: '300.00' });
  const other = await call(sandbox, 'refund', { ...part, refund_amount: '301.00' });
  expect(other['subCode']).toBe('ACQ.DISCORDANT_REPEAT_REQUEST');
  const tooMuch = await call(sandbox, 'refund', { ...part, out_request_no: 'R2', refund_amount: '700.01' });
  expect(tooMuch['subCode']).toBe('ACQ.REFUND_AMT_NOT_EQUAL_TOTAL');
  const asked = { out_trade_no: 'REFUND1', out_request_no: 'R1' };
  expect(await call(sandbox, 'fastpay.refund.query', asked)).toMatchObject({
    refundStatus: 'REFUND_SUCCESS',
    refundAmount: '300.00',
  });
  const unknown = await call(sandbox, 'fastpay.refund.query', { ...asked, out_request_no: 'R9' });
  expect(unknown).toMatchObject({ code: '10000' });
  expect(unknown['refundStatus']).toBeUndefined();
  await call(sandbox, 'refund', { ...part, out_request_no: 'R3', refund_amount: '700.00' });
  expect(await call(sandbox, 'query', { out_trade_no: 'REFUND1' })).toMatchObject({
    tradeStatus: 'TRADE_CLOSED',
  });
  const told = await until('the full refund is told', () =>
    listener.arrivals.find((fields) => fields['out_biz_no'] === 'R3'),
  );
  expect(told).toMatchObject({ trade_status: 'TRADE_CLOSED', refund_fee: '1000.00' });
  expect(sandbox.sdk.checkNotifySignV2(told)).toBe(true);
  const { body } = await control(sandbox, 'GET', '/journal/summary?reference=REFUND1');
  expect(body.references[0]).toMatchObject({
    charges: 1,
    charged_minor: 100_000,
    refunds: 2,
    refunded_minor: 100_000,
  });
});

test('cancel refunds what is paid and changes nothing where no trade exists yet', async () => {
  await call(sandbox, 'precreate', offerOf('CANCEL1'));
  const early = await call(sandbox, 'cancel', { out_trade_no: 'CANCEL1' });
  expect(early).toMatchObject({ code: '10000', retryFlag: 'N' });
  expect(early['action']).toBeUndefined();
  await control(sandbox, 'POST', '/alipay/trades/CANCEL1/pay');
  expect(await call(sandbox, 'cancel', { out_trade_no: 'CANCEL1' })).toMatchObject({ action: 'refund' });
  expect(await call(sandbox, 'cancel', { out_trade_no: 'CANCEL1' })).toMatchObject({ action: 'refund' });
  expect(await journalOf(sandbox, 'CANCEL1', 'refund')).toHaveLength(1);
});

test('a request with a wrong key, clock, app or amount is refused with the documented code', async () => {
  const [first, second] = Object.values(sandbox.accounts);
  const foreign = { sdk: sdkFor({ ...first!, privateKey: second!.privateKey }) };
  const badSign = await call(foreign, 'query', { out_trade_no: 'X' });
  expect(badSign).toMatchObject({ code: '40002', subCode: 'isv.invalid-signature' });
  const stale = await call(sandbox, 'query', { out_trade_no: 'X' }, { timestamp: beijing(-6 * 60_000) });
  expect(stale).toMatchObject({ code: '40002', subCode: 'isv.invalid-timestamp' });
  const unnamed = (await (
    await fetch(`${sandbox.alipayGateway}?method=alipay.trade.query`)
  ).json()) as Answer;
  expect(unnamed.error_response).toMatchObject({ code: '40001', sub_code: 'isv.missing-app-id' });
  for (const total_amount of ['0.00', '0.001', '100000000.01', '-1.00', '1e3']) {
    const refused = await call(sandbox, 'precreate', offerOf('AMOUNT1', { total_amount }));
    expect(refused['subCode'], total_amount).toBe('ACQ.INVALID_PARAMETER');
  }
  const otherMerchant = await call({ sdk: sdkFor(second!) }, 'query', { out_trade_no: 'HAPPY1' });
  expect(otherMerchant['subCode']).toBe('ACQ.TRADE_NOT_EXIST');
});

test('a signed page.pay link leads the browser to the payer page', async () => {
  const url = sandbox.sdk.pageExecute('alipay.trade.page.pay', 'GET', {
    timestamp: beijing(),
    return_url: 'http://127.0.0.1:1/back',
    bizContent: offerOf('PAGE1', { product_code: 'FAST_INSTANT_TRADE_PAY' }),
  });
  const page = await fetch(url);
  expect(page.status).toBe(200);
  const html = await page.text();
  expect(html).toContain('会员 &lt;年费&gt;');
  expect(html).not.toContain('<年费>');
  await control(sandbox, 'POST', '/alipay/trades/PAGE1/pay');
  expect(await (await fetch(page.url)).text()).toContain(
    'http://127.0.0.1:1/back?method=alipay.trade.page.pay.return',
  );
});

test('200 concurrent payments are charged once each, and a trade paid ten times at once is charged once', async () => {
  const numbers = Array.from({ length: 200 }, (_, index) => `MANY${index}`);
  await Promise.all(numbers.map((number) => call(sandbox, 'precreate', offerOf(number))));
  await Promise.all(numbers.map((number) => control(sandbox, 'POST', `/alipay/trades/${number}/pay`)));
  for (const number of numbers) expect(await journalOf(sandbox, number, 'charge')).toHaveLength(1);
  await call(sandbox, 'precreate', offerOf('DOUBLE1'));
  const pays = await Promise.all(
    Array.from({ length: 10 }, () => control(sandbox, 'POST', '/alipay/trades/DOUBLE1/pay')),
  );
  expect(pays.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(409)]);
  expect(await journalOf(sandbox, 'DOUBLE1', 'charge')).toHaveLength(1);
  const { body } = await control(sandbox, 'GET', '/journal/summary');
  expect(body.totals.charged_twice).toEqual([]);
}, 30_000);

test('only the owner can read the files that hold keys', () => {
  expect(statSync(`${sandbox.folder}/credentials.json`).mode & 0o777).toBe(0o600);
  expect(statSync(`${sandbox.folder}/alipay-platform.json`).mode & 0o777).toBe(0o600);
});
