import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acceptPayment, type Acceptance, type NewPayment } from '../../db/accept-payment.js';
import { readAcceptanceFacts } from '../../db/acceptance-facts.js';
import { findIdempotencyRecord } from '../../db/idempotency.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { inTransaction } from '../../db/transaction.js';
import { setLimits } from '../../db/merchants.js';
import { decideCancel } from '../../domain/payment-decisions.js';
import {
  acceptedPayment,
  atOnce,
  countOf,
  courseLine,
  freshId,
  mustLoad,
  newPayment,
  openFreshDatabase,
  otherTenant,
  PRICE,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

const accept = (payment: NewPayment) => acceptPayment(database.app, payment);
const kindsOf = (answers: readonly Acceptance[]) =>
  answers.reduce<Record<string, number>>(
    (counts, { kind }) => ({ ...counts, [kind]: (counts[kind] ?? 0) + 1 }),
    {},
  );

/** Ends a payment as the workflow does once nobody can pay it. */
async function cancel(id: string): Promise<void> {
  const payment = { ...(await mustLoad(database, id)), cancelRequested: true };
  const change = decideCancel(payment, payment.operations.at(-1), Date.now())!;
  await inTransaction(database.app, (trx) => writePaymentChange(trx, payment, change, Date.now()));
}

describe('a request with the same key, from 100 senders at once,', () => {
  it('becomes one payment, one operation and one line of the timeline', async () => {
    const answers = await atOnce(100, () =>
      accept(newPayment(database, { key: 'hundred', orderReference: 'hundred' })),
    );
    expect(kindsOf(answers)).toEqual({ accepted: 1, replayed: 99 });
    expect(await countOf(database, 'payments', `order_reference = 'hundred'`)).toBe(1);
    const scope = { tenant, route: 'POST /v1/payments', key: 'hundred' };
    const record = await findIdempotencyRecord(database.app, scope);
    const payment = await mustLoad(database, record!.objectId);
    expect(payment.operations).toHaveLength(1);
    expect(await countOf(database, 'events', `payment_id = '${record!.objectId}'`)).toBe(1);
    expect(record).toMatchObject({ answer: null, accepted: false, fingerprint: 'ab'.repeat(32) });
  });

  it('is the same request, also where it alone fills the day', async () => {
    const day = { limitDay: '2026-12-01', perDayMinor: PRICE };
    const answers = await atOnce(20, () => accept(newPayment(database, { key: 'full-day', ...day })));
    expect(kindsOf(answers)).toEqual({ accepted: 1, replayed: 19 });
  });

  it('leaves nothing of the ones that lost', async () => {
    const payments = Array.from({ length: 10 }, () =>
      newPayment(database, { key: 'losers', lines: [courseLine], payerId: 'loser' }),
    );
    const answers = await Promise.all(payments.map(accept));
    const ids = payments.map((payment) => `'${payment.id}'`).join();
    expect(kindsOf(answers)).toEqual({ accepted: 1, replayed: 9 });
    for (const table of ['operations', 'order_lines', 'purchase_claims', 'events', 'idempotency_keys']) {
      expect([table, await countOf(database, table, `payment_id IN (${ids})`)]).toEqual([table, 1]);
    }
  });
});

describe('an order reference', () => {
  it('is used once, for ever, by whichever request is first', async () => {
    const answers = await atOnce(30, () => accept(newPayment(database, { orderReference: 'order-race' })));
    expect(kindsOf(answers)).toEqual({ accepted: 1, order_reference_used: 29 });
    expect(
      await countOf(
        database,
        'idempotency_keys k',
        `NOT EXISTS (SELECT FROM payments p WHERE p.id = k.payment_id)`,
      ),
    ).toBe(0);
  });

  it('stays used after its payment was canceled', async () => {
    const payment = newPayment(database, { orderReference: 'canceled-order' });
    await accept(payment);
    await cancel(payment.id);
    expect(await accept(newPayment(database, { orderReference: 'canceled-order' }))).toEqual({
      kind: 'order_reference_used',
    });
  });
});

describe("a merchant's daily limit", () => {
  it('is never exceeded by 50 requests at once, and is used to the full', async () => {
    const day = { limitDay: '2026-12-02', perDayMinor: 10 * PRICE };
    const answers = await atOnce(50, () => accept(newPayment(database, day)));
    expect(kindsOf(answers)).toEqual({ accepted: 10, daily_limit_exceeded: 40 });
    const { rows } = await database.owner.query(
      `SELECT sum(amount_minor)::bigint AS sum FROM payments WHERE limit_day = '2026-12-02'`,
    );
    expect(rows).toEqual([{ sum: 10 * PRICE }]);
  });

  it('is released by what was canceled, and by nothing else', async () => {
    const day = { limitDay: '2026-12-03', perDayMinor: 2 * PRICE };
    const [first, second] = [newPayment(database, day), newPayment(database, day)];
    await accept(first);
    await accept(second);
    const exceeded = { kind: 'daily_limit_exceeded', spentMinor: 2 * PRICE };
    expect(await accept(newPayment(database, day))).toEqual(exceeded);
    await database.owner.query(`UPDATE payments SET status = 'requires_payment_method' WHERE id = $1`, [
      second.id,
    ]);
    expect(await accept(newPayment(database, day))).toEqual(exceeded);
    await cancel(first.id);
    expect(await accept(newPayment(database, day))).toEqual({ kind: 'accepted' });
    expect((await accept(newPayment(database, day))).kind).toBe('daily_limit_exceeded');
  });

  it('is of one day, one currency, one tenant', async () => {
    const day = { limitDay: '2026-12-04', perDayMinor: PRICE };
    await accept(newPayment(database, day));
    expect((await accept(newPayment(database, day))).kind).toBe('daily_limit_exceeded');
    const others = [
      { ...day, limitDay: '2026-12-05' },
      { ...day, currency: 'USD' },
      { ...day, tenant: otherTenant },
      { ...day, limitDay: '2026-12-06', currency: 'USD' },
      { ...day, limitDay: '2026-12-06' },
    ];
    for (const other of others)
      expect(await accept(newPayment(database, other))).toEqual({ kind: 'accepted' });
  });
});

describe('a product that can be had once', () => {
  it('is being bought by one of 30 requests at once', async () => {
    const answers = await atOnce(30, () =>
      accept(newPayment(database, { payerId: 'racer', lines: [courseLine] })),
    );
    expect(kindsOf(answers)).toEqual({ accepted: 1, already_purchased: 29 });
    expect(await countOf(database, 'purchase_claims', `payer_id = 'racer'`)).toBe(1);
  });

  it('can be bought again when the payment before was canceled', async () => {
    const again = () => newPayment(database, { payerId: 'second-thoughts', lines: [courseLine] });
    const first = again();
    await accept(first);
    expect(await accept(again())).toEqual({ kind: 'already_purchased' });
    await cancel(first.id);
    expect(await accept(again())).toEqual({ kind: 'accepted' });
  });

  it('does not hinder another payer, nor a product that can be had often', async () => {
    const often = { ...courseLine, product: { ...courseLine.product, repeatable: true } };
    for (const payerId of ['a', 'b']) {
      expect(await accept(newPayment(database, { payerId, lines: [courseLine] }))).toEqual({
        kind: 'accepted',
      });
    }
    for (let i = 0; i < 2; i += 1) {
      expect(await accept(newPayment(database, { payerId: 'c', lines: [often] }))).toEqual({
        kind: 'accepted',
      });
    }
  });
});

describe('what a request is verified against', () => {
  const request = {
    payerId: 'facts',
    currency: 'CNY',
    method: 'alipay',
    productIds: ['course-ts', 'none'],
    kind: 'sale' as const,
  };

  it('is read in one statement: key, limits, products, claims and accounts', async () => {
    await setLimits(database.app, tenant, { currency: 'CNY', perPaymentMinor: 5, perDayMinor: null });
    const payment = newPayment(database, { key: 'facts', payerId: 'facts', lines: [courseLine] });
    await accept(payment);
    const facts = await readAcceptanceFacts(database.app, payment.scope, request);
    expect(facts).toMatchObject({
      replay: { objectId: payment.id, fingerprint: 'ab'.repeat(32), answer: null, accepted: false },
      payerBlocked: false,
      limits: { perPaymentMinor: 5, perDayMinor: null },
      claims: [{ product: 'course-ts', paymentId: payment.id }],
      accounts: [{ id: database.accounts.get(tenant), provider: 'alipay' }],
    });
    expect([...facts.products.keys()]).toEqual(['course-ts']);
  });

  it("is nobody else's", async () => {
    const scope = { tenant: otherTenant, route: 'POST /v1/payments', key: 'facts' };
    const facts = await readAcceptanceFacts(database.app, scope, request);
    expect(facts).toMatchObject({ replay: null, limits: null, claims: [] });
    expect(facts.accounts.map(({ id }) => id)).toEqual([database.accounts.get(otherTenant)]);
  });
});

describe('an accepted payment', () => {
  it('is read as it was written', async () => {
    const request = newPayment(database, {
      lines: [{ ...courseLine, product: { ...courseLine.product, repeatable: true } }],
    });
    await accept(request);
    const payment = await mustLoad(database, request.id);
    expect(payment.record).toMatchObject({
      status: 'processing',
      outcome: 'known',
      amountMinor: PRICE,
      amountReceivedMinor: 0,
      metadata: { note: '课程' },
      sequence: 1,
      createdAtMs: request.nowMs,
      expiresAtMs: request.expiresAtMs,
    });
    const { operation } = request;
    expect(payment.operations).toEqual([
      expect.objectContaining({
        id: operation.id,
        status: 'planned',
        providerKey: operation.providerKey,
        offerEndsAtMs: operation.offerEndsAtMs,
        conclusiveAfterMs: operation.conclusiveAfterMs,
        deadlineMs: operation.deadlineMs,
        nextPollMs: request.nowMs,
        sentAtMs: null,
        posted: [],
      }),
    ]);
    expect(payment.lines).toMatchObject([
      { position: 0, product: 'course-ts', quantity: 1, amountMinor: PRICE },
    ]);
  });

  it('has at most one collecting operation that is open, and at most one that succeeded', async () => {
    const payment = await acceptedPayment(database);
    const insert = (status: string, kind: string, number: number) =>
      database.owner.query(
        `INSERT INTO operations SELECT (jsonb_populate_record(o, jsonb_build_object('id', $2::text, 'number', $3::integer,
           'kind', $4::text, 'status', $5::text, 'provider_key', $2::text,
           'of_operation_id', CASE WHEN $4::text = 'refund' THEN o.id END))).* FROM operations o WHERE payment_id = $1 AND number = 1`,
        [payment.record.id, freshId('operation'), number, kind, status],
      );
    for (const status of ['planned', 'sent', 'action_required', 'pending', 'unknown', 'review']) {
      for (const kind of ['sale', 'authorize', 'mandate_charge']) {
        await expect(insert(status, kind, 2)).rejects.toThrow(/operations_one_open/);
      }
    }
    await insert('pending', 'refund', 2);
    await insert('rejected', 'sale', 3);
    await insert('succeeded', 'sale', 4);
    await expect(insert('succeeded', 'authorize', 5)).rejects.toThrow(/operations_one_success/);
  });
});
