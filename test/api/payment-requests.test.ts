import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { untilInLine } from '../lock-waiters.js';
import { ApiHouse, type CheckedMerchant } from './api-house.js';

let house: ApiHouse;
let merchant: CheckedMerchant;

beforeAll(async () => {
  house = await ApiHouse.open();
  merchant = await house.merchant('merchant456');
});
afterAll(() => house.close());
beforeEach(() => {
  house.temporal.onStart = (id) => house.temporal.offer(id);
  house.temporal.onWake = () => Promise.resolve();
  house.temporal.calls.length = 0;
});

async function pay(): Promise<string> {
  const payer = { id: `payer-${randomUUID()}` };
  const answer = await merchant.post('/v1/payments', { amount: 100_000, method: 'ALIPAY', payer });
  house.temporal.calls.length = 0;
  return answer.body['id'] as string;
}

const cancel = (id: string, key?: string) => merchant.post(`/v1/payments/${id}/cancel`, {}, key);
const confirm = (id: string, change: Record<string, unknown> = {}, key?: string) =>
  merchant.post(`/v1/payments/${id}/confirm`, { method: 'alipay', ...change }, key);

async function operations(id: string): Promise<{ status: string; provider_key: string; number: number }[]> {
  const { rows } = await house.sql.query<{ status: string; provider_key: string; number: number }>(
    'SELECT status, provider_key, number FROM operations WHERE payment_id = $1 ORDER BY number',
    [id],
  );
  return rows;
}

async function eventTypes(id: string): Promise<string[]> {
  const { body } = await merchant.get(`/v1/payments/${id}/events`);
  return body['data'].map((event: { type: string; sequence: number }) => `${event.sequence} ${event.type}`);
}

