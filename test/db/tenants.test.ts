import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findIdempotencyRecord } from '../../db/idempotency.js';
import { findPayment, findPaymentByReference, listPayments } from '../../db/payments.js';
import { paymentTimeline } from '../../db/events.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import {
  acceptedPayment,
  course,
  freshId,
  openFreshDatabase,
  otherTenant,
  refusalOf,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;
let theirs: PaymentFacts;

beforeAll(async () => {
  database = await openFreshDatabase();
  theirs = await acceptedPayment(database, {
    tenant: otherTenant,
    key: 'their-key',
    orderReference: 'their-order',
  });
});
afterAll(() => database.close());

const asApp = (sql: string, values: readonly unknown[]) => refusalOf(database.app.raw(sql, values));

describe('a row of one tenant cannot point at another', () => {
  const mine = [tenant.merchantId, tenant.mode] as const;

  it("tenant's payment", async () => {
    const { id } = theirs.record;
    const rows: [string, readonly unknown[]][] = [
      [`INSERT INTO order_lines VALUES (?, ?, ?, 9, ?, 'course', 1, 1, true)`, [...mine, id, course.id]],
      [`INSERT INTO purchase_claims VALUES (?, ?, 'p', ?, ?)`, [...mine, course.id, id]],
      [
        `INSERT INTO events (merchant_id, mode, id, payment_id, type, sequence, data) VALUES (?, ?, ?, ?, 't', 9, '{}')`,
        [...mine, freshId('event'), id],
      ],
      [
        `INSERT INTO reviews (merchant_id, mode, id, payment_id, reason, evidence) VALUES (?, ?, ?, ?, 'r', '{}')`,
        [...mine, freshId('review'), id],
      ],
      [
        `INSERT INTO entitlements (merchant_id, mode, id, payer_id, product_id, payment_id, line_position, repeatable, status)
        VALUES (?, ?, ?, 'p', ?, ?, 0, true, 'granted')`,
        [...mine, freshId('entitlement'), course.id, id],
      ],
    ];
    for (const [sql, values] of rows)
      expect([sql, await asApp(sql, values)]).toEqual([sql, expect.stringMatching(/^23503/)]);
  });

  it("tenant's provider account", async () => {
    const account = database.accounts.get(otherTenant)!;
    const own = await acceptedPayment(database);
    const sql = `UPDATE operations SET account_id = ? WHERE id = ?`;
    expect(await asApp(sql, [account, own.operations[0]!.id])).toMatch(/^23503: .*account_id/);
    const notification = `INSERT INTO notifications (merchant_id, mode, account_id, dedupe_key, provider_key, says, raw_body)
      VALUES (?, ?, ?, 'k', 'k', 's', '')`;
    expect(await asApp(notification, [...mine, account])).toMatch(/^23503/);
  });

  it('mode either: test and live never meet', async () => {
    const live = `INSERT INTO order_lines VALUES (?, 'live', ?, 9, ?, 'course', 1, 1, true)`;
    expect(await asApp(live, [otherTenant.merchantId, theirs.record.id, course.id])).toMatch(/^23503/);
  });

  it('by any reference that the schema has', async () => {
    const { rows } = await database.owner.query<{ conname: string; columns: string[]; target: string[] }>(`
      SELECT conname, conrelid::regclass::text AS "from",
        (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)) AS columns,
        (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attnum = ANY (c.confkey)) AS target
        FROM pg_constraint c WHERE contype = 'f' AND confrelid <> 'merchants'::regclass`);
    expect(rows.length).toBeGreaterThan(10);
    for (const { conname, columns, target } of rows) {
      expect([conname, columns]).toEqual([conname, expect.arrayContaining(['merchant_id', 'mode'])]);
      expect([conname, target]).toEqual([conname, expect.arrayContaining(['merchant_id', 'mode'])]);
    }
  });
});

describe('a tenant sees nothing of another', () => {
  it('payment, order reference, timeline or key', async () => {
    const { id } = theirs.record;
    for (const someone of [tenant, { ...otherTenant, mode: 'live' as const }]) {
      expect(await findPayment(database.app, someone, id)).toBeUndefined();
      expect(await findPaymentByReference(database.app, someone, 'their-order')).toBeUndefined();
      expect(await paymentTimeline(database.app, someone, id)).toEqual([]);
      const scope = { tenant: someone, route: 'POST /v1/payments', key: 'their-key' };
      expect(await findIdempotencyRecord(database.app, scope)).toBeUndefined();
      const page = await listPayments(database.app, someone, { limit: 100 });
      expect(page.map((payment) => payment.record.id)).not.toContain(id);
    }
    expect((await findPayment(database.app, otherTenant, id))?.record.id).toBe(id);
    expect(await paymentTimeline(database.app, otherTenant, id)).toHaveLength(1);
  });

  it('and may use the same order reference and the same key', async () => {
    const own = await acceptedPayment(database, { key: 'their-key', orderReference: 'their-order' });
    expect(own.tenant).toEqual(tenant);
    expect((await findPaymentByReference(database.app, tenant, 'their-order'))?.record.id).toBe(
      own.record.id,
    );
  });
});
