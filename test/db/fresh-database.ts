import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { acceptPayment, type NewPayment } from '../../db/accept-payment.js';
import { connectDatabase, type Database } from '../../db/connect.js';
import { ensureMerchant, ensureProviderAccount } from '../../db/merchants.js';
import { loadPayment } from '../../db/payments.js';
import { insertProduct } from '../../db/products.js';
import { makeId, providerKey } from '../../domain/ids.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import type { PricedProduct } from '../../domain/pricing.js';
import type { Tenant } from '../../domain/tenant.js';
import { createDatabase } from '../house.js';

export const tenant: Tenant = { merchantId: 'merchant456', mode: 'test' };
export const otherTenant: Tenant = { merchantId: 'merchant789', mode: 'test' };
export const PRICE = 100_000;
const MINUTE = 60_000;

export const course: PricedProduct = {
  id: 'course-ts',
  name: 'TypeScript',
  type: 'course',
  priceMinor: PRICE,
  currency: 'CNY',
  repeatable: false,
  active: true,
};

/** A database of its own, seen as the application sees it (`app`) and as its owner does (`owner`). */
export interface FreshDatabase {
  readonly app: Database;
  readonly owner: pg.Pool;
  readonly urls: { readonly ownerUrl: string; readonly appUrl: string };
  readonly accounts: ReadonlyMap<Tenant, string>;
  close(): Promise<void>;
}

/** Two merchants, each with an account at a provider and a course. */
export async function openFreshDatabase(): Promise<FreshDatabase> {
  const urls = await createDatabase();
  const app = connectDatabase({ url: urls.appUrl, applicationName: 'test', poolMax: 24 });
  const owner = new pg.Pool({ connectionString: urls.ownerUrl, max: 2 });
  const accounts = new Map<Tenant, string>();
  for (const someone of [tenant, otherTenant]) {
    await ensureMerchant(app, {
      tenant: someone,
      name: 'm',
      defaultCurrency: 'CNY',
      timeZone: 'Asia/Shanghai',
    });
    const account = {
      id: freshId('providerAccount'),
      tenant: someone,
      provider: 'alipay',
      credential: 'sandbox',
    };
    accounts.set(
      someone,
      await ensureProviderAccount(app, { ...account, method: 'alipay', currencies: ['CNY'] }),
    );
    await insertProduct(app, someone, course);
  }
  return {
    app,
    owner,
    urls,
    accounts,
    async close() {
      await app.destroy();
      await owner.end();
    },
  };
}

export function freshId(kind: Parameters<typeof makeId>[0]): string {
  return makeId(kind, Date.now(), randomBytes(10));
}

/** A request for a payment, as the API hands it over: one payer, no order lines unless told otherwise. */
export function newPayment(
  database: Pick<FreshDatabase, 'accounts'>,
  change: Partial<NewPayment> & { tenant?: Tenant; key?: string } = {},
): NewPayment {
  const { tenant: someone = tenant, key = randomUUID(), ...rest } = change;
  const id = rest.id ?? freshId('payment');
  const nowMs = Date.now();
  return {
    id,
    scope: { tenant: someone, route: 'POST /v1/payments', key },
    fingerprint: 'ab'.repeat(32),
    payerIp: null,
    payerCountry: null,
    routing: null,
    payerId: `payer-${randomUUID()}`,
    amountMinor: PRICE,
    currency: 'CNY',
    method: 'alipay',
    orderReference: `order-${randomUUID()}`,
    returnUrl: null,
    capture: 'automatic',
    metadata: { note: '课程' },
    limitDay: '2026-11-23',
    perDayMinor: null,
    nowMs,
    expiresAtMs: nowMs + 60 * MINUTE,
    dueAtMs: nowMs + MINUTE,
    lines: [],
    operation: {
      id: freshId('operation'),
      number: 1,
      kind: 'sale',
      provider: 'alipay',
      accountId: database.accounts.get(someone)!,
      providerKey: providerKey(id, 'sale', 1),
      flow: 'qr_code',
      paymentToken: null,
      refusedFunding: [],
      fallbacks: [],
      replayForMs: null,
      offerEndsAtMs: nowMs + 5 * MINUTE,
      conclusiveAfterMs: nowMs + 6 * MINUTE,
      deadlineMs: nowMs + 24 * 60 * MINUTE,
    },
    createdEvent: { id: freshId('event'), data: {} },
    ...rest,
  };
}

export const courseLine = { position: 0, product: course, quantity: 1, amountMinor: PRICE };

/** Accepted, and read again as the workflow reads it. */
export async function acceptedPayment(
  database: FreshDatabase,
  change: Parameters<typeof newPayment>[1] = {},
): Promise<PaymentFacts> {
  const payment = newPayment(database, change);
  const accepted = await acceptPayment(database.app, payment);
  if (accepted.kind !== 'accepted') throw new Error(`not accepted: ${accepted.kind}`);
  return mustLoad(database, payment.id);
}

export async function mustLoad({ app }: FreshDatabase, paymentId: string): Promise<PaymentFacts> {
  const payment = await loadPayment(app, paymentId);
  if (!payment) throw new Error(`there is no payment ${paymentId}`);
  return payment;
}

/** What PostgreSQL refused with, as `code: message`; undefined where it refused nothing. */
export async function refusalOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return `${code}: ${message}`;
  }
}

export async function countOf({ owner }: FreshDatabase, table: string, where = 'true'): Promise<number> {
  const { rows } = await owner.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM ${table} WHERE ${where}`,
  );
  return rows[0]!.count;
}

/** `work`, from many at once, started together. */
export function atOnce<T>(times: number, work: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, index) => work(index)));
}
