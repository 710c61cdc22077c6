import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paymentTimeline } from '../../db/events.js';
import { findIdempotencyRecord, markAnsweredAccepted, type IdempotencyScope } from '../../db/idempotency.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { loadPayment } from '../../db/payments.js';
import { ConcurrentChangeError, inTransaction } from '../../db/transaction.js';
import type { Offer } from '../../domain/outcome.js';
import type { PaymentChange } from '../../domain/payment-change.js';
import { decideCancel, decideLookup, decideStart } from '../../domain/payment-decisions.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import { toPaymentResource } from '../../domain/payment-resource.js';
import {
  acceptedPayment,
  atOnce,
  countOf,
  courseLine,
  mustLoad,
  openFreshDatabase,
  PRICE,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

const now = () => Date.now();
const newest = (payment: PaymentFacts): OperationFacts => payment.operations.at(-1)!;
const write = (payment: PaymentFacts, change: PaymentChange | undefined) =>
  writePaymentChange(database.app, payment, change!, now());

function offerMade(payment: PaymentFacts): PaymentChange | undefined {
  const offer: Offer = {
    type: 'qr_code',
    data: 'https://qr.alipay.com/1',
    endsAtMs: newest(payment).offerEndsAtMs,
  };
  return decideStart(payment, newest(payment), { kind: 'pending', why: 'user_action', offer }, now());
}

function paid(payment: PaymentFacts, amountMinor = PRICE): PaymentChange | undefined {
  const { providerKey: reference, currency } = newest(payment);
  const claim = {
    reference,
    merchant: 'seller',
    amountMinor,
    currency,
    refundedMinor: 0,
    providerReference: 't',
    paidAtMs: null,
  };
  return decideLookup(payment, newest(payment), { kind: 'succeeded', paid: claim }, now());
}

async function withOffer(change: Parameters<typeof acceptedPayment>[1] = {}): Promise<PaymentFacts> {
  const payment = await acceptedPayment(database, change);
  return write(payment, offerMade(payment));
}

describe('a change', () => {
  it('is read again exactly as its writer was told, step by step', async () => {
    let payment = await acceptedPayment(database, { payerId: 'reader', lines: [courseLine] });
    const sent = {
      operation: { id: newest(payment).id, from: 'planned', to: 'sent', sentAtMs: now() },
      events: [],
    } as const;
    for (const decide of [() => sent, offerMade, paid]) {
      payment = await write(payment, decide(payment));
      expect(await mustLoad(database, payment.record.id)).toEqual(payment);
    }
    expect(payment.record).toMatchObject({ status: 'succeeded', amountReceivedMinor: PRICE });
    expect(newest(payment).posted).toEqual(['paid']);
  });

  it('carries ledger, entitlement and timeline with it, and numbers the timeline without a gap', async () => {
    const payment = await withOffer({ payerId: 'whole', lines: [courseLine] });
    const { record } = await write(payment, paid(payment));
    expect(
      await countOf(database, 'entitlements', `payment_id = '${record.id}' AND status = 'granted'`),
    ).toBe(1);
    expect(await countOf(database, 'ledger_transactions', `operation_id = '${newest(payment).id}'`)).toBe(1);
    expect(await countOf(database, 'purchase_claims', `payment_id = '${record.id}'`)).toBe(1);
    const timeline = await paymentTimeline(database.app, tenant, record.id);
    expect(timeline.map((event) => [event.sequence, event.type])).toEqual([
      [1, 'payment.created'],
      [2, 'payment.requires_action'],
      [3, 'payment.succeeded'],
      [4, 'entitlement.granted'],
    ]);
    expect(record.sequence).toBe(4);
  });

  it('that ends a payment unpaid gives back its reservations and leaves nothing due', async () => {
    const accepted = await acceptedPayment(database, { payerId: 'gives-back', lines: [courseLine] });
    const payment = { ...accepted, cancelRequested: true };
    await write(payment, decideCancel(payment, newest(payment), now()));
    expect(await countOf(database, 'purchase_claims', `payment_id = '${payment.record.id}'`)).toBe(0);
    expect(
      await countOf(
        database,
        'payments',
        `id = '${payment.record.id}' AND due_at IS NULL AND ended_at IS NOT NULL`,
      ),
    ).toBe(1);
  });

  it('of what differs opens one review, and counts what was received', async () => {
    const payment = await withOffer();
    const after = await write(payment, paid(payment, PRICE - 1));
    expect(await mustLoad(database, payment.record.id)).toEqual(after);
    expect(
      await countOf(database, 'reviews', `payment_id = '${payment.record.id}' AND reason = 'amount_differs'`),
    ).toBe(1);
    expect(after.record).toMatchObject({ outcome: 'review', amountReceivedMinor: PRICE - 1 });
  });
});

describe('a change that was decided on rows that have changed since', () => {
  const rowsOf = async ({ record }: PaymentFacts) =>
    (
      await database.owner.query(
        'SELECT p.*, o.status AS o_status, o.offer, o.next_poll_at FROM payments p JOIN operations o ON o.payment_id = p.id WHERE p.id = $1',
        [record.id],
      )
    ).rows;
  const tables = ['events', 'ledger_entries', 'entitlements', 'reviews'];
  const counts = () => Promise.all(tables.map((table) => countOf(database, table)));

  it('is refused, and nothing of it is written', async () => {
    const payment = await withOffer({ payerId: 'stale', lines: [courseLine] });
    const stale: [string, PaymentFacts][] = [
      ['sequence', { ...payment, record: { ...payment.record, sequence: payment.record.sequence - 1 } }],
      ['operation', { ...payment, operations: [{ ...newest(payment), status: 'unknown' }] }],
      ['payment', { ...payment, record: { ...payment.record, id: 'pay_none' } }],
    ];
    for (const [what, facts] of stale) {
      const before = [await rowsOf(payment), await counts()];
      await expect(write(facts, paid(facts)), what).rejects.toThrow(ConcurrentChangeError);
      expect([await rowsOf(payment), await counts()]).toEqual(before);
    }
    expect((await write(payment, paid(payment))).record.status).toBe('succeeded');
  });

  it('is refused to all but one of many at once', async () => {
    const payment = await withOffer({ payerId: 'crowd', lines: [courseLine] });
    const results = await atOnce(12, () =>
      write(payment, paid(payment)).then(
        () => 'written',
        (error: Error) => error.name,
      ),
    );
    expect(results.filter((result) => result === 'written')).toHaveLength(1);
    expect(results.filter((result) => result === 'ConcurrentChangeError')).toHaveLength(11);
    expect(await countOf(database, 'entitlements', `payer_id = 'crowd'`)).toBe(1);
  });

  it('is refused to an offer that nobody wants any more, at the very moment it is written', async () => {
    for (const unwanted of [`cancel_requested_at = now()`, `expires_at = now() - interval '1 ms'`]) {
      const payment = await acceptedPayment(database);
      await database.owner.query(`UPDATE payments SET ${unwanted} WHERE id = $1`, [payment.record.id]);
      const before = await rowsOf(payment);
      await expect(write(payment, { ...offerMade(payment)!, onlyWhileWanted: true })).rejects.toThrow(
        ConcurrentChangeError,
      );
      expect(await rowsOf(payment)).toEqual(before);
      expect((await mustLoad(database, payment.record.id)).operations[0]?.status).toBe('planned');
    }
  });
});

describe('a change that has to wait for somebody else', () => {
  const counted = ['events', 'ledger_entries', 'entitlements', 'webhook_deliveries'];
  const counts = () => Promise.all(counted.map((table) => countOf(database, table)));

  /** Starts the change while another transaction holds the row; ends that one when the change waits for it. */
  async function meeting(payment: PaymentFacts, others: string, id: string): Promise<PaymentFacts> {
    let writing: Promise<PaymentFacts> | undefined;
    await inTransaction(database.app, async (trx) => {
      await trx.raw(others, [id]);
      writing = write(payment, paid(payment));
      writing.catch(() => undefined);
      await waitedFor();
    });
    return writing!;
  }

  async function waitedFor(): Promise<void> {
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    while ((await database.app.raw(waiting)).rows.length === 0) await pause(5);
  }

  it.each([
    ['the payment', 'UPDATE payments SET due_at = now() WHERE id = ?', (p: PaymentFacts) => p.record.id],
    ['the operation', 'UPDATE operations SET poll_count = 7 WHERE id = ?', (p: PaymentFacts) => newest(p).id],
  ])('is written in whole where %s then is as it was read', async (what, others, idOf) => {
    const payment = await withOffer({ payerId: `waits for ${what}`, lines: [courseLine] });
    const after = await meeting(payment, others, idOf(payment));
    const read = await mustLoad(database, payment.record.id);
    expect(read.record.sequence).toBe(after.record.sequence);
    expect([read.record.status, newest(read).status]).toEqual(['succeeded', 'succeeded']);
    // What the others wrote and the change does not name is kept.
    expect(newest(read).pollCount).toBe(what === 'the operation' ? 7 : 0);
    expect(await countOf(database, 'entitlements', `payment_id = '${payment.record.id}'`)).toBe(1);
  });

  it.each([
    ['payment', 'UPDATE payments SET sequence = sequence + 1 WHERE id = ?', (p: PaymentFacts) => p.record.id],
    [
      'operation',
      `UPDATE operations SET status = 'unknown', poll_count = 7 WHERE id = ?`,
      (p: PaymentFacts) => newest(p).id,
    ],
  ])('is not written in any part where the %s then has changed', async (what, others, idOf) => {
    const payment = await withOffer({ payerId: `loses its ${what}`, lines: [courseLine] });
    const before = await counts();
    await expect(meeting(payment, others, idOf(payment))).rejects.toThrow(ConcurrentChangeError);
    const read = await mustLoad(database, payment.record.id);
    expect([read.record.status, newest(read).status === 'succeeded']).toEqual(['requires_action', false]);
    expect(await counts()).toEqual(before);
  });
});

describe('a change that the database refuses at its end', () => {
  it('is an error, and nothing of it is written', async () => {
    const payment = await withOffer({ payerId: 'unbalanced', lines: [courseLine] });
    const change = paid(payment)!;
    const [first] = change.postings![0]!.entries;
    const entries = [first!, { ...first!, amountMinor: -1 }];
    const unbalanced = { ...change, postings: [{ fact: 'paid', entries }] } as PaymentChange;
    await expect(write(payment, unbalanced)).rejects.toThrow(/does not sum to zero/);
    expect(await mustLoad(database, payment.record.id)).toEqual(payment);
    expect(await countOf(database, 'entitlements', `payment_id = '${payment.record.id}'`)).toBe(0);
  });

  it('has several postings in their order', async () => {
    const payment = await withOffer();
    const change = paid(payment)!;
    const entries = [1, -1].map((amountMinor) => ({ account: 'a', currency: 'CNY', amountMinor }));
    const postings = [
      ...change.postings!,
      { fact: 'refunded_by_provider', entries },
    ] as PaymentChange['postings'];
    const after = await write(payment, { ...change, postings: postings! });
    expect(newest(after).posted).toEqual(['paid', 'refunded_by_provider']);
    expect(await mustLoad(database, payment.record.id)).toEqual(after);
  });
});

describe("the caller's answer", () => {
  const scopeOf = (key: string): IdempotencyScope => ({ tenant, route: 'POST /v1/payments', key });
  const answerOf = async (key: string) => (await findIdempotencyRecord(database.app, scopeOf(key)))!;

  it('is stored with the change that makes it true, and stays the same byte for byte', async () => {
    const payment = await withOffer({ key: 'answered' });
    const first = await answerOf('answered');
    expect(first.answer).toEqual({ status: 201, body: JSON.stringify(toPaymentResource(payment.record)) });
    expect(first.answer?.body).toContain('课程');
    const settled = await write(payment, paid(payment));
    expect(settled.record.status).toBe('succeeded');
    expect(await answerOf('answered')).toEqual(first);
    expect(await markAnsweredAccepted(database.app, scopeOf('answered'))).toBe(false);
  });

  it('is stored at no other key of the tenant', async () => {
    await acceptedPayment(database, { key: 'bystander' });
    await withOffer({ key: 'neighbour' });
    expect((await answerOf('bystander')).answer).toBeNull();
  });

  it('is never stored after a 202 went out', async () => {
    const payment = await acceptedPayment(database, { key: 'accepted' });
    expect(await markAnsweredAccepted(database.app, scopeOf('accepted'))).toBe(true);
    const after = await write(payment, offerMade(payment));
    await write(after, paid(after));
    expect(await answerOf('accepted')).toMatchObject({ answer: null, accepted: true });
  });

  it('is one or the other, when offer and 202 meet', async () => {
    for (let i = 0; i < 15; i += 1) {
      const payment = await acceptedPayment(database, { key: `meeting-${i}` });
      const [, isMarked] = await Promise.all([
        write(payment, offerMade(payment)),
        markAnsweredAccepted(database.app, scopeOf(`meeting-${i}`)),
      ]);
      const record = await answerOf(`meeting-${i}`);
      expect([record.accepted, record.answer === null]).toEqual([isMarked, isMarked]);
    }
  });
});

describe('a payment that does not exist', () => {
  it('is undefined, and no error', async () => {
    expect(await loadPayment(database.app, 'pay_none')).toBeUndefined();
  });
});
