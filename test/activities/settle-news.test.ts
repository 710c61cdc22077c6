import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActivityDependencies } from '../../activities/dependencies.js';
import type { ProviderGate } from '../../activities/provider-gate.js';
import { createSettlePayment } from '../../activities/store-settlement.js';
import { storeNotification } from '../../db/notifications.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { providerKey } from '../../domain/ids.js';
import type { PaidEvidence, QueryOutcome, Unknown } from '../../domain/outcome.js';
import { decideStart } from '../../domain/payment-decisions.js';
import type { PaymentChange } from '../../domain/payment-change.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import type { Connector, OperationReference } from '../../providers/connector.js';
import {
  acceptedPayment,
  countOf,
  freshId,
  mustLoad,
  openFreshDatabase,
  tenant,
  type FreshDatabase,
} from '../db/fresh-database.js';

const DAY = 24 * 3_600_000;

let database: FreshDatabase;
let clockMs: number;
/** What the provider answers, by our reference. */
let answers: Map<string, QueryOutcome>;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());
beforeEach(() => {
  clockMs = Date.now();
  answers = new Map();
});

const silent: Unknown = { kind: 'unknown', recover: 'query', error: { code: 'timeout', message: 'none' } };
const connector = {
  capabilities: {},
  query: ({ reference }: OperationReference) => Promise.resolve(answers.get(reference) ?? silent),
} as unknown as Connector;
const passes = (_account: unknown, call: () => Promise<never>) => call();

const dependencies = (): ActivityDependencies => ({
  database: database.app,
  connectors: { get: () => connector } as unknown as ActivityDependencies['connectors'],
  gate: { tryAtOnce: passes, passDurably: passes, passForLastLook: passes } as unknown as ProviderGate,
  sendWebhook: () => Promise.reject(new Error('no webhook is sent here')),
  now: () => clockMs,
  crashAt: () => undefined,
  publicUrl: 'https://pay.example.com',
});

const settle = ({ record }: PaymentFacts, firstTry: boolean) =>
  createSettlePayment(dependencies())({ paymentId: record.id, firstTry });
const reload = ({ record }: PaymentFacts) => mustLoad(database, record.id);
const write = (payment: PaymentFacts, change: PaymentChange | undefined) =>
  writePaymentChange(database.app, payment, change!, clockMs);
const reviewsOf = ({ record }: PaymentFacts) =>
  countOf(database, 'reviews', `payment_id = '${record.id}' AND status = 'open'`);

const paidFor = (operation: OperationFacts): PaidEvidence => ({
  ...{ reference: operation.providerKey, merchant: 'm', refundedMinor: 0, paidAtMs: null },
  ...{ amountMinor: operation.amountMinor, currency: operation.currency, providerReference: 'ch_1' },
});

async function news(operation: OperationFacts, paid: PaidEvidence | null): Promise<void> {
  await storeNotification(database.app, {
    account: { id: operation.accountId, tenant, provider: 'alipay', credential: 'sandbox' },
    dedupeKey: freshId('event'),
    providerKey: operation.providerKey,
    says: 'news',
    paid,
    told: null,
    providerReference: null,
    rawBody: Buffer.from('{}'),
    dueAtMs: clockMs,
  });
}

/** The first attempt was refused, and the payment has gone on to another, whose call was not answered. */
async function failedOver(): Promise<{
  payment: PaymentFacts;
  first: OperationFacts;
  second: OperationFacts;
}> {
  const accepted = await acceptedPayment(database);
  const [first] = accepted.operations;
  const next = {
    ...first!,
    id: freshId('operation'),
    number: 2,
    providerKey: providerKey(accepted.record.id, 'sale', 2),
  };
  const refused = {
    operation: { id: first!.id, from: 'planned', to: 'rejected' },
    next,
    events: [],
  } as const;
  const gone = await write(accepted, refused);
  const payment = await write(gone, decideStart(gone, gone.operations[1]!, silent, clockMs));
  return { payment, first: payment.operations[0]!, second: payment.operations[1]! };
}

describe('news of an attempt about which its provider does not answer', () => {
  it.each([true, false])('keeps no news of another attempt waiting (first try: %s)', async (firstTry) => {
    const { payment, first, second } = await failedOver();
    await news(first, null);
    await news(second, paidFor(second));
    answers.set(second.providerKey, { kind: 'succeeded', paid: paidFor(second) });
    const settled = settle(payment, firstTry);
    if (firstTry) expect(await settled).toMatchObject({ clean: false, position: { status: 'succeeded' } });
    else await expect(settled).rejects.toThrow();
    const after = await reload(payment);
    expect(after.record).toMatchObject({ status: 'succeeded', amountReceivedMinor: second.amountMinor });
    expect(after.notifications.map(({ operationId }) => operationId)).toEqual([first.id]);
  });

  it('reaches a person in time, though its payment goes on with another', async () => {
    const { payment, first } = await failedOver();
    await news(first, paidFor(first));
    expect(await settle(payment, true)).toMatchObject({ clean: false });
    expect(await reviewsOf(payment)).toBe(0);
    clockMs += DAY;
    expect(await settle(payment, true)).toMatchObject({ clean: true, position: { outcome: 'review' } });
    expect(await reviewsOf(payment)).toBe(1);
    expect((await reload(payment)).notifications).toEqual([]);
  });
});

it('news of money that has come is not put away because a look-up does not find it any more', async () => {
  const accepted = await acceptedPayment(database);
  const [sale] = accepted.operations;
  const paid = await write(
    accepted,
    decideStart(accepted, sale!, { kind: 'succeeded', paid: paidFor(sale!) }, clockMs),
  );
  await news(sale!, null);
  answers.set(sale!.providerKey, { kind: 'not_found' });
  expect(await settle(paid, true)).toMatchObject({ clean: false });
  expect((await reload(paid)).notifications).toHaveLength(1);
  clockMs += DAY;
  await settle(paid, false);
  expect(await reviewsOf(paid)).toBe(1);
  expect((await reload(paid)).notifications).toEqual([]);
});