describe('canceling', () => {
  it('is recorded and announced to the workflow, and 202 until the provider has confirmed it', async () => {
    const id = await pay();
    const key = randomUUID();
    const answer = await cancel(id, key);
    expect([answer.status, answer.body['status']]).toEqual([202, 'requires_action']);
    expect(answer.headers.get('location')).toBe(`/v1/payments/${id}`);
    expect(house.temporal.calls).toEqual([{ what: 'wake', paymentId: id, detail: 'cancel' }]);
    const { rows } = await house.sql.query(
      `SELECT p.cancel_requested_by LIKE 'key_%' AS by_key, p.due_at < now() + interval '16 s' AS is_due,
              o.next_poll_at <= now() AS is_polled FROM payments p JOIN operations o ON o.payment_id = p.id WHERE p.id = $1`,
      [id],
    );
    expect(rows).toEqual([{ by_key: true, is_due: true, is_polled: true }]);
    expect(await eventTypes(id)).toEqual([
      '1 payment.created',
      '2 payment.requires_action',
      '3 payment.cancel_requested',
    ]);
    await house.temporal.closeAttempt(id, 'canceled');
    const again = await cancel(id, key);
    expect([again.status, again.body['status']]).toEqual([200, 'canceled']);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('is 200 where the provider confirms at once', async () => {
    const id = await pay();
    house.temporal.onWake = (payment) => house.temporal.closeAttempt(payment, 'canceled');
    const answer = await cancel(id);
    expect([answer.status, answer.body['status']]).toEqual([200, 'canceled']);
  });

  it('is 200 for a payment that is canceled already, and stored', async () => {
    const id = await pay();
    await house.temporal.closeAttempt(id, 'canceled');
    const key = randomUUID();
    const first = await cancel(id, key);
    expect(first.status).toBe(200);
    expect((await cancel(id, key)).text).toBe(first.text);
    expect(house.temporal.calls).toEqual([]);
  });

  it('is 409 for a payment that has succeeded, and leaves nothing', async () => {
    const id = await pay();
    await house.sql.query(`UPDATE payments SET status = 'succeeded', ended_at = now() WHERE id = $1`, [id]);
    const before = await house.rowCounts();
    expect((await cancel(id)).body['code']).toBe('payment_ended');
    expect(await house.rowCounts()).toEqual(before);
  });

  it('needs no body, and takes no unknown field', async () => {
    const id = await pay();
    const headers = { 'idempotency-key': randomUUID() };
    expect((await merchant.send('POST', `/v1/payments/${id}/cancel`, undefined, headers)).status).toBe(202);
    expect((await merchant.post(`/v1/payments/${id}/cancel`, { why: 'x' })).body['code']).toBe(
      'unknown_field',
    );
  });

  it('is one event for many at once, whatever their keys', async () => {
    const id = await pay();
    const answers = await Promise.all(Array.from({ length: 10 }, () => cancel(id)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(202));
    expect((await eventTypes(id)).filter((type) => type.includes('cancel'))).toHaveLength(1);
  });

  it('does not deadlock with a workflow, which locks the operation before the payment', async () => {
    const id = await pay();
    const workflow = await house.sql.connect();
    try {
      await workflow.query('BEGIN');
      await workflow.query('UPDATE operations SET poll_count = poll_count + 1 WHERE payment_id = $1', [id]);
      const answer = cancel(id);
      await untilInLine(house.sql, 1);
      await workflow.query('UPDATE payments SET sequence = sequence + 1 WHERE id = $1', [id]);
      await workflow.query('COMMIT');
      expect((await answer).status).toBe(202);
      expect(house.logLines.filter((line) => line.includes('40P01'))).toEqual([]);
    } finally {
      workflow.release();
    }
  });

  it('of one payment does not answer for another under the same key', async () => {
    const [one, other] = [await pay(), await pay()];
    const key = randomUUID();
    await cancel(one, key);
    expect((await cancel(other, key)).body['code']).toBe('idempotency_key_reused');
  });
});

describe('confirming again', () => {
  it('is 409 while the last attempt can still be paid, and says until when', async () => {
    const id = await pay();
    const before = await house.rowCounts();
    const answer = await confirm(id);
    const { rows } = await house.sql.query<{ conclusive_after: Date }>(
      'SELECT conclusive_after FROM operations WHERE payment_id = $1',
      [id],
    );
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      code: 'attempt_open',
      retry_at: rows[0]?.conclusive_after.toISOString(),
    });
    expect((await confirm(id, { method: 'paypal' })).body['code']).toBe('attempt_open');
    expect(await house.rowCounts()).toEqual(before);
  });

  it('plans another attempt once the last one has ended, and is repeated byte for byte', async () => {
    const id = await pay();
    await house.temporal.closeAttempt(id, 'requires_payment_method');
    const key = randomUUID();
    const answer = await confirm(id, { return_url: 'https://example.com/back' }, key);
    expect([answer.status, answer.body['status']]).toEqual([200, 'requires_action']);
    expect(answer.body['attempts']).toHaveLength(2);
    const [first, second] = await operations(id);
    expect(second).toMatchObject({ number: 2, status: 'action_required' });
    expect(second?.provider_key).toBe(`${first?.provider_key.slice(0, -1)}2`);
    const again = await confirm(id, { return_url: 'https://example.com/back' }, key);
    expect([again.status, again.text]).toEqual([200, answer.text]);
    expect((await confirm(id, {}, key)).body['code']).toBe('idempotency_key_reused');
    expect(await eventTypes(id)).toEqual([
      '1 payment.created',
      '2 payment.requires_action',
      '3 payment.payment_failed',
      '4 payment.confirmed',
      '5 payment.requires_action',
    ]);
  });

  it('wakes a workflow that runs, whose last answer was for the attempt before', async () => {
    const id = await pay();
    await house.temporal.closeAttempt(id, 'requires_payment_method');
    house.temporal.onStart = () => Promise.resolve('answered');
    house.temporal.onWake = (payment) => house.temporal.offer(payment);
    const answer = await confirm(id);
    expect([answer.status, answer.body['status']]).toEqual([200, 'requires_action']);
    expect(house.temporal.calls[0]).toEqual({ what: 'wake', paymentId: id, detail: 'confirm' });
  });

  it.each(['planned', 'sent', 'unknown'])(
    'supersedes an attempt that was never offered (%s)',
    async (status) => {
      house.temporal.onStart = () => Promise.resolve('not_yet');
      const id = await pay();
      await house.sql.query('UPDATE operations SET status = $2 WHERE payment_id = $1', [id, status]);
      house.temporal.onStart = (payment) => house.temporal.offer(payment);
      const answer = await confirm(id);
      expect([answer.status, answer.body['status']]).toEqual([200, 'requires_action']);
      expect((await operations(id)).map((operation) => operation.status)).toEqual([
        'canceled',
        'action_required',
      ]);
      expect(await eventTypes(id)).toEqual([
        '1 payment.created',
        '2 operation.canceled',
        '3 payment.confirmed',
        '4 payment.requires_action',
      ]);
    },
  );

  it.each(['pending', 'review'])('waits for an attempt that may have been paid (%s)', async (status) => {
    house.temporal.onStart = () => Promise.resolve('not_yet');
    const id = await pay();
    await house.sql.query('UPDATE operations SET status = $2 WHERE payment_id = $1', [id, status]);
    expect((await confirm(id)).body['code']).toBe('attempt_open');
  });

  it('is one attempt for many at once', async () => {
    const id = await pay();
    await house.temporal.closeAttempt(id, 'requires_payment_method');
    const answers = await Promise.all(Array.from({ length: 10 }, () => confirm(id)));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer.body['code'] === 'attempt_open')).toHaveLength(9);
    expect(await operations(id)).toHaveLength(2);
  });

  it('is 202 where nobody takes it up, and its replay shows the payment as it is by then', async () => {
    const id = await pay();
    await house.temporal.closeAttempt(id, 'requires_payment_method');
    house.temporal.onStart = () => Promise.resolve('not_yet');
    const key = randomUUID();
    const answer = await confirm(id, {}, key);
    expect([answer.status, answer.body['status'], answer.body['last_error']]).toEqual([
      202,
      'processing',
      null,
    ]);
    await house.temporal.offer(id);
    const later = await confirm(id, {}, key);
    expect([later.status, later.body['status']]).toEqual([200, 'requires_action']);
  });

  it('is refused for a payment that has ended, is being canceled, or has expired', async () => {
    const ended = await pay();
    await house.temporal.closeAttempt(ended, 'canceled');
    expect((await confirm(ended)).body['code']).toBe('payment_ended');
    const canceling = await pay();
    await cancel(canceling);
    expect((await confirm(canceling)).body['code']).toBe('payment_ended');
    const expired = await pay();
    await house.sql.query('UPDATE payments SET expires_at = now() WHERE id = $1', [expired]);
    expect((await confirm(expired)).body).toMatchObject({ code: 'request_expired', status: 422 });
  });

  it('takes only a method that an account serves', async () => {
    const id = await pay();
    await house.temporal.closeAttempt(id, 'requires_payment_method');
    expect((await confirm(id, { method: 'paypal' })).body['code']).toBe('method_unavailable');
    expect((await confirm(id, { return_url: 'http://example.com' })).body['code']).toBe('invalid_field');
  });
});
