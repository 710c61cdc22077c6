import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '../merchant.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';
import { expectRefusal as refuses, type Refusal } from './expect-refusal.js';
import { lines, valid, wrongBodies, wrongPayments } from './wrong-payments.js';

let house: ApiHouse;
let merchant: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456', {
    limits: { perPaymentMinor: 50_000_000, perDayMinor: null },
  });
  await house.merchant('another');
  await merchant.addCourse();
  await merchant.addCourse('withdrawn');
  await merchant.post('/v1/products/withdrawn', { active: false });
  await house.sql.query(
    `INSERT INTO blocked_payers (merchant_id, mode, payer_id, reason) VALUES ('merchant456', 'test', 'villain', 'fraud')`,
  );
});
afterAll(() => house.close());

const expectRefusal = (send: () => Promise<Answer>, expected: Refusal) => refuses(house, send, expected);

describe('a request for a payment that is wrong is refused with the place of the fault, and leaves nothing', () => {
  it.each(wrongPayments)('%s', async (_name, body, expected) => {
    await expectRefusal(() => merchant.post('/v1/payments', body), expected);
  });

  it.each(wrongBodies)('%s', async (_name, body, type, expected) => {
    const headers = { 'content-type': type, 'idempotency-key': randomUUID() };
    await expectRefusal(() => merchant.send('POST', '/v1/payments', body, headers), expected);
  });
});

describe('who asks, and under which key', () => {
  it.each([
    ['no key', ''],
    ['not a bearer token', 'Basic dXNlcjp3b3Jk'],
    ['a malformed key', 'Bearer nonsense'],
    ['a key nobody has', `Bearer qk_test_${'0'.repeat(64)}`],
  ])('%s: 401', async (_name, authorization) => {
    const send = () =>
      merchant.send('POST', '/v1/payments', JSON.stringify(valid), {
        authorization,
        'idempotency-key': randomUUID(),
      });
    await expectRefusal(send, { status: 401, code: 'unauthenticated' });
    expect((await send()).headers.get('www-authenticate')).toMatch(/^Bearer realm=/);
  });

  it('an expired and a revoked key: 401', async () => {
    const tenant = { merchantId: 'merchant456', mode: 'test' } as const;
    const expired = await house.apiKey(tenant, Date.now() - 1000);
    const revoked = await house.apiKey(tenant);
    await house.sql.query('UPDATE api_keys SET revoked_at = now() WHERE id = (SELECT max(id) FROM api_keys)');
    for (const key of [expired, revoked]) {
      const headers = { authorization: `Bearer ${key}` };
      await expectRefusal(() => merchant.send('GET', '/v1/payments', undefined, headers), {
        status: 401,
        code: 'unauthenticated',
      });
    }
  });

  it('no Idempotency-Key, and one that is no text: 400', async () => {
    const send = (headers: Record<string, string>) =>
      merchant.send('POST', '/v1/payments', JSON.stringify(valid), headers);
    await expectRefusal(() => send({}), { status: 400, code: 'idempotency_key_missing' });
    await expectRefusal(() => send({ 'idempotency-key': 'a b' }), { status: 400, code: 'invalid_field' });
    await expectRefusal(() => send({ 'idempotency-key': 'k'.repeat(256) }), {
      status: 400,
      code: 'invalid_field',
    });
  });

  it('the same key with another body: 422, and the first answer stays', async () => {
    const key = randomUUID();
    const first = await merchant.post('/v1/payments', valid, key);
    expect(first.status).toBe(201);
    await expectRefusal(() => merchant.post('/v1/payments', { ...valid, amount: 5 }, key), {
      status: 422,
      code: 'idempotency_key_reused',
    });
    const again = await merchant.post(
      '/v1/payments',
      Object.fromEntries(Object.entries(valid).reverse()),
      key,
    );
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('a refused request leaves its key free', async () => {
    const key = randomUUID();
    expect((await merchant.post('/v1/payments', { ...valid, amount: 0 }, key)).status).toBe(400);
    expect((await merchant.post('/v1/payments', valid, key)).status).toBe(201);
  });
});

describe('what was taken before', () => {
  it('a used order reference: 409, for ever', async () => {
    const order = { reference: 'order-1' };
    expect((await merchant.post('/v1/payments', { ...valid, order })).status).toBe(201);
    await expectRefusal(() => merchant.post('/v1/payments', { ...valid, order }), {
      status: 409,
      code: 'order_reference_used',
      pointers: ['/order/reference'],
    });
  });

  it('a product that the payer is buying: 409 with the payment', async () => {
    const body = { ...valid, payer: { id: 'buyer' }, ...lines('course-ts') };
    const first = await merchant.post('/v1/payments', body);
    expect(first.status).toBe(201);
    const problem = await expectRefusal(() => merchant.post('/v1/payments', body), {
      status: 409,
      code: 'already_purchased',
    });
    expect(problem['payment']).toBe(first.body['id']);
  });
});

describe('paths', () => {
  it.each([
    ['GET', '/v1/nothing', 404, 'not_found'],
    ['GET', '/', 404, 'not_found'],
    ['GET', '/v1/payments/', 404, 'not_found'],
    ['GET', '/v1/payments/%E0%A4%A', 404, 'not_found'],
    ['GET', '/v1/payments/pay_1', 404, 'not_found'],
    ['GET', `/v1/payments/pay_${'0'.repeat(25)}`, 404, 'not_found'],
    ['GET', "/v1/products/'; DROP TABLE products", 404, 'not_found'],
    ['GET', '/v1/webhook_endpoints/whe_1', 404, 'not_found'],
    ['PUT', '/v1/payments', 405, 'method_not_allowed'],
    ['OPTIONS', '/v1/payments', 405, 'method_not_allowed'],
    ['DELETE', '/v1/payments/pay_1', 405, 'method_not_allowed'],
    ['GET', '/v1/payments?limit=0', 400, 'invalid_field'],
    ['GET', '/v1/payments?limit=101', 400, 'invalid_field'],
    ['GET', '/v1/payments?limit=5&limit=6', 400, 'invalid_field'],
    ['GET', '/v1/payments?nonsense=1', 400, 'unknown_field'],
    ['GET', '/v1/payments?starting_after=x', 400, 'invalid_field'],
    ['GET', '/v1/entitlements', 400, 'missing_field'],
    ['POST', '/notifications/alipay/acct_1', 404, 'not_found'],
    ['POST', '/notifications/nobody/acct_1', 404, 'not_found'],
  ])('%s %s: %i', async (method, path, status, code) => {
    await expectRefusal(() => merchant.send(method, path), { status, code });
  });

  it('405 says which methods there are', async () => {
    expect((await merchant.send('PUT', '/v1/payments')).headers.get('allow')).toBe('POST, GET');
  });
});
