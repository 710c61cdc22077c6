import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePaymentChange } from '../../db/payment-changes.js';
import type { PaidEvidence } from '../../domain/outcome.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import { decideUnexpectedRefund } from '../../domain/payment-refund.js';
import { decidePaid } from '../../domain/payment-success.js';
import { acceptedPayment, openFreshDatabase, PRICE, type FreshDatabase } from './fresh-database.js';

let database: FreshDatabase;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

function claimFor(payment: PaymentFacts, refundedMinor = 0): PaidEvidence {
  const { providerKey: reference, currency } = payment.operations[0]!;
  const claim = { reference, merchant: 'seller', amountMinor: PRICE, currency, refundedMinor };
  return { ...claim, providerReference: 't', paidAtMs: null };
}

async function paidPayment(): Promise<PaymentFacts> {
  const payment = await acceptedPayment(database);
  const change = decidePaid(payment, payment.operations[0]!, claimFor(payment), Date.now());
  return writePaymentChange(database.app, payment, change!, Date.now());
}

/** Somebody gave back a part, and a notification tells the sum of all parts so far. */
function refund(payment: PaymentFacts, refundedMinor: number): Promise<PaymentFacts> {
  const change = decideUnexpectedRefund(payment.operations[0]!, [claimFor(payment, refundedMinor)]);
  return writePaymentChange(database.app, payment, change, Date.now());
}

async function reviewsOf({ record }: PaymentFacts): Promise<unknown[]> {
  const { rows } = await database.owner.query<Record<string, unknown>>(
    'SELECT evidence, later_evidence, status, closed_at FROM reviews WHERE payment_id = $1',
    [record.id],
  );
  return rows;
}

describe('a review', () => {
  it('keeps what comes after it was opened, the same never twice', async () => {
    let payment = await paidPayment();
    for (const minor of [10, 20, 10, 20, 30]) payment = await refund(payment, minor);
    const kept = (refundedMinor: number) => ({ refunds: [{ refundedMinor }] });
    expect(await reviewsOf(payment)).toMatchObject([
      { evidence: kept(10), later_evidence: [kept(20), kept(30)], status: 'open' },
    ]);
  });

  it('that was closed is open again when something new comes, and only then', async () => {
    let payment = await refund(await paidPayment(), 10);
    await database.owner.query(
      `UPDATE reviews SET status = 'closed', closed_at = now() WHERE payment_id = $1`,
      [payment.record.id],
    );
    payment = await refund(payment, 10);
    expect(await reviewsOf(payment)).toMatchObject([{ status: 'closed', later_evidence: [] }]);
    payment = await refund(payment, 20);
    expect(await reviewsOf(payment)).toMatchObject([{ status: 'open', closed_at: null }]);
  });
});
