import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Gate } from '../gate.js';
import { until } from '../until.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;
let liveMerchant: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
  liveMerchant = await house.merchant('merchant456', { mode: 'live' });
  await merchant.addCourse();
});
afterAll(() => house.close());
beforeEach(() => {
  house.temporal.onStart = (id) => house.temporal.offer(id);
  house.temporal.calls.length = 0;
});

const request = (change: Record<string, unknown> = {}) => ({
  amount: 100_000,
  method: 'ALIPAY',
  payer: { id: `payer-${randomUUID()}` },
  ...change,
});
const course = { order: { lines: [{ product: 'course-ts', quantity: 1 }] } };
const isStarted = () => until('the workflow is started', async () => house.temporal.calls.length > 0);

describe('a payment', () => {
  it('is answered with something to do, and repeated byte for byte', async () => {
    const key = randomUUID();
    const body = request({ ...course, merchant: { id: 'merchant456' }, metadata: { note: '知识' } });
    const first = await merchant.post('/v1/payments', body, key);
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      status: 'requires_action',
      method: 'alipay',
      currency: 'CNY',
      next_action: { type: 'qr_code' },
      metadata: { note: '知识' },
      order: { reference: first.body['id'], lines: [{ product: 'course-ts', quantity: 1, amount: 100_000 }] },
    });
    const again = await merchant.post('/v1/payments', body, key);
    expect([again.status, again.text]).toEqual([201, first.text]);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const events = await merchant.get(`/v1/payments/${first.body['id']}/events`);
    expect(events.body['data'].map((event: { type: string }) => event.type)).toEqual([
      'payment.created',
      'payment.requires_action',
    ]);
    expect(events.body['data'][0].data.object).toMatchObject({
      id: first.body['id'],
      status: 'processing',
      sequence: 1,
    });
  });

  it('is answered 202 as its rows have it where Temporal cannot be reached, and its replay as it is by then', async () => {
    house.temporal.onStart = () => Promise.resolve('not_yet');
    const key = randomUUID();
    const body = request();
    const first = await merchant.post('/v1/payments', body, key);
    expect(first.status).toBe(202);
    expect(first.body).toMatchObject({ status: 'processing', next_action: { type: 'none' } });
    expect(first.headers.get('location')).toBe(`/v1/payments/${first.body['id']}`);
    expect(first.headers.get('retry-after')).toBe('1');
    expect((await merchant.post('/v1/payments', body, key)).status).toBe(202);
    await house.temporal.offer(first.body['id'] as string);
    const later = await merchant.post('/v1/payments', body, key);
    expect([later.status, later.body['status']]).toEqual([201, 'requires_action']);
    const { rows } = await house.sql.query('SELECT status FROM idempotency_keys WHERE key = $1', [key]);
    expect(rows).toEqual([{ status: null }]);
  });

  it('is one payment with one answer for 100 parallel calls under one key', async () => {
    const provider = new Gate();
    house.temporal.onStart = async (id) => {
      await provider.passed;
      return house.temporal.offer(id);
    };
    const key = randomUUID();
    const body = request(course);
    const authenticated = house.statementsLike('FROM api_keys');
    const calls = Array.from({ length: 100 }, () => merchant.post('/v1/payments', body, key));
    // No answer goes out before all hundred have come in.
    await until('all are in', async () => house.statementsLike('FROM api_keys') >= authenticated + 100);
    provider.open();
    const answers = await Promise.all(calls);
    expect(new Set(answers.map((answer) => `${answer.status} ${answer.text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(answers.filter((answer) => !answer.headers.has('idempotent-replayed'))).toHaveLength(1);
    const { rows } = await house.sql.query('SELECT id FROM payments WHERE payer_id = $1', [body.payer.id]);
    expect(rows).toHaveLength(1);
  });

  it('goes on when the process that took the first call is gone', async () => {
    house.temporal.onStart = () => new Promise(() => undefined);
    const key = randomUUID();
    const body = request();
    house.temporal.calls.length = 0;
    const lost = merchant.post('/v1/payments', body, key).catch(() => undefined);
    await isStarted();
    house.temporal.onStart = (id) => house.temporal.offer(id);
    const again = await merchant.post('/v1/payments', body, key);
    expect([again.status, again.body['status']]).toEqual([201, 'requires_action']);
    void lost;
  });

  it('keeps the stored answer for others when a duplicate hangs up', async () => {
    const provider = new Gate();
    house.temporal.onStart = async (id) => {
      await provider.passed;
      return house.temporal.offer(id);
    };
    const key = randomUUID();
    const body = request();
    house.temporal.calls.length = 0;
    const first = merchant.post('/v1/payments', body, key);
    await isStarted();
    const hangUp = new AbortController();
    const authenticated = house.statementsLike('FROM api_keys');
    const hangingUp = fetch(`${house.url}/v1/payments`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${merchant.apiKey}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
      signal: hangUp.signal,
    });
    const isRefused = expect(hangingUp).rejects.toThrow();
    await until('it is in', async () => house.statementsLike('FROM api_keys') > authenticated);
    hangUp.abort();
    await isRefused;
    provider.open();
    expect((await first).status).toBe(201);
  });

  it('is planned with instants in whole seconds, within its own expiry', async () => {
    const { body } = await merchant.post('/v1/payments', request({ expires_in: 60 }));
    const { rows } = await house.sql.query<Record<string, Date>>(
      `SELECT o.offer_ends_at, o.conclusive_after, o.deadline_at, p.expires_at, p.created_at FROM operations o
         JOIN payments p ON p.id = o.payment_id WHERE p.id = $1`,
      [body['id']],
    );
    const at = (name: string) => rows[0]![name]!.getTime();
    expect(at('offer_ends_at')).toBe(Math.floor(at('expires_at') / 1000) * 1000);
    expect(at('expires_at') - at('created_at')).toBe(60_000);
    expect(at('conclusive_after') - at('offer_ends_at')).toBe(60_000);
    expect(at('deadline_at') - at('conclusive_after')).toBe(600_000);
  });

  it('may return to loopback with a test key only', async () => {
    const back = { return_url: 'http://127.0.0.1:8080/back' };
    expect((await merchant.post('/v1/payments', request(back))).status).toBe(201);
    expect(
      (await merchant.post('/v1/payments', request({ return_url: 'https://example.com/' }))).status,
    ).toBe(201);
    expect((await liveMerchant.post('/v1/payments', request(back))).status).toBe(400);
  });

  it('takes an amount in any spelling of an integer', async () => {
    for (const amount of ['1e5', '100000.0']) {
      const body = JSON.stringify(request()).replace('"amount":100000', `"amount":${amount}`);
      const answer = await merchant.send('POST', '/v1/payments', body, { 'idempotency-key': randomUUID() });
      expect(answer.body['amount']).toBe(100_000);
    }
  });

  it('is accepted by an account of its own mode only', async () => {
    const wrong = await house.merchant('mixed-up', { mode: 'live', credential: 'test-credential' });
    const missing = await house.merchant('lost', { credential: 'missing' });
    for (const one of [wrong, missing]) {
      expect((await one.post('/v1/payments', request())).body['code']).toBe('method_unavailable');
    }
  });
});

describe('limits', () => {
  it('the limit for a day holds under 50 concurrent payments', async () => {
    const limited = await house.merchant('limited', {
      limits: { perPaymentMinor: null, perDayMinor: 1_000_000 },
    });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => limited.post('/v1/payments', request())),
    );
    const codes = answers.map((answer) => (answer.status === 201 ? 'accepted' : answer.body['code']));
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(10);
    expect(codes.filter((code) => code === 'daily_limit_exceeded')).toHaveLength(40);
  });

  it('parallel calls under one key are one payment, also where it fills the day', async () => {
    const full = await house.merchant('full', { limits: { perPaymentMinor: null, perDayMinor: 100_000 } });
    const [body, key] = [request(), randomUUID()];
    const answers = await Promise.all(Array.from({ length: 20 }, () => full.post('/v1/payments', body, key)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(201));
  });

  it('a course is bought once by payers who are in a hurry, with another key each time', async () => {
    const body = request(course);
    const answers = await Promise.all(Array.from({ length: 20 }, () => merchant.post('/v1/payments', body)));
    const accepted = answers.filter((answer) => answer.status === 201);
    expect(accepted).toHaveLength(1);
    for (const answer of answers) {
      if (answer === accepted[0]) continue;
      expect(answer.body).toMatchObject({ code: 'already_purchased', payment: accepted[0]?.body['id'] });
    }
  });
});

describe('reading', () => {
  it('holds the answer while the status is the one given, and no longer', async () => {
    const { body } = await merchant.post('/v1/payments', request());
    const path = `/v1/payments/${body['id']}`;
    const started = Date.now();
    expect((await merchant.get(`${path}?wait=1&status=requires_action`)).body['status']).toBe(
      'requires_action',
    );
    expect(Date.now() - started).toBeGreaterThanOrEqual(950);
    const waiting = merchant.get(`${path}?wait=20&status=requires_action`);
    const looks = house.statementsLike('"isUnanswered"');
    await until('it is being held', async () => house.statementsLike('"isUnanswered"') > looks);
    await house.temporal.closeAttempt(body['id'] as string, 'canceled');
    expect((await waiting).body['status']).toBe('canceled');
    expect((await merchant.get(`${path}?wait=20&status=requires_action`)).status).toBe(200);
    expect((await merchant.get(`${path}?wait=21`)).status).toBe(400);
  });

  it('pages through payments in both directions', async () => {
    const pager = await house.merchant('pager');
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1) {
      ids.unshift((await pager.post('/v1/payments', request())).body['id'] as string);
    }
    const page = async (query: string) => {
      const { body } = await pager.get(`/v1/payments?${query}`);
      return [body['data'].map((payment: { id: string }) => ids.indexOf(payment.id)), body['has_more']];
    };
    expect(await page('limit=2')).toEqual([[0, 1], true]);
    expect(await page(`limit=2&starting_after=${ids[1]}`)).toEqual([[2, 3], true]);
    expect(await page(`limit=2&starting_after=${ids[3]}`)).toEqual([[4], false]);
    expect(await page(`limit=2&ending_before=${ids[4]}`)).toEqual([[2, 3], true]);
    expect(await page(`limit=10&ending_before=${ids[2]}`)).toEqual([[0, 1], false]);
    expect(await page(`order_reference=${ids[2]}`)).toEqual([[2], false]);
    expect(await page('order_reference=none')).toEqual([[], false]);
  });

  it("another tenant's objects do not exist, in the other mode neither", async () => {
    const { body } = await merchant.post('/v1/payments', request());
    const other = await house.merchant('stranger');
    const endpoint = await merchant.post('/v1/webhook_endpoints', { url: 'https://example.com/hook' });
    const paths = [
      `/v1/payments/${body['id']}`,
      `/v1/payments/${body['id']}/events`,
      '/v1/products/course-ts',
    ];
    for (const stranger of [other, liveMerchant]) {
      for (const path of [...paths, `/v1/webhook_endpoints/${endpoint.body['id']}`]) {
        expect((await stranger.get(path)).status, path).toBe(404);
      }
      expect((await stranger.send('DELETE', `/v1/webhook_endpoints/${endpoint.body['id']}`)).status).toBe(
        404,
      );
      for (const [path, change] of [
        [`/v1/payments/${body['id']}/cancel`, {}],
        [`/v1/payments/${body['id']}/confirm`, { method: 'alipay' }],
        ['/v1/products/course-ts', { active: false }],
      ] as const) {
        expect((await stranger.post(path, change)).status, path).toBe(404);
      }
      for (const list of ['/v1/products', '/v1/webhook_endpoints']) {
        expect((await stranger.get(list)).body['data'], list).toEqual([]);
      }
    }
  });
});
