import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ActivityDependencies } from '../../activities/dependencies.js';
import { createQueryFollowUp, createStartFollowUp } from '../../activities/provider-follow-up-operation.js';
import type { ProviderGate } from '../../activities/provider-gate.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import { requestRefund } from '../../db/refunds.js';
import type { CrashAt } from '../../domain/crash-points.js';
import { planFollowUp } from '../../domain/follow-up.js';
import type { FollowUpLookup, PaidEvidence } from '../../domain/outcome.js';
import { decideStart } from '../../domain/payment-decisions.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import type { Connector } from '../../providers/connector.js';
import {
  acceptedPayment,
  countOf,
  freshId,
  mustLoad,
  openFreshDatabase,
  tenant,
  type FreshDatabase,
} from '../db/fresh-database.js';

let database: FreshDatabase;
let crash: CrashAt;
let isHeldBack: boolean;
let isSilent: boolean;
let answer: FollowUpLookup;
/** What the provider now says of the sale. */
let sold: PaidEvidence;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());
beforeEach(() => {
  crash = () => undefined;
  isHeldBack = false;
  isSilent = false;
});

const silence = { kind: 'unknown', recover: 'query', error: { code: 'timeout', message: 'no answer' } };
const port = { start: () => Promise.resolve(answer), query: () => Promise.resolve(answer) };
const connector = {
  capabilities: {},
  refund: port,
  query: () => Promise.resolve(isSilent ? silence : { kind: 'succeeded', paid: sold }),
} as unknown as Connector;
const passes = (_account: unknown, call: () => Promise<never>) => call();
const isOfSale = ({ kind }: OperationFacts) => kind === 'sale';

const dependencies = (): ActivityDependencies => ({
  database: database.app,
  connectors: { get: () => connector } as unknown as ActivityDependencies['connectors'],
  gate: {
    tryAtOnce: (account: OperationFacts, call: () => Promise<never>) =>
      isHeldBack && isOfSale(account) ? Promise.resolve(undefined) : call(),
    passDurably: passes,
    passForLastLook: (account: OperationFacts, call: () => Promise<never>) =>
      isHeldBack && isOfSale(account) ? Promise.reject(new HeldBack()) : call(),
  } as unknown as ProviderGate,
  sendWebhook: () => Promise.reject(new Error('no webhook is sent here')),
  now: () => Date.now(),
  crashAt: (point) => crash(point),
  publicUrl: 'https://pay.example.com',
});
class HeldBack extends Error {}

/** Of `paidMinor` of the price, all is to be given back. */
async function refundOf(paidMinor: number): Promise<{ payment: PaymentFacts; operationId: string }> {
  const accepted = await acceptedPayment(database);
  const [sale] = accepted.operations;
  sold = {
    ...{ reference: sale!.providerKey, merchant: 'm', refundedMinor: 0, paidAtMs: null },
    ...{ amountMinor: paidMinor, currency: sale!.currency, providerReference: 'ch_1' },
  };
  const change = decideStart(accepted, sale!, { kind: 'succeeded', paid: sold }, Date.now());
  const payment = await writePaymentChange(database.app, accepted, change!, Date.now());
  const recovery = { recovery: { refund: 'replay' }, keyLifetimeMs: null } as const;
  const plan = { kind: 'refund', of: payment.operations[0]!, amountMinor: paidMinor, recovery } as const;
  const operation = planFollowUp(payment, plan, Date.now(), randomBytes(10))!;
  const terms = { id: freshId('refund'), reason: null, metadata: {}, createdAtMs: Date.now() };
  const scope = { tenant, route: 'POST /v1/refunds', key: randomUUID() };
  const request = {
    scope,
    fingerprint: 'ab'.repeat(32),
    requestedBy: 'key_1',
    nowMs: Date.now(),
    dueAtMs: Date.now(),
  };
  await requestRefund(database.app, payment.record.id, request, () => ({ terms, operation }));
  return { payment, operationId: operation.id };
}

