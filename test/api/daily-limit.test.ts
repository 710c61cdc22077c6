import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { dayIn } from '../../api/routes/create-payment.js';
import { createTenantQueue } from '../../api/tenant-queue.js';
import { Gate } from '../gate.js';
import { untilInLine } from '../lock-waiters.js';
import type { Answer } from '../merchant.js';
import { until } from '../until.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

const AMOUNT = 100;
const pay = (merchant: CheckedMerchant) =>
  merchant.post('/v1/payments', { amount: AMOUNT, method: 'alipay', payer: { id: `payer-${randomUUID()}` } });
const times = <T>(count: number, work: () => T) => Array.from({ length: count }, work);

describe('a merchant whose limit for a day is held by somebody', () => {
  let house: ApiHouse;
  let holder: pg.PoolClient;
  let stalled: CheckedMerchant;

  beforeAll(async () => {
    house = await ApiHouse.open({ settings: { replyTimeoutMs: 5_000, rateLimitPerSecond: 0 } });
    stalled = await limited('stalled');
  });
  afterAll(() => house.close());
  beforeEach(async () => {
    holder = await house.sql.connect();
    await holder.query('BEGIN');
    for (const day of [0, 1].map((ahead) => dayIn('Asia/Shanghai', Date.now() + ahead * 86_400_000))) {
      const key = JSON.stringify(['stalled', 'test', day]);
      await holder.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [key]);
    }
  });
  afterEach(async () => {
    await holder.query('ROLLBACK');
    holder.release();
  });

  const limited = (id: string) =>
    house.merchant(id, { limits: { perPaymentMinor: null, perDayMinor: 10 * AMOUNT } });

  it('holds up no other merchant, and is served when it is its turn', async () => {
    const other = await limited('other');
    let answered = 0;
    const burst = times(40, () => pay(stalled).finally(() => (answered += 1)));
    await untilInLine(house.sql, 2);
    expect((await pay(other)).status).toBe(201);
    expect((await stalled.get('/v1/payments')).status).toBe(200);
    expect(answered).toBe(0);
    await holder.query('ROLLBACK');
    const codes = (await Promise.all(burst)).map(({ status, body }) => [status, body['code']].join(' '));
    expect(codes.filter((code) => code === '201 ')).toHaveLength(10);
    expect(codes.filter((code) => code === '422 daily_limit_exceeded')).toHaveLength(30);
  });

  it('is told to try again when its turn does not come in time, and nothing is kept', async () => {
    const before = await house.rowCounts();
    const answers: Answer[] = [];
    const burst = times(20, () => pay(stalled).then((answer) => answers.push(answer)));
    // Two have their turn, and stand at the lock.
    await until('the others are answered', () => Promise.resolve(answers.length === 18));
    for (const { status, body, headers } of answers) {
      expect([status, body['code'], headers.get('retry-after')]).toEqual([503, 'service_unavailable', '1']);
    }
    expect(await house.rowCounts()).toEqual(before);
    await holder.query('ROLLBACK');
    await Promise.all(burst);
    expect((await pay(stalled)).status).toBe(422);
  });
});

describe("a tenant's queue", () => {
  const tenant = { merchantId: 'm', mode: 'test' } as const;
  const patience = () => ({ deadlineMs: Date.now() + 60_000, signal: new AbortController().signal });
  const codeOf = (error: unknown) => (error as { code?: string }).code;

  it('runs so many at a time, in the order in which they came, and refuses who finds it full', async () => {
    const queue = createTenantQueue({ atOnce: 2, mostWaiting: 3 }, Date.now);
    const gates = times(6, () => new Gate());
    const begun: number[] = [];
    const work = gates.map((gate, index) =>
      queue.run(tenant, patience(), async () => {
        begun.push(index);
        await gate.passed;
        if (index === 1) throw new Error('of its own');
        return index;
      }),
    );
    const settled = Promise.allSettled(work);
    await expect(work[5]).rejects.toMatchObject({ code: 'rate_limited', headers: { 'retry-after': '1' } });
    expect(begun).toEqual([0, 1]);
    expect(await queue.run({ ...tenant, mode: 'live' }, patience(), () => Promise.resolve('other'))).toBe(
      'other',
    );
    gates[1]!.open();
    await expect(work[1]).rejects.toThrow('of its own');
    await until('the next has begun', () => Promise.resolve(begun.length === 3));
    for (const gate of gates) gate.open();
    await settled;
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets go who hangs up or runs out of time, and forgets them', async () => {
    const queue = createTenantQueue({ atOnce: 1, mostWaiting: 2 }, Date.now);
    const gate = new Gate();
    const first = queue.run(tenant, patience(), () => gate.passed);
    const hungUp = new AbortController();
    let isTooLate = false;
    const late = () => {
      isTooLate = true;
      return Promise.resolve();
    };
    const refusals = [
      queue.run(tenant, { ...patience(), signal: hungUp.signal }, late),
      queue.run(tenant, { ...patience(), deadlineMs: Date.now() }, late),
    ].map((waiting) => waiting.catch(codeOf));
    hungUp.abort();
    expect(await Promise.all(refusals)).toEqual(['service_unavailable', 'service_unavailable']);
    const second = queue.run(tenant, patience(), () => Promise.resolve('second'));
    gate.open();
    await first;
    expect(await second).toBe('second');
    expect(isTooLate).toBe(false);
  });
});
