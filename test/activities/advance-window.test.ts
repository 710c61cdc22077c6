import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActivityDependencies } from '../../activities/dependencies.js';
import { createAdvanceOperation } from '../../activities/provider-advance-operation.js';
import type { ProviderGate } from '../../activities/provider-gate.js';
import { writePaymentChange } from '../../db/payment-changes.js';
import type { CrashPoint } from '../../domain/crash-points.js';
import type { StartOutcome } from '../../domain/outcome.js';
import { decideApproved } from '../../domain/payment-advance.js';
import type { PaymentChange } from '../../domain/payment-change.js';
import { decideStart } from '../../domain/payment-decisions.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import type { AdvanceRequest, Connector } from '../../providers/connector.js';
import { acceptedPayment, mustLoad, openFreshDatabase, type FreshDatabase } from '../db/fresh-database.js';

const MINUTE = 60_000;
/** As of PayPal, less the margin that no repetition comes later than. */
const advanceKeyLifetimeMs = 30 * MINUTE;
const WINDOW_MS = 25 * MINUTE;

let database: FreshDatabase;
let clockMs: number;
let sent: AdvanceRequest[];
/** What is waited for on the way to the call, in the gate or just before it. */
let heldFor: { gateMs?: number; at?: CrashPoint; ms?: number };

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());
beforeEach(() => {
  clockMs = Date.now();
  sent = [];
  heldFor = {};
});

const noAnswer: StartOutcome = {
  ...{ kind: 'unknown', recover: 'replay', error: { code: 'timeout', message: 'no answer' } },
};

const connector = {
  capabilities: { advanceKeyLifetimeMs },
  advance: (request: AdvanceRequest) => {
    sent.push(request);
    return Promise.resolve(noAnswer);
  },
} as unknown as Connector;

const passes = (_account: unknown, call: () => Promise<never>) => {
  clockMs += heldFor.gateMs ?? 0;
  return call();
};

const dependencies = (): ActivityDependencies => ({
  database: database.app,
  connectors: { get: () => connector } as unknown as ActivityDependencies['connectors'],
  gate: { tryAtOnce: passes, passDurably: passes } as unknown as ProviderGate,
  sendWebhook: () => Promise.reject(new Error('no webhook is sent here')),
  now: () => clockMs,
  crashAt: (point) => {
    if (point === heldFor.at) clockMs += heldFor.ms ?? 0;
  },
  publicUrl: 'https://pay.example.com',
});

const advance = ({ record }: PaymentFacts, firstTry: boolean) =>
  createAdvanceOperation(dependencies())({ paymentId: record.id, firstTry });

const newest = ({ operations }: PaymentFacts): OperationFacts => operations.at(-1)!;
const stands = async ({ record }: PaymentFacts) => newest(await mustLoad(database, record.id));

/** A payer has approved, and nothing was taken yet. */
async function approved(): Promise<PaymentFacts> {
  let payment = await acceptedPayment(database, { expiresAtMs: clockMs + 24 * 60 * MINUTE });
  const write = async (change: PaymentChange | undefined) => {
    payment = await writePaymentChange(database.app, payment, change!, clockMs);
  };
  const offer = {
    type: 'redirect',
    data: 'https://paypal.example',
    endsAtMs: newest(payment).offerEndsAtMs,
  } as const;
  await write(decideStart(payment, newest(payment), { kind: 'pending', why: 'user_action', offer }, clockMs));
  await write(decideApproved(newest(payment), null, clockMs));
  return payment;
}

/** The call was sent, and its answer is not known. */
async function unanswered(): Promise<PaymentFacts> {
  const payment = await approved();
  await advance(payment, true);
  expect(await stands(payment)).toMatchObject({ status: 'unknown', advanceCount: 1 });
  sent = [];
  return payment;
}

describe('the call that takes the money', () => {
  it('is told until when it may be sent, and is repeated until then', async () => {
    const takenAtMs = clockMs;
    const payment = await unanswered();
    heldFor = { gateMs: WINDOW_MS - 1 };
    await expect(advance(payment, false)).rejects.toThrow();
    expect(sent).toMatchObject([{ number: 1, sendBeforeMs: takenAtMs + WINDOW_MS }]);
  });

  it.each<[string, typeof heldFor]>([
    ['in the gate', { gateMs: WINDOW_MS }],
    ['just before it', { at: 'worker.advance.before_replay', ms: WINDOW_MS }],
  ])('is not repeated after that where it was held up %s, and stays unknown', async (_where, held) => {
    const payment = await unanswered();
    heldFor = held;
    // That nothing was sent this time says nothing of the first.
    await expect(advance(payment, false)).rejects.toThrow();
    expect(sent).toEqual([]);
    expect(await stands(payment)).toMatchObject({ status: 'unknown', advanceCount: 1 });
    heldFor = {};
    await advance(payment, false);
    expect(sent).toEqual([]);
  });

  it('is not sent for the first time where it was held up so long, and the step is given back', async () => {
    const payment = await approved();
    heldFor = { at: 'worker.advance.before_call', ms: WINDOW_MS };
    await advance(payment, true);
    expect(sent).toEqual([]);
    expect(await stands(payment)).toMatchObject({
      ...{ status: 'action_required', advanceTakenAtMs: null, advanceCount: 1 },
    });
  });

  it('of a row that allows more repetitions than the connector does by now is only asked about', async () => {
    const payment = await unanswered();
    await database.owner.query(
      `UPDATE operations SET advance_replay_until = advance_taken_at + interval '45 days' WHERE payment_id = $1`,
      [payment.record.id],
    );
    clockMs += WINDOW_MS;
    await advance(payment, false);
    expect(sent).toEqual([]);
    const operation = await stands(payment);
    expect(operation.status).toBe('unknown');
    expect(operation.advanceReplayUntilMs).toBeLessThanOrEqual(clockMs);
  });
});
