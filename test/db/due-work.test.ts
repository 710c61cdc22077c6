import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recordEvents } from '../../db/events.js';
import { storeNotification } from '../../db/notifications.js';
import { markNotificationsProcessed } from '../../db/notification-changes.js';
import { takeDue } from '../../db/sweep.js';
import { inTransaction } from '../../db/transaction.js';
import { claimWebhooks, findOpenWebhook, markWebhooks } from '../../db/webhook-deliveries.js';
import { insertWebhookEndpoint } from '../../db/webhook-endpoints.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import {
  acceptedPayment,
  countOf,
  freshId,
  mustLoad,
  openFreshDatabase,
  otherTenant,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;

beforeAll(async () => {
  database = await openFreshDatabase();
  for (const someone of [tenant, otherTenant]) {
    const endpoint = {
      id: freshId('webhookEndpoint'),
      url: `https://${someone.merchantId}.example`,
      secret: 'whsec_MQ==',
    };
    await insertWebhookEndpoint(database.app, someone, { ...endpoint, enabledEvents: ['payment.succeeded'] });
  }
});
afterAll(() => database.close());

const claim = (limit: number, leaseSeconds = 30) => claimWebhooks(database.app, { limit, leaseSeconds });
const makeDue = (table: string, where = 'true') =>
  database.owner.query(`UPDATE ${table} SET due_at = now() - interval '1 s' WHERE ${where}`);

describe('webhooks', () => {
  let payment: PaymentFacts;
  beforeEach(async () => {
    await database.owner.query('DELETE FROM webhook_deliveries');
    payment = await acceptedPayment(database);
    const succeeded = Array.from({ length: 40 }, () => ({ type: 'payment.succeeded' as const }));
    await recordEvents(database.app, payment, [...succeeded, { type: 'payment.canceled' }], Date.now());
  });

  it("are written for the types that the tenant's own endpoint asked for, and no other", async () => {
    const deliveries = await claim(100);
    expect(deliveries).toHaveLength(40);
    expect(new Set(deliveries.map(({ url }) => url))).toEqual(new Set(['https://merchant456.example']));
    const bodies = deliveries.map(({ body }) => JSON.parse(body) as Record<string, any>);
    expect(new Set(bodies.map(({ type }) => type as string))).toEqual(new Set(['payment.succeeded']));
    expect(bodies[0]).toMatchObject({ data: { object: { id: payment.record.id } } });
  });

  it('are shared by claimers side by side: every one is taken, none twice', async () => {
    const taken = (await Promise.all(Array.from({ length: 8 }, () => claim(10)))).flat();
    expect(new Set(taken.map(({ id }) => id)).size).toBe(taken.length);
    expect(taken.length).toBe(40);
    expect(await claim(100)).toEqual([]);
  });

  it('are not waited for while another claimer holds them', async () => {
    await inTransaction(database.app, async (trx) => {
      expect(await claimWebhooks(trx, { limit: 15, leaseSeconds: 30 })).toHaveLength(15);
      expect(await claim(100)).toHaveLength(25);
    });
  });

  it('are given again when a lease runs out, and are the same byte for byte', async () => {
    const first = await claim(100, 0);
    expect(await claim(100)).toHaveLength(40);
    expect(await claim(100)).toEqual([]);
    await makeDue('webhook_deliveries');
    const again = await claim(100);
    const bodiesById = (all: typeof first) =>
      new Map(all.map(({ id, body, eventId }) => [id, [body, eventId]]));
    expect(bodiesById(again)).toEqual(bodiesById(first));
    expect(await countOf(database, 'webhook_deliveries', 'attempts = 3')).toBe(40);
  });

  it('are never due again once delivered or abandoned, and much later while retried', async () => {
    const [delivered, abandoned, retried] = await claim(3, 0);
    await markWebhooks(database.app, [
      { id: delivered!.id, status: 'delivered', result: '200' },
      { id: abandoned!.id, status: 'abandoned', result: '410' },
      { id: retried!.id, status: 'retrying', result: '500' },
    ]);
    const due = (await claim(100)).map(({ id }) => id);
    for (const marked of [delivered, abandoned, retried]) expect(due).not.toContain(marked!.id);
    expect(await findOpenWebhook(database.app, delivered!.id)).toBeUndefined();
    expect(await findOpenWebhook(database.app, retried!.id)).toMatchObject({ isRetrying: true });
    await markWebhooks(database.app, [{ id: delivered!.id, status: 'retrying', result: 'late' }]);
    expect(
      await countOf(database, 'webhook_deliveries', `id = ${delivered!.id} AND status = 'delivered'`),
    ).toBe(1);
  });
});