const refused: FollowUpLookup = {
  ...{ kind: 'failed', reason: 'not_refundable', error: { code: 'REFUNDED', message: 'it went back' } },
};
const inputOf = ({ payment, operationId }: Awaited<ReturnType<typeof refundOf>>) => ({
  ...{ paymentId: payment.record.id, operationId, firstTry: true },
});
const start = (refund: Awaited<ReturnType<typeof refundOf>>) =>
  createStartFollowUp(dependencies())(inputOf(refund));
/** Dies where the refusal is written, and nothing else is done. */
async function startAndDie(refund: Awaited<ReturnType<typeof refundOf>>): Promise<void> {
  let commits = 0;
  crash = (point) => {
    if (point === 'worker.followup.after_commit' && (commits += 1) === 2) throw new Error('it died');
  };
  await expect(start(refund)).rejects.toThrow('it died');
  crash = () => undefined;
}
const isFound = ({ payment }: Awaited<ReturnType<typeof refundOf>>) =>
  countOf(database, 'reviews', `payment_id = '${payment.record.id}' AND reason = 'unexpected_refund'`);

const isDue = ({ operationId }: Awaited<ReturnType<typeof refundOf>>) =>
  countOf(database, 'refunds', `operation_id = '${operationId}' AND due_at IS NOT NULL`);

it('money that somebody else gave back is found after a crash that followed the refusal', async () => {
  const refund = await refundOf(100_000);
  sold = { ...sold, refundedMinor: 100_000 };
  answer = refused;
  await startAndDie(refund);
  const { operations } = await mustLoad(database, refund.payment.record.id);
  expect(operations[1]).toMatchObject({ status: 'rejected' });
  await start(refund);
  expect(await isFound(refund)).toBe(1);
});

it('and where that question was held back at first', async () => {
  const refund = await refundOf(100_000);
  sold = { ...sold, refundedMinor: 100_000 };
  answer = refused;
  isHeldBack = true;
  await start(refund).catch(() => undefined);
  isHeldBack = false;
  await start(refund);
  expect(await isFound(refund)).toBe(1);
});

it('and where it was not answered at first: it stays due until it is', async () => {
  const refund = await refundOf(100_000);
  sold = { ...sold, refundedMinor: 100_000 };
  answer = refused;
  isSilent = true;
  await start(refund);
  expect([await isFound(refund), await isDue(refund)]).toEqual([0, 1]);
  isSilent = false;
  await start(refund);
  expect([await isFound(refund), await isDue(refund)]).toEqual([1, 0]);
});

it('a refund that went through after it had been given up ends the attempt whose money it was', async () => {
  const refund = await refundOf(80_000);
  answer = refused;
  await start(refund);
  const before = await mustLoad(database, refund.payment.record.id);
  expect(before.operations.map(({ status }) => status)).toEqual(['review', 'rejected']);
  const [, given] = before.operations;
  await database.owner.query(
    `INSERT INTO notifications (account_id, dedupe_key, provider_key, merchant_id, mode, payment_id, operation_id, says, raw_body, due_at)
     SELECT account_id, id, provider_key, merchant_id, mode, payment_id, id, 'news', '', now() FROM operations WHERE id = $1`,
    [given!.id],
  );
  const { providerKey: reference, amountMinor, currency } = given!;
  const moved = { reference, amountMinor, currency, providerReference: 're_1', movedAtMs: null };
  answer = { kind: 'succeeded', moved };
  sold = { ...sold, refundedMinor: 80_000 };
  await createQueryFollowUp(dependencies())(inputOf(refund));
  const after = await mustLoad(database, refund.payment.record.id);
  expect(after.operations.map(({ status }) => status)).toEqual(['closed', 'late_success']);
  expect(after.record).toMatchObject({ status: 'requires_payment_method', amountRefundedMinor: 80_000 });
});
