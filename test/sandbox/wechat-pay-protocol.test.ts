import { createPrivateKey, randomBytes, sign } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Wechatpay } from 'wechatpay-axios-plugin';
import type { Credentials } from '../../providers/connector.js';
import { openHouse, until, type Answer, type House } from './wechat-pay-house.js';

let house: House;
let account: Record<string, string>;
beforeAll(async () => {
  house = await openHouse();
  account = textOf(house.credentials['wechat-pay-sandbox']);
});
afterEach(() => house.control('DELETE', '/wechat_pay/faults'));
afterAll(() => house.close());

function textOf(credentials: Credentials | undefined): Record<string, string> {
  return (credentials ?? {}) as unknown as Record<string, string>;
}

interface Signed {
  readonly method?: string;
  readonly atMs?: number;
  readonly nonce?: string;
  readonly changes?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly target?: string;
}

/** A request signed by hand, with whatever is wrong in it. */
async function call(path: string, body?: unknown, wrong: Signed = {}): Promise<Answer> {
  const { method = body === undefined ? 'GET' : 'POST', atMs = Date.now() } = wrong;
  const text = body === undefined ? '' : JSON.stringify(body);
  const said = {
    mchid: account['mchid'] ?? '',
    serial_no: account['merchantSerial'] ?? '',
    timestamp: String(Math.floor(atMs / 1000)),
    nonce_str: wrong.nonce ?? randomBytes(16).toString('hex'),
  };
  const lines = [method, path, said.timestamp, said.nonce_str, text, ''].join('\n');
  const key = createPrivateKey(account['privateKey'] ?? '');
  const signature = sign('sha256', Buffer.from(lines), key).toString('base64');
  const parameters = Object.entries({ ...said, signature, ...wrong.changes });
  const response = await fetch(new URL(wrong.target ?? path, account['baseUrl']), {
    method,
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      authorization: `WECHATPAY2-SHA256-RSA2048 ${parameters.map(([name, value]) => `${name}="${value}"`).join(',')}`,
      ...wrong.headers,
    },
    ...(text === '' ? {} : { body: text }),
  });
  const reply = await response.text();
  return {
    status: response.status,
    isSigned: response.headers.has('wechatpay-signature'),
    ...(reply === '' ? {} : (JSON.parse(reply) as Answer)),
  };
}

let lastNumber = 0;
function termsOf(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    appid: account['appid'],
    mchid: account['mchid'],
    description: '会员',
    out_trade_no: `P${process.pid}_${String((lastNumber += 1)).padStart(6, '0')}`,
    notify_url: 'http://127.0.0.1:9/notify',
    amount: { total: 100, currency: 'CNY' },
    ...changes,
  };
}

const native = '/v3/pay/transactions/native';
const refunds = '/v3/refund/domestic/refunds';
const orderPath = (terms: Record<string, unknown>) =>
  `/v3/pay/transactions/out-trade-no/${String(terms['out_trade_no'])}`;
const queryOf = (terms: Record<string, unknown>) => call(`${orderPath(terms)}?mchid=${account['mchid']}`);
const pay = (terms: Record<string, unknown>) =>
  house.control('POST', `/wechat_pay/orders/${String(terms['out_trade_no'])}/pay`, {});

describe('a request', () => {
  it('that is signed is answered, signed', async () => {
    expect(await call(native, termsOf())).toMatchObject({ status: 200, isSigned: true });
  });

  it.each<[string, Signed]>([
    ['with another signature', { changes: { signature: 'AAAA' } }],
    ['of another merchant', { changes: { mchid: '1900000000' } }],
    ['under another certificate', { changes: { serial_no: 'AB' } }],
    ['from six minutes ago', { atMs: Date.now() - 360_000 }],
    ['from in six minutes', { atMs: Date.now() + 360_000 }],
    ['for another path', { target: '/v3/pay/transactions/h5' }],
    ['for another query string', { target: `${native}?x=1` }],
    ['with a parameter too many', { changes: { more: '1' } }],
    ['with another scheme', { headers: { authorization: 'Bearer x' } }],
    ['with a nonce that is none', { nonce: 'a b' }],
  ])('%s is refused without a signature, and nothing is made', async (_, wrong) => {
    const terms = termsOf();
    expect(await call(native, terms, wrong)).toMatchObject({
      status: 401,
      code: 'SIGN_ERROR',
      isSigned: false,
    });
    expect(await queryOf(terms)).toMatchObject({ status: 404, code: 'ORDER_NOT_EXIST', isSigned: true });
  });

  it('is taken once: a nonce does not come again', async () => {
    const terms = termsOf();
    const nonce = 'ONCE';
    expect(await call(native, terms, { nonce })).toMatchObject({ status: 200 });
    expect(await call(native, terms, { nonce })).toMatchObject({ status: 401, code: 'SIGN_ERROR' });
  });

  it.each<[string, Signed]>([
    ['accepts no JSON', { headers: { accept: 'text/html' } }],
    ['sends no JSON', { headers: { 'content-type': 'text/plain' } }],
  ])('that %s is refused', async (_, wrong) => {
    expect(await call(native, termsOf(), wrong)).toMatchObject({ status: 400, code: 'PARAM_ERROR' });
  });

  it('for what is not there is refused', async () => {
    expect(await call('/v3/pay/transactions/app', termsOf())).toMatchObject({ status: 404, isSigned: true });
  });
});

