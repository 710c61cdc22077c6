import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findIdempotencyRecord } from '../../db/idempotency.js';
import { requestCancelByOperator } from '../../db/operator-requests.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { confirmPayment, requestCancel, type PaymentRequest } from '../../db/payment-requests.js';
import { renewOperation } from '../../db/renew-operation.js';
import { ConcurrentChangeError, inTransaction } from '../../db/transaction.js';
import { decideLookup, decideStart } from '../../domain/payment-decisions.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import { renewAttempt, type PlannedOperation } from '../../domain/plan-operation.js';
import { untilInLine } from '../lock-waiters.js';
import {
  acceptedPayment,
  atOnce,
  countOf,
  freshId,
  mustLoad,
  newPayment,
  openFreshDatabase,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

function request(route: string, key: string = randomUUID()): PaymentRequest {
  const nowMs = Date.now();
  return {
    scope: { tenant, route, key },
    fingerprint: 'cd'.repeat(32),
    requestedBy: 'key_1',
    nowMs,
    dueAtMs: nowMs + 2_000,
  };
}

const cancel = (payment: PaymentFacts, key?: string) =>
  requestCancel(database.app, payment, request('POST /v1/payments/:id/cancel', key));

function nextOperation(payment: PaymentFacts, number = 2): PlannedOperation {
  const { operation } = newPayment(database, { id: payment.record.id });
  return {
    ...operation,
    id: freshId('operation'),
    number,
    providerKey: `${operation.providerKey.slice(0, -2)}0${number}`,
  };
}

const confirm = (payment: PaymentFacts, key?: string, number = 2) =>
  confirmPayment(database.app, payment, request('POST /v1/payments/:id/confirm', key), {
    method: 'alipay',
    returnUrl: null,
    routing: null,
    operation: nextOperation(payment, number),
  });

async function withOffer(key: string = randomUUID()): Promise<PaymentFacts> {
  return offered(await acceptedPayment(database, { key }));
}

async function offered(payment: PaymentFacts): Promise<PaymentFacts> {
  const operation = payment.operations.at(-1)!;
  const offer = { type: 'qr_code', data: 'qr', endsAtMs: Date.now() } as const;
  const change = decideStart(payment, operation, { kind: 'pending', why: 'user_action', offer }, Date.now())!;
  return inTransaction(database.app, (trx) => writePaymentChange(trx, payment, change, Date.now()));
}

async function closed(key?: string): Promise<PaymentFacts> {
  const payment = await withOffer(key);
  const change = decideLookup(payment, payment.operations[0]!, { kind: 'closed' }, Date.now())!;
  return inTransaction(database.app, (trx) => writePaymentChange(trx, payment, change, Date.now()));
}

describe('a cancel', () => {
  it('is a row: due at once, asked of the provider at once, told in the timeline', async () => {
    const payment = await withOffer();
    await cancel(payment, 'cancel-1');
    const after = await mustLoad(database, payment.record.id);
    expect(after).toMatchObject({ cancelRequested: true, record: { sequence: payment.record.sequence + 1 } });
    expect(after.operations[0]!.nextPollMs).toBeLessThanOrEqual(Date.now());
    expect(
      await countOf(
        database,
        'events',
        `payment_id = '${payment.record.id}' AND type = 'payment.cancel_requested'`,
      ),
    ).toBe(1);
    const scope = { tenant, route: 'POST /v1/payments/:id/cancel', key: 'cancel-1' };
    expect(await findIdempotencyRecord(database.app, scope)).toMatchObject({ accepted: true, answer: null });
  });

  it('with one key from many at once is one request', async () => {
    const payment = await withOffer();
    const key = randomUUID();
    const kinds = await atOnce(20, () =>
      cancel(payment, key).then(
        ({ kind }) => kind,
        (error: Error) => error.name,
      ),
    );
    expect(kinds.filter((kind) => kind === 'requested')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'replayed')).toHaveLength(19);
  });

  it('with many keys at once is asked once, and the others read the payment again', async () => {
    const payment = await withOffer();
    const kinds = await atOnce(10, () =>
      cancel(payment).then(
        ({ kind }) => kind,
        (error: Error) => error.name,
      ),
    );
    expect(kinds.filter((kind) => kind === 'requested')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'ConcurrentChangeError')).toHaveLength(9);
    const route = `route LIKE '%cancel' AND payment_id = '${payment.record.id}'`;
    expect(await countOf(database, 'idempotency_keys', route)).toBe(1);
  });

  it('by an operator, asked twice, is one as well', async () => {
    const payment = await withOffer();
    const after = await requestCancelByOperator(database.app, payment, Date.now());
    expect(await requestCancelByOperator(database.app, after, Date.now())).toBe(after);
    await expect(requestCancelByOperator(database.app, payment, Date.now())).rejects.toThrow(
      ConcurrentChangeError,
    );
    expect(await mustLoad(database, payment.record.id)).toMatchObject({ cancelRequested: true });
  });

  it('by an operator does not deadlock with a workflow, which locks the operation before the payment', async () => {
    const payment = await withOffer();
    const { id } = payment.record;
    const workflow = await database.owner.connect();
    try {
      await workflow.query('BEGIN');
      await workflow.query('UPDATE operations SET poll_count = poll_count + 1 WHERE payment_id = $1', [id]);
      const canceled = requestCancelByOperator(database.app, payment, Date.now());
      canceled.catch(() => undefined);
      await untilInLine(database.owner, 1);
      await workflow.query('UPDATE payments SET due_at = now() WHERE id = $1', [id]);
      await workflow.query('COMMIT');
      expect(await canceled).toMatchObject({ cancelRequested: true });
    } finally {
      workflow.release(true);
    }
  });
});

