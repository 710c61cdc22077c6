import { randomUUID } from 'node:crypto';
import { checkWebhookUrl } from '../../api/webhook-url.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilInLine } from '../lock-waiters.js';
import { httpProblems } from '../../domain/problem-codes.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
});
afterAll(() => house.close());

const product = (id: string) => ({
  id,
  name: 'TypeScript 从零开始',
  type: 'course',
  price: { amount: 100_000, currency: 'CNY' },
});

describe('products', () => {
  it('are made once per key and once per id, and changed', async () => {
    const key = randomUUID();
    const first = await merchant.post('/v1/products', product('course-ts'), key);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      ...product('course-ts'),
      object: 'product',
      active: true,
      repeatable: false,
    });
    const again = await merchant.post('/v1/products', product('course-ts'), key);
    expect([again.status, again.text, again.headers.get('idempotent-replayed')]).toEqual([
      201,
      first.text,
      'true',
    ]);
    expect((await merchant.post('/v1/products', product('course-ts'))).body).toMatchObject({
      code: 'already_exists',
      status: 409,
    });
    const price = { amount: 5, currency: 'CNY' };
    const changed = await merchant.post('/v1/products/course-ts', { price, active: false });
    expect(changed.body).toMatchObject({ price, active: false, name: product('').name });
    expect((await merchant.get('/v1/products/course-ts')).body).toEqual(changed.body);
    expect((await merchant.post('/v1/products/course-ts', {})).body['code']).toBe('invalid_field');
    expect((await merchant.post('/v1/products/none', { active: true })).status).toBe(404);
  });

  it.each([
    ['made', '/v1/products', product('parallel'), 201],
    ['changed', '/v1/products/parallel', { active: false }, 200],
  ])('%s by parallel calls under one key give one answer', async (_what, path, body, status) => {
    const key = randomUUID();
    const blocker = await house.sql.connect();
    try {
      await blocker.query('BEGIN');
      await blocker.query('LOCK TABLE products IN SHARE MODE');
      const calls = Array.from({ length: 10 }, () => merchant.post(path, body, key));
      // One waits for the table, the others for its key: all of them are under way.
      await untilInLine(house.sql, 10);
      await blocker.query('COMMIT');
      const answers = await Promise.all(calls);
      expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(status);
      expect(answers.filter((answer) => !answer.headers.has('idempotent-replayed'))).toHaveLength(1);
    } finally {
      blocker.release();
    }
  });

  it('are refused with the place of the fault', async () => {
    const wrong = { ...product('a b'), type: 'car', price: { amount: 0, currency: 'cny' }, colour: 1 };
    const { body } = await merchant.post('/v1/products', wrong);
    expect(body['errors'].map((error: { pointer: string }) => error.pointer)).toEqual([
      '/id',
      '/type',
      '/price/amount',
      '/price/currency',
      '/colour',
    ]);
  });

  it('are listed newest first, page by page', async () => {
    const pager = await house.merchant('pager');
    for (const id of ['a', 'b', 'c']) await pager.addCourse(id);
    const page = async (query: string) => {
      const { body } = await pager.get(`/v1/products?${query}`);
      return [body['data'].map((one: { id: string }) => one.id).join(''), body['has_more']];
    };
    expect(await page('')).toEqual(['cba', false]);
    expect(await page('limit=2')).toEqual(['cb', true]);
    expect(await page('limit=2&starting_after=b')).toEqual(['a', false]);
    expect(await page('limit=1&ending_before=a')).toEqual(['b', true]);
  });
});