describe('an order', () => {
  it.each([
    { description: '' },
    { description: 'x'.repeat(128) },
    { out_trade_no: 'short' },
    { out_trade_no: 'x'.repeat(33) },
    { time_expire: '2026-11-24 10:00:00' },
    { time_expire: '2026-13-24T10:00:00+08:00' },
    { notify_url: 'http://127.0.0.1/notify?order=1' },
    { notify_url: undefined },
    { amount: { total: 0 } },
    { amount: { total: '100' } },
    { amount: { total: 1, currency: 'USD' } },
    { unheard_of: true },
  ])('with %j is a PARAM_ERROR', async (changes) => {
    expect(await call(native, termsOf(changes))).toMatchObject({
      status: 400,
      code: 'PARAM_ERROR',
      isSigned: true,
    });
  });

  it('of another app is refused, and by H5 one without the payer’s address', async () => {
    expect(await call(native, termsOf({ appid: 'wx1' }))).toMatchObject({ code: 'APPID_MCHID_NOT_MATCH' });
    const h5 = '/v3/pay/transactions/h5';
    expect(await call(h5, termsOf())).toMatchObject({ code: 'PARAM_ERROR' });
    const scene = { payer_client_ip: '2001:db8::1', h5_info: { type: 'Wap' } };
    expect(await call(h5, termsOf({ scene_info: scene }))).toMatchObject({ status: 200 });
  });

  it('has an end that is moved where it is too near, and stays NOTPAY after it', async () => {
    const terms = termsOf({ time_expire: '2026-01-01T00:00:00+08:00' });
    await call(native, terms);
    const shown = await house.control('GET', `/wechat_pay/orders/${String(terms['out_trade_no'])}`);
    expect(shown.state).toBe('waiting for the payer');
    expect(await queryOf(terms)).toMatchObject({ trade_state: 'NOTPAY' });
  });

  it('that is there is not made again, and ends only once', async () => {
    const terms = termsOf();
    await call(native, terms);
    expect(await call(native, { ...terms, attach: 'x' })).toMatchObject({ code: 'INVALID_REQUEST' });
    await pay(terms);
    expect(await call(native, terms)).toMatchObject({ status: 403, code: 'OUT_TRADE_NO_USED' });
    expect(await call(`${orderPath(terms)}/close`, { mchid: account['mchid'] })).toMatchObject({
      status: 400,
      code: 'ORDER_PAID',
    });
    await expect(pay(terms)).rejects.toThrow('already paid');
    const other = termsOf();
    await call(native, other);
    expect(await call(`${orderPath(other)}/close`, { mchid: 'x' })).toMatchObject({ code: 'PARAM_ERROR' });
    expect(await call(`${orderPath(other)}/close`, { mchid: account['mchid'] })).toMatchObject({
      status: 204,
    });
    expect(await call(native, other)).toMatchObject({ code: 'ORDER_CLOSED' });
  });
});

describe('a refund', () => {
  const ask = (terms: Record<string, unknown>, refund: number, changes: Record<string, unknown> = {}) =>
    call(refunds, {
      out_trade_no: terms['out_trade_no'],
      out_refund_no: `${String(terms['out_trade_no'])}@1`,
      amount: { refund, total: 100, currency: 'CNY' },
      ...changes,
    });

  it('keeps to what was paid, and to its number', async () => {
    const terms = termsOf();
    await call(native, terms);
    expect(await ask(terms, 60)).toMatchObject({ status: 404, code: 'RESOURCE_NOT_EXISTS' });
    await pay(terms);
    expect(await ask(terms, 101)).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await ask(terms, 60, { amount: { refund: 60, total: 99, currency: 'CNY' } })).toMatchObject({
      code: 'INVALID_REQUEST',
    });
    expect(await ask(terms, 60, { transaction_id: 'x' })).toMatchObject({ code: 'PARAM_ERROR' });
    expect(await ask(terms, 60)).toMatchObject({ status: 'PROCESSING' });
    expect(await ask(terms, 60)).toMatchObject({ status: 'PROCESSING' });
    expect(await ask(terms, 50)).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await ask(terms, 41, { out_refund_no: 'another' })).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await ask(terms, 40, { out_refund_no: 'another' })).toMatchObject({ status: 'PROCESSING' });
    await until('both are done', async () => {
      const done = await house.journal(String(terms['out_trade_no']), 'refund');
      return done.length === 2 ? done : undefined;
    });
    expect(await queryOf(terms)).toMatchObject({ trade_state: 'REFUND' });
  });
});

describe('the SDK itself, with its own transport and verification', () => {
  const sdkWith = (id: string, key: string) =>
    new Wechatpay({
      mchid: account['mchid'] ?? '',
      serial: account['merchantSerial'] ?? '',
      privateKey: account['privateKey'] ?? '',
      certs: { [id]: key },
      baseURL: `${account['baseUrl']}`,
      headers: { 'Wechatpay-Serial': id },
      timeout: 2_000,
    }).client.v3;

  it('takes the sandbox for WeChat Pay, and its falsified answers for none', async () => {
    const sdk = sdkWith(account['platformPublicKeyId'] ?? '', account['platformPublicKey'] ?? '');
    const terms = termsOf();
    const { data } = await sdk.post(native, terms);
    expect(data.code_url).toMatch(/^http/);
    await pay(terms);
    const query = `${orderPath(terms)}?mchid=${account['mchid']}`;
    expect((await sdk.get(query)).data).toMatchObject({ trade_state: 'SUCCESS', amount: { total: 100 } });
    for (const [fault, code] of [
      ['bad_signature', 'EV3_RES_HEADER_SIGNATURE_DIGEST'],
      ['no_signature', 'EV3_RES_HEADERS_INCOMPLATE'],
      ['stale_clock', 'EV3_RES_HEADER_TIMESTAMP_OFFSET'],
      ['unknown_serial', 'EV3_RES_HEADER_PLATFORM_SERIAL'],
    ]) {
      await house.control('POST', '/wechat_pay/faults', { operation: 'query', fault });
      await expect(sdk.get(query)).rejects.toMatchObject({ code });
    }
  });
});
