import { recordPoll } from '../db/polls.js';
import type { CloseOutcome, FollowUpLookup, QueryOutcome } from '../domain/outcome.js';
import { decideLookup, decideReview } from '../domain/payment-decisions.js';
import { openOperation, type OperationFacts, type PaymentFacts } from '../domain/payment-facts.js';
import { dueAt, positionOf } from '../domain/position-of-payment.js';
import { pollDelayMs, REVIEW_POLL_DELAY_MS } from '../domain/payment-position.js';
import type { Connector, OperationReference } from '../providers/connector.js';
import { confirmDifference } from './confirm-difference.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { commitChange, done, mustLoad } from './store-payment.js';
import { providerUnclear } from './to-application-failure.js';

/** A closing attempt that found nothing to close is made again this soon: the payer may just be scanning. */
const CLOSE_AGAIN_MS = 5_000;

/** Asks whether an open operation was paid, in case the notification got lost. News is recorded. */
export function createQueryOperation(dependencies: ActivityDependencies) {
  return async function queryOperation({ paymentId }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const operation = openOperation(payment);
    if (!operation) return done(payment);
    const outcome = await ask(dependencies, operation, 'at_once');
    dependencies.crashAt('worker.query.after_call');
    const againMs =
      operation.status === 'review' ? REVIEW_POLL_DELAY_MS : pollDelayMs(operation.pollCount + 1);
    return record(dependencies, payment, operation, outcome, againMs, 'worker.query.after_commit');
  };
}

/** Asks the provider to make an unwanted operation unpayable; it counts only when confirmed. */
export function createCloseOperation(dependencies: ActivityDependencies) {
  return async function closeOperation({ paymentId }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const operation = openOperation(payment);
    if (!operation) return done(payment);
    const connector = dependencies.connectors.get(operation.provider);
    const outcome = await passGate(dependencies, operation, 'at_once', () => close(connector, operation));
    dependencies.crashAt('worker.close.after_call');
    return record(dependencies, payment, operation, outcome, CLOSE_AGAIN_MS, 'worker.close.after_commit');
  };
}

/** From `conclusiveAfter` the provider's answer ends the operation one way or the other: ask until it does. */
export function createConcludeOperation(dependencies: ActivityDependencies) {
  return async function concludeOperation({ paymentId, firstTry }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const operation = openOperation(payment);
    if (!operation || dependencies.now() < operation.conclusiveAfterMs) return done(payment);
    const outcome = await askToConclude(dependencies, operation, firstTry ? 'at_once' : 'durably');
    dependencies.crashAt('worker.query.after_call');
    const change = outcome && decideLookup(payment, operation, outcome, dependencies.now());
    if (change) return done(await commitChange(dependencies, payment, change, 'worker.query.after_commit'));
    if (firstTry) return { ...done(payment), clean: false };
    throw providerUnclear(operation.provider, outcome ?? { kind: 'nothing' });
  };
}

/**
 * Hands a payment to a person, after a last question: only where the provider does not say how it ended, or
 * cannot be reached, is it a person's turn.
 */
export function createOpenReview(dependencies: ActivityDependencies) {
  return async function openReview({ paymentId, firstTry }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const operation = openOperation(payment);
    if (!operation || dependencies.now() < operation.deadlineMs) return done(payment);
    const outcome = await askToConclude(dependencies, operation, firstTry ? 'at_once' : 'last_look');
    if (!outcome) return { ...done(payment), clean: false };
    const nowMs = dependencies.now();
    const answer = decideLookup(payment, operation, outcome, nowMs);
    const change = answer ?? decideReview(operation, nowMs);
    if (!change) return done(payment);
    return done(await commitChange(dependencies, payment, change, 'worker.review.after_commit'));
  };
}

/** How a question passes the gate: a first try, one that goes on until it is answered, or the last before a person. */
export type Asking = 'at_once' | 'durably' | 'last_look';

/** A trade that is still waiting after its own end is closed by us, so that its end is certain. */
async function askToConclude(
  dependencies: ActivityDependencies,
  operation: OperationFacts,
  asking: Asking,
): Promise<QueryOutcome | CloseOutcome | undefined> {
  const connector = dependencies.connectors.get(operation.provider);
  return passGate(dependencies, operation, asking, async () => {
    const outcome = await query(connector, operation);
    return outcome.kind === 'pending' ? close(connector, operation) : outcome;
  });
}

/** The provider's word on an operation; undefined where a first try was held back. */
export function ask(
  dependencies: ActivityDependencies,
  operation: OperationFacts,
  asking: Asking,
): Promise<QueryOutcome | undefined> {
  const connector = dependencies.connectors.get(operation.provider);
  return passGate(dependencies, operation, asking, () => query(connector, operation));
}

async function query(connector: Connector, operation: OperationFacts): Promise<QueryOutcome> {
  const reference = referenceOf(operation);
  return confirmDifference(connector, operation, reference, await connector.query(reference));
}

async function close(connector: Connector, operation: OperationFacts): Promise<CloseOutcome> {
  const reference = referenceOf(operation);
  return confirmDifference(connector, operation, reference, await connector.close(reference));
}

export function passGate<Outcome extends QueryOutcome | CloseOutcome | FollowUpLookup>(
  { gate, connectors }: ActivityDependencies,
  operation: OperationFacts,
  asking: Asking,
  call: () => Promise<Outcome>,
): Promise<Outcome | undefined> {
  // Nobody is called, so that it says nothing of how the account's calls go.
  if (connectors.get(operation.provider).capabilities.hasNoLookUp) return call();
  switch (asking) {
    case 'at_once':
      return gate.tryAtOnce(operation, call);
    case 'durably':
      return gate.passDurably(operation, call);
    case 'last_look':
      return gate.passForLastLook(operation, call);
  }
}

async function record(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: QueryOutcome | CloseOutcome | undefined,
  againMs: number,
  after: 'worker.query.after_commit' | 'worker.close.after_commit',
): Promise<PhaseResult> {
  const nowMs = dependencies.now();
  const change = outcome && decideLookup(payment, operation, outcome, nowMs);
  if (change) return done(await commitChange(dependencies, payment, change, after));
  const { hasNoLookUp } = dependencies.connectors.get(operation.provider).capabilities;
  // Where there is nothing to ask it is not asked again before the news that may still come must have come.
  const nextPollMs = Math.max(nowMs + againMs, hasNoLookUp ? operation.conclusiveAfterMs : 0);
  const polled = { ...operation, nextPollMs, pollCount: operation.pollCount + 1 };
  const operations = payment.operations.map((known) => (known.id === operation.id ? polled : known));
  const later = { ...payment, operations };
  const dueAtMs = dueAt(later, nowMs) ?? nextPollMs;
  const poll = { askedAtMs: nowMs, readNextPollMs: operation.nextPollMs, nextPollMs, dueAtMs };
  await recordPoll(dependencies.database, operation.id, poll);
  dependencies.crashAt(after);
  return { position: positionOf(later), clean: true };
}

export function referenceOf(operation: OperationFacts): OperationReference {
  return {
    account: { accountId: operation.accountId, credential: operation.credential },
    reference: operation.providerKey,
    kind: operation.kind,
    amountMinor: operation.amountMinor,
    currency: operation.currency,
    providerReference: operation.providerReference,
    plannedAtMs: operation.plannedAtMs,
    offerEndsAtMs: operation.offerEndsAtMs,
    advanceTakenAtMs: operation.advanceTakenAtMs,
  };
}