describe('webhook endpoints', () => {
  it('show their secret once, and are gone when deleted', async () => {
    const url = 'https://example.com/hook';
    const made = await merchant.post('/v1/webhook_endpoints', { url, enabled_events: ['payment.succeeded'] });
    expect(made.status).toBe(201);
    expect(Buffer.from(String(made.body['secret']).replace('whsec_', ''), 'base64')).toHaveLength(24);
    const { secret: _secret, ...shown } = made.body;
    const path = `/v1/webhook_endpoints/${made.body['id']}`;
    expect((await merchant.get(path)).body).toEqual(shown);
    expect((await merchant.get('/v1/webhook_endpoints')).body['data']).toEqual([shown]);
    expect((await merchant.send('DELETE', path)).body).toMatchObject({ deleted: true });
    expect((await merchant.get(path)).status).toBe(404);
    expect((await merchant.send('DELETE', path)).status).toBe(404);
    expect((await merchant.get('/v1/webhook_endpoints')).body['data']).toEqual([]);
  });

  it.each([
    'http://example.com/',
    'https://localhost./',
    'https://10.0.0.1/',
    'https://[fd00::1]/',
    'https://0x0a000001/',
    'https://metadata.internal/',
    'https://intranet/',
    'https://user:word@example.com/',
    'ftp://example.com/',
    'nonsense',
  ])('do not lie at %s', async (url) => {
    const answer = await merchant.post('/v1/webhook_endpoints', { url });
    expect(answer.body).toMatchObject({ code: 'invalid_field', errors: [{ pointer: '/url' }] });
  });

  it('lie at the usual port where the network is guarded: nothing would be sent to another', () => {
    const elsewhere = 'https://example.com:8443/';
    expect(() => checkWebhookUrl(elsewhere, 'live', false)).toThrow(/port 443/);
    expect(() => checkWebhookUrl(elsewhere, 'test', true)).not.toThrow();
    expect(() => checkWebhookUrl('https://example.com:443/hook', 'live', false)).not.toThrow();
  });

  it('are sixteen at most, also when many are made at once; a deleted one makes room', async () => {
    const collector = await house.merchant('collector');
    const make = () => collector.post('/v1/webhook_endpoints', { url: 'https://example.com/hook' });
    const answers = await Promise.all(Array.from({ length: 24 }, make));
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.map(({ body }) => [body['status'], body['code']])).toEqual(
      Array.from({ length: 8 }, () => [422, 'object_limit_reached']),
    );
    const [made] = (await collector.get('/v1/webhook_endpoints')).body['data'] as { id: string }[];
    await collector.send('DELETE', `/v1/webhook_endpoints/${made?.id}`);
    expect([(await make()).status, (await make()).status]).toEqual([201, 422]);
    const other = await house.merchant('other-collector');
    expect((await other.post('/v1/webhook_endpoints', { url: 'https://example.com/' })).status).toBe(201);
  });

  it('lie on loopback with a test key only', async () => {
    const url = 'http://127.0.0.1:9999/merchant/webhooks/demo';
    expect((await merchant.post('/v1/webhook_endpoints', { url })).status).toBe(201);
    const live = await house.merchant('merchant456', { mode: 'live' });
    expect((await live.post('/v1/webhook_endpoints', { url })).status).toBe(400);
  });
});

it('entitlements are listed by payer', async () => {
  await merchant.addCourse('granted');
  const order = { lines: [{ product: 'granted', quantity: 1 }] };
  const request = { amount: 100_000, method: 'alipay', payer: { id: '读者 1' }, order };
  const payment = await merchant.post('/v1/payments', request);
  const id = `ent_${'1'.repeat(25)}`;
  await house.sql.query(
    `INSERT INTO entitlements (id, merchant_id, mode, payer_id, product_id, payment_id, line_position, repeatable, status)
     VALUES ($1, 'merchant456', 'test', '读者 1', 'granted', $2, 0, false, 'granted')`,
    [id, payment.body['id']],
  );
  const { body } = await merchant.get(`/v1/entitlements?payer=${encodeURIComponent('读者 1')}`);
  expect(body['data']).toMatchObject([
    { id, object: 'entitlement', payer: '读者 1', product: 'granted', status: 'granted', revoked_at: null },
  ]);
  expect((await merchant.get('/v1/entitlements?payer=nobody')).body['data']).toEqual([]);
});

describe('the service itself', () => {
  it('says whether it is ready, and what is down', async () => {
    const ready = async () => {
      const response = await fetch(`${house.url}/readyz`);
      return [response.status, await response.json()];
    };
    expect(await ready()).toEqual([200, { status: 'ready', database: 'up', temporal: 'up' }]);
    house.temporal.isUp = false;
    expect(await ready()).toEqual([503, { status: 'not_ready', database: 'up', temporal: 'down' }]);
    house.temporal.isUp = true;
    expect((await fetch(`${house.url}/healthz`)).status).toBe(200);
  });

  it('describes every problem where its type points', async () => {
    for (const code of Object.keys(httpProblems)) {
      const body: unknown = await (await fetch(`${house.url}/problems/${code}`)).json();
      expect(body).toMatchObject({ code, remedy: expect.stringMatching(/\.$/) as string });
    }
    const declined: unknown = await (await fetch(`${house.url}/problems/declined`)).json();
    expect(declined).toMatchObject({
      code: 'declined',
      retryable: true,
      remedy: expect.stringMatching(/payer/),
    });
    expect((await fetch(`${house.url}/problems/toString`)).status).toBe(404);
    expect(await (await fetch(`${house.url}/docs`)).text()).toContain('/openapi.json');
  });

  it('logs neither bodies nor keys', async () => {
    const secretive = { amount: 1, method: 'alipay', payer: { id: 'someone-private' } };
    await merchant.post('/v1/payments', secretive);
    await merchant.post('/v1/payments', { ...secretive, amount: 'private' });
    const log = house.logLines.join('');
    expect(log).toContain('"route":"POST /v1/payments"');
    for (const secret of ['someone-private', merchant.apiKey, 'Bearer', 'whsec_'])
      expect(log).not.toContain(secret);
  });
});
