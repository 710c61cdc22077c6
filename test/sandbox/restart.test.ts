import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  call,
  compileSandbox,
  control,
  journalOf,
  listenForNotifications,
  newStateFolder,
  offerOf,
  removeFolder,
  spawnSandbox,
  startSandbox,
  until,
  type NotificationListener,
  type RunningSandbox,
} from './sandbox-process.js';

let build: string;
let folder: string;
let sandbox: RunningSandbox;
let listener: NotificationListener;

beforeAll(() => {
  build = compileSandbox();
}, 30_000);
afterAll(() => removeFolder(build));

beforeEach(async () => {
  folder = newStateFolder();
  sandbox = await startSandbox(build, folder);
  listener = await listenForNotifications();
});
afterEach(async () => {
  await listener.close();
  await sandbox.stop();
  removeFolder(folder);
});

async function killAndRestart(): Promise<void> {
  await sandbox.stop('SIGKILL');
  sandbox = await startSandbox(build, folder);
}

test('after kill -9 trades, links, refunds, faults and owed notifications are there again', async () => {
  listener.answer = () => ({ status: 500, body: 'not now' });
  const waiting = await call(sandbox, 'precreate', offerOf('WAIT1'));
  await call(sandbox, 'precreate', offerOf('PAID1'), { notify_url: listener.url });
  await control(sandbox, 'POST', '/alipay/trades/PAID1/pay');
  const part = { out_trade_no: 'PAID1', out_request_no: 'R1', refund_amount: '10.00' };
  await call(sandbox, 'refund', part);
  await control(sandbox, 'POST', '/faults', { operation: 'close', fault: 'rate_limited' });
  await until('both first deliveries failed', () => listener.arrivals.length >= 2 || undefined);
  const ids = new Set(listener.arrivals.map((fields) => fields['notify_id']));
  const gateway = sandbox.alipayGateway;

  await killAndRestart();
  expect(sandbox.alipayGateway).toBe(gateway);
  listener.answer = () => ({ status: 200, body: 'success' });
  const before = listener.arrivals.length;
  await until('the owed notifications come', () => listener.arrivals.length >= before + 2 || undefined);
  const late = listener.arrivals.slice(before);
  expect(new Set(late.map((fields) => fields['notify_id']))).toEqual(ids);
  for (const fields of late) expect(sandbox.sdk.checkNotifySignV2(fields)).toBe(true);
  expect(late.find((fields) => fields['out_biz_no'] === undefined)).toMatchObject({
    trade_status: 'TRADE_SUCCESS',
  });

  expect((await fetch(`${waiting['qrCode']}`)).status).toBe(200);
  expect(await call(sandbox, 'query', { out_trade_no: 'PAID1' })).toMatchObject({
    tradeStatus: 'TRADE_SUCCESS',
  });
  expect(await call(sandbox, 'refund', part)).toMatchObject({ fundChange: 'N' });
  expect((await control(sandbox, 'POST', '/alipay/trades/PAID1/pay')).status).toBe(409);
  expect(await call(sandbox, 'close', { out_trade_no: 'WAIT1' })).toMatchObject({ code: '40005' });
  expect(await journalOf(sandbox, 'PAID1', 'charge')).toHaveLength(1);
}, 30_000);

test('what was answered before kill -9 is in the journal after it', async () => {
  const acknowledged: string[] = [];
  const numbers = Array.from({ length: 60 }, (_, index) => `KILL${index}`);
  await Promise.all(numbers.map((number) => call(sandbox, 'precreate', offerOf(number))));
  const pays = numbers.map(async (number) => {
    const { status } = await control(sandbox, 'POST', `/alipay/trades/${number}/pay`);
    if (status === 200) acknowledged.push(number);
    if (acknowledged.length === 20) sandbox.child.kill('SIGKILL');
  });
  await Promise.allSettled(pays);
  await killAndRestart();
  expect(acknowledged.length).toBeGreaterThanOrEqual(20);
  for (const number of acknowledged) expect(await journalOf(sandbox, number, 'charge')).toHaveLength(1);
}, 30_000);

test('a line torn by a crash is dropped, and the journal goes on', async () => {
  await call(sandbox, 'precreate', offerOf('TORN1'));
  await sandbox.stop('SIGKILL');
  appendFileSync(sandbox.journalFile, '{"seq":2,"kind":"charge","reference":"TO');
  sandbox = await startSandbox(build, folder);
  await control(sandbox, 'POST', '/alipay/trades/TORN1/pay');
  const lines = readFileSync(sandbox.journalFile, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { seq: 1, kind: 'offer' },
    { seq: 2, kind: 'scan' },
    { seq: 3, kind: 'charge' },
  ]);
});

async function refusal(environment: Record<string, string>): Promise<{ code: unknown; text: string }> {
  const child = spawnSandbox(build, environment);
  let text = '';
  child.stderr?.on('data', (chunk) => (text += chunk));
  const [code] = (await once(child, 'close')) as unknown[];
  return { code, text: text.trim() };
}

test('a second sandbox in one folder and a bad setting are refused in one sentence; SIGTERM ends with 0', async () => {
  const second = await refusal({ SANDBOX_DIR: folder });
  expect(second).toMatchObject({
    code: 1,
    text: expect.stringMatching(/^Another sandbox .* already runs in .*$/),
  });
  expect(await refusal({ SANDBOX_DIR: folder, SANDBOX_PORT: 'x' })).toMatchObject({
    code: 1,
    text: expect.stringMatching(/^SANDBOX_PORT must be/),
  });
  expect(await refusal({})).toMatchObject({
    code: 1,
    text: expect.stringMatching(/^SANDBOX_DIR is not set/),
  });
  expect(await sandbox.stop()).toBe(0);
});