describe('the sweeper', () => {
  const take = (limit = 100) => takeDue(database.app, { limit, againSeconds: 30 });
  const notify = (payment: PaymentFacts | undefined, dedupeKey: string = randomUUID()) =>
    storeNotification(database.app, {
      account: { id: database.accounts.get(tenant)!, tenant, provider: 'alipay', credential: 'sandbox' },
      dedupeKey,
      providerKey: payment?.operations[0]?.providerKey ?? 'unknown-reference',
      says: 'TRADE_SUCCESS',
      paid: null,
      told: null,
      providerReference: null,
      rawBody: Buffer.from('raw'),
      dueAtMs: Date.now() - 1000,
    });

  beforeEach(async () => {
    await database.owner.query('UPDATE payments SET due_at = NULL');
    await database.owner.query('UPDATE notifications SET due_at = NULL');
  });

  it('takes what is due once, and again only later', async () => {
    const payment = await acceptedPayment(database, { dueAtMs: Date.now() - 1000 });
    await acceptedPayment(database);
    expect(await take()).toEqual([
      {
        paymentId: payment.record.id,
        merchantId: tenant.merchantId,
        mode: 'test',
        method: 'alipay',
        provider: 'alipay',
        operationId: null,
        refund: null,
        isEnded: false,
      },
    ]);
    expect(await take()).toEqual([]);
    const isLater = `due_at > now() + interval '25 s' AND due_at < now() + interval '11 minutes'`;
    expect(await countOf(database, 'payments', `id = '${payment.record.id}' AND ${isLater}`)).toBe(1);
    await makeDue('payments', `id = '${payment.record.id}'`);
    expect(await take()).toHaveLength(1);
  });

  it('shares the work between sweepers', async () => {
    for (let i = 0; i < 20; i += 1) await acceptedPayment(database, { dueAtMs: Date.now() - 1000 });
    const taken = (await Promise.all(Array.from({ length: 6 }, () => take(5)))).flat();
    const ids = taken.map(({ paymentId }) => paymentId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length + (await take()).length).toBe(20);
  });

  it('takes a notification until it is applied, also of a payment that has ended', async () => {
    const payment = await acceptedPayment(database);
    await database.owner.query(`UPDATE payments SET status = 'canceled', due_at = NULL WHERE id = $1`, [
      payment.record.id,
    ]);
    expect(await notify(payment)).toMatchObject({
      isNew: true,
      isProcessed: false,
      target: { paymentStatus: 'canceled' },
    });
    expect(await take()).toMatchObject([{ operationId: payment.operations[0]!.id, isEnded: true }]);
    expect(await take()).toEqual([]);
    const [notification] = (await mustLoad(database, payment.record.id)).notifications;
    await markNotificationsProcessed(database.app, [notification!.id], 'applied');
    await makeDue('notifications');
    expect(await take()).toEqual([]);
    expect((await mustLoad(database, payment.record.id)).notifications).toEqual([]);
  });

  it('keeps a notification once, however often it comes, and an orphan without waking anybody', async () => {
    const payment = await acceptedPayment(database);
    const answers = await Promise.all(Array.from({ length: 20 }, () => notify(payment, 'same')));
    expect(answers.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(await countOf(database, 'notifications', `dedupe_key = 'same'`)).toBe(1);
    expect(await notify(undefined, 'orphan')).toMatchObject({ isNew: true, target: null });
    expect(
      await countOf(
        database,
        'notifications',
        `dedupe_key = 'orphan' AND result = 'orphan' AND due_at IS NULL`,
      ),
    ).toBe(1);
    expect((await take()).map(({ paymentId }) => paymentId)).toEqual([payment.record.id]);
  });
});