describe('another attempt', () => {
  it('is planned once the attempt before is over, by one of many', async () => {
    const payment = await closed();
    const kinds = await atOnce(10, () =>
      confirm(payment).then(
        ({ kind }) => kind,
        (error: Error) => error.name,
      ),
    );
    expect(kinds.filter((kind) => kind === 'requested')).toHaveLength(1);
    const after = await mustLoad(database, payment.record.id);
    expect(after.operations.map(({ status }) => status)).toEqual(['closed', 'planned']);
    expect(after.record).toMatchObject({ status: 'processing', outcome: 'known', lastError: null });
  });

  it('cancels one whose offer was never committed, in the same transaction', async () => {
    const payment = await acceptedPayment(database);
    expect(await confirm(payment)).toMatchObject({ kind: 'requested' });
    const after = await mustLoad(database, payment.record.id);
    expect(after.operations.map(({ status }) => status)).toEqual(['canceled', 'planned']);
  });

  it('does not take away an offer that came in the meantime', async () => {
    const stale = await acceptedPayment(database);
    const offer = { type: 'qr_code', data: 'qr', endsAtMs: Date.now() } as const;
    const change = decideStart(
      stale,
      stale.operations[0]!,
      { kind: 'pending', why: 'user_action', offer },
      Date.now(),
    )!;
    const before = await inTransaction(database.app, (trx) =>
      writePaymentChange(trx, stale, change, Date.now()),
    );
    await expect(confirm(stale)).rejects.toThrow(ConcurrentChangeError);
    expect(await mustLoad(database, stale.record.id)).toEqual(before);
  });

  it('is refused after a cancel, also one that came in the meantime', async () => {
    const payment = await closed();
    await cancel(payment);
    await expect(confirm(payment)).rejects.toThrow(ConcurrentChangeError);
    await expect(confirm(await mustLoad(database, payment.record.id))).rejects.toThrow(ConcurrentChangeError);
  });

  it('gets an answer of its own, and the first request keeps the one it had', async () => {
    const answerOf = (route: string, key: string) =>
      findIdempotencyRecord(database.app, { tenant, route, key }).then((record) => record?.answer);
    const payment = await closed('create-1');
    const first = await answerOf('POST /v1/payments', 'create-1');
    expect(first?.status).toBe(201);
    await confirm(payment, 'confirm-1');
    expect(await answerOf('POST /v1/payments/:id/confirm', 'confirm-1')).toBeNull();
    await offered(await mustLoad(database, payment.record.id));
    const second = await answerOf('POST /v1/payments/:id/confirm', 'confirm-1');
    expect(second?.status).toBe(200);
    expect(second?.body).toContain('"requires_action"');
    expect(await answerOf('POST /v1/payments', 'create-1')).toEqual(first);
  });

  it('leaves its key unused where it was refused', async () => {
    const payment = await closed();
    const stale = { ...payment, record: { ...payment.record, sequence: 1 } };
    await expect(confirm(stale, 'refused')).rejects.toThrow(ConcurrentChangeError);
    expect(await confirm(payment, 'refused')).toMatchObject({ kind: 'requested' });
    expect(await confirm(payment, 'refused', 3)).toEqual({ kind: 'replayed' });
  });
});

describe('an attempt that was planned too long ago', () => {
  it('is renewed once, under a new key', async () => {
    const payment = await acceptedPayment(database);
    const [old] = payment.operations;
    const nowMs = old!.offerEndsAtMs + 1;
    const renew = () =>
      renewOperation(
        database.app,
        payment,
        old!,
        renewAttempt(payment, old!, nowMs, randomBytesOf10())!,
        nowMs,
      );
    const results = await atOnce(6, () =>
      renew().then(
        () => 'renewed',
        (error: Error) => error.name,
      ),
    );
    expect(results.filter((result) => result === 'renewed')).toHaveLength(1);
    expect(results.filter((result) => result === 'ConcurrentChangeError')).toHaveLength(5);
    const after = await mustLoad(database, payment.record.id);
    expect(after.operations.map(({ status, number }) => [status, number])).toEqual([
      ['canceled', 1],
      ['planned', 2],
    ]);
    expect(after.operations[1]!.offerEndsAtMs).toBeGreaterThan(nowMs);
  });
});

function randomBytesOf10(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(10));
}
