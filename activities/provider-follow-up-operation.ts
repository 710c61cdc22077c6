import { randomBytes } from 'node:crypto';
import { planVoid as writePlannedVoid, recordFollowUpPoll } from '../db/follow-ups.js';
import { markNotificationsProcessed } from '../db/notification-changes.js';
import { writePaymentChange } from '../db/payment-changes.js';
import { loadRefundFacts } from '../db/refunds.js';
import {
  followUpDueAt,
  followUpPollDelayMs,
  followUpPosition,
  planFollowUp,
  settlingOperation,
  type FollowUpPosition,
} from '../domain/follow-up.js';
import {
  decideDropped,
  decideFollowUpReview,
  decideFollowUpStart,
  unknownUnlessAsked,
} from '../domain/follow-up-decisions.js';
import { isOpen } from '../domain/operation.js';
import type { FollowUpLookup, FollowUpOutcome, NotExecuted, Unknown } from '../domain/outcome.js';
import { operationChange, type PaymentChange } from '../domain/payment-change.js';
import { heldBy } from '../domain/payment-capture.js';
import { decideLookup, isUnwanted } from '../domain/payment-decisions.js';
import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import { REVIEW_POLL_DELAY_MS } from '../domain/payment-position.js';
import { decideUnexpectedRefund } from '../domain/payment-refund.js';
import { decideEmptied, refundedByUs } from '../domain/payment-refunds.js';
import type { FollowUpRequest } from '../providers/connector.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import {
  askAbout,
  confirmMoved,
  decideAnswer,
  factsFor,
  followUpRequest,
  hasNoLookUp,
  maySend,
  portOf,
} from './provider-follow-up.js';
import { ask } from './provider-query-operation.js';
import { commitChange, done, mustLoad } from './store-payment.js';
import { providerUnclear } from './to-application-failure.js';

export interface FollowUpInput extends PhaseInput {
  /** A refund's; without it, the newest capture or void of the payment is meant. */
  readonly operationId?: string;
}

export interface FollowUpResult extends PhaseResult {
  readonly followUp: FollowUpPosition | null;
}

/**
 * Asks the provider to capture, to let go or to give back, and records what it said. Run again after a crash it reads
 * the operation first, and sends again only under the same key inside its life; else it is asked about.
 */
export function createStartFollowUp(dependencies: ActivityDependencies) {
  return async function startFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    if (!operation || !maySend(payment, operation, dependencies.now())) return result(payment, operation);
    return input.firstTry
      ? startAtOnce(dependencies, payment, operation)
      : startDurably(dependencies, payment, operation);
  };
}

/** Asks what became of it, because it is time to or because there is news of it. */
export function createQueryFollowUp(dependencies: ActivityDependencies) {
  return async function queryFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    if (!operation) return result(payment, operation);
    const hasNews = payment.notifications.some(({ operationId }) => operationId === operation.id);
    if (!isOpen(operation.status) && !hasNews) return result(payment, operation);
    const outcome = await askAbout(dependencies, payment, operation, 'at_once');
    dependencies.crashAt('worker.followup.after_call');
    return record(dependencies, payment, operation, outcome);
  };
}

/** Hands it to a person, after a last question: only where the provider does not say how it ended is it one's turn. */
export function createReviewFollowUp(dependencies: ActivityDependencies) {
  return async function reviewFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    if (!operation || dependencies.now() < followUpPosition(payment, operation).deadlineMs) {
      return result(payment, operation);
    }
    const asking = input.firstTry ? 'at_once' : 'last_look';
    const outcome = await askAbout(dependencies, payment, operation, asking);
    // Held back, it goes on durably: a person's time is not taken before the provider was asked.
    if (!outcome) return { ...result(payment, operation), clean: false };
    const answer = await decideAnswer(dependencies, payment, operation, outcome);
    const change = answer ?? decideFollowUpReview(payment, operation, dependencies.now());
    return commit(dependencies, payment, operation, change);
  };
}

/** Ends what was never sent, and is not to be sent any more. */
export function createDropFollowUp(dependencies: ActivityDependencies) {
  return async function dropFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    const nowMs = dependencies.now();
    if (operation?.status !== 'planned') return result(payment, operation);
    if (maySend(payment, operation, nowMs) && nowMs < operation.deadlineMs) return result(payment, operation);
    const facts = await factsFor(dependencies, payment, operation);
    return commit(dependencies, payment, operation, decideDropped(payment, operation, facts, nowMs));
  };
}

/** Plans that the provider lets go what it holds for a payment that nobody wants any more. */
export function createPlanVoid(dependencies: ActivityDependencies) {
  return async function planVoid({ paymentId }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const of = heldBy(payment);
    const nowMs = dependencies.now();
    const settling = settlingOperation(payment);
    if (!of || (settling && isOpen(settling.status)) || !isUnwanted(payment, nowMs)) return done(payment);
    const { capabilities: recovery } = dependencies.connectors.get(of.provider);
    const plan = { kind: 'void', of, amountMinor: of.amountMinor, recovery } as const;
    const planned = planFollowUp(payment, plan, nowMs, randomBytes(10));
    if (!planned) return done(payment);
    await writePlannedVoid(dependencies.database, payment, planned, nowMs);
    dependencies.crashAt('worker.void.after_commit');
    return done(await mustLoad(dependencies, paymentId));
  };
}

async function load(
  dependencies: ActivityDependencies,
  { paymentId, operationId }: FollowUpInput,
): Promise<{ payment: PaymentFacts; operation: OperationFacts | undefined }> {
  const payment = await mustLoad(dependencies, paymentId);
  const operation =
    operationId === undefined
      ? settlingOperation(payment)
      : payment.operations.find(({ id }) => id === operationId);
  return { payment, operation };
}

function result(payment: PaymentFacts, operation: OperationFacts | undefined): FollowUpResult {
  const current = operation && payment.operations.find(({ id }) => id === operation.id);
  return { ...done(payment), followUp: current ? followUpPosition(payment, current) : null };
}

/** The first try, behind permit and breaker; it is `sent`, committed, before its first byte (payment model, rule 7). */
async function startAtOnce(
  dependencies: ActivityDependencies,
  read: PaymentFacts,
  planned: OperationFacts,
): Promise<FollowUpResult> {
  const untried = { ...result(read, planned), clean: false };
  if (planned.status !== 'planned') return untried;
  let payment = read;
  const outcome = await dependencies.gate.tryAtOnce(planned, async () => {
    payment = await takeSend(dependencies, read, planned);
    dependencies.crashAt('worker.followup.before_call');
    return send(dependencies, payment, planned);
  });
  if (!outcome) return untried;
  dependencies.crashAt('worker.followup.after_call');
  const started = await recordStart(dependencies, payment, planned, outcome, true);
  return { ...started, clean: !isUnclear(outcome) };
}

/** A `sent` that it finds becomes unknown before anything else, whether it may call or not. */
async function startDurably(
  dependencies: ActivityDependencies,
  read: PaymentFacts,
  operation: OperationFacts,
): Promise<FollowUpResult> {
  const isFirstSend = operation.status === 'planned';
  let payment = isFirstSend ? read : await takeSend(dependencies, read, operation);
  const outcome = await dependencies.gate.passDurably(operation, async () => {
    if (isFirstSend) payment = await takeSend(dependencies, payment, operation);
    dependencies.crashAt('worker.followup.before_call');
    return send(dependencies, payment, operation);
  });
  dependencies.crashAt('worker.followup.after_call');
  // Only the call that took it from planned can prove that nothing was ever delivered under this key.
  const started = await recordStart(dependencies, payment, operation, outcome, isFirstSend);
  if (isUnclear(outcome)) throw providerUnclear(operation.provider, outcome);
  return started;
}

async function send(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  { id }: OperationFacts,
): Promise<FollowUpOutcome> {
  const operation = mustFind(payment, id);
  const request = followUpRequest(dependencies, payment, operation);
  const told =
    operation.status === 'sent' ? undefined : await askBeforeReplay(dependencies, operation, request);
  const outcome = told ?? (await portOf(dependencies, operation).start(request));
  return confirmMoved(dependencies, request, operation, outcome);
}

/**
 * What may have been done is asked about before it is asked for again: a provider that lost or ignored the key would do
 * it twice. Where it does not know, or cannot tell, the key has to do.
 */
async function askBeforeReplay(
  dependencies: ActivityDependencies,
  operation: OperationFacts,
  request: FollowUpRequest,
): Promise<FollowUpOutcome | undefined> {
  const told = await portOf(dependencies, operation).query(request);
  const isUnderWay = told.kind === 'pending' && told.why !== 'retry_same_key';
  return told.kind === 'succeeded' || isUnderWay ? told : undefined;
}

/** planned → sent before the first byte; a `sent` that a re-run finds becomes unknown before anything else. */
async function takeSend(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<PaymentFacts> {
  const isFirst = operation.status === 'planned';
  if (!isFirst && operation.status !== 'sent') return payment;
  const change = isFirst
    ? operationChange(operation, 'send_taken', { sentAtMs: dependencies.now() })
    : operationChange(operation, 'found_by_rerun', {});
  if (!change) return payment;
  const outcome = isFirst || operation.kind === 'refund' ? {} : unknownUnlessAsked(payment);
  return commitChange(
    dependencies,
    payment,
    { operation: change, ...outcome, events: [] },
    'worker.followup.after_commit',
  );
}

async function recordStart(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  { id }: OperationFacts,
  outcome: FollowUpOutcome,
  isFirstSend: boolean,
): Promise<FollowUpResult> {
  const operation = mustFind(payment, id);
  if (outcome.kind === 'not_executed' && !isFirstSend) return result(payment, operation);
  const facts = await factsFor(dependencies, payment, operation);
  const change = decideFollowUpStart(payment, operation, outcome, facts, dependencies.now());
  if (!change && outcome.kind === 'pending') return keepPolling(dependencies, payment, operation);
  return commit(dependencies, payment, operation, change, outcome);
}

async function record(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: FollowUpLookup | undefined,
): Promise<FollowUpResult> {
  const change = outcome && (await decideAnswer(dependencies, payment, operation, outcome));
  // Where there is nothing to ask, news that tells no end is no reason to ask again.
  const isAnswered = outcome !== undefined && (!isUnclear(outcome) || hasNoLookUp(dependencies, operation));
  if (change) return commit(dependencies, payment, operation, change, outcome, isAnswered);
  const news = isAnswered ? newsOf(payment, operation) : [];
  await markNotificationsProcessed(dependencies.database, news, `asked: ${outcome?.kind}`);
  return keepPolling(dependencies, isAnswered ? withoutNews(payment, operation) : payment, operation);
}

async function keepPolling(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<FollowUpResult> {
  const nowMs = dependencies.now();
  const pollCount = operation.pollCount + 1;
  const isInReview = operation.status === 'review';
  const nextPollMs = nowMs + (isInReview ? REVIEW_POLL_DELAY_MS : followUpPollDelayMs(pollCount));
  const polled = { ...operation, nextPollMs, pollCount };
  const operations = payment.operations.map((known) => (known.id === operation.id ? polled : known));
  const later = { ...payment, operations };
  const dueAtMs = followUpDueAt(later, polled, nowMs) ?? nextPollMs;
  await recordFollowUpPoll(dependencies.database, operation, { askedAtMs: nowMs, nextPollMs, dueAtMs });
  dependencies.crashAt('worker.followup.after_commit');
  return result(later, polled);
}

async function commit(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  change: PaymentChange | undefined,
  outcome: FollowUpLookup | undefined = undefined,
  appliesNews = false,
): Promise<FollowUpResult> {
  if (!change) return result(payment, operation);
  const { database } = dependencies;
  const applied = { ids: appliesNews ? newsOf(payment, operation) : [], result: `asked: ${outcome?.kind}` };
  const written = await writePaymentChange(database, payment, change, dependencies.now(), applied);
  dependencies.crashAt('worker.followup.after_commit');
  const changed = appliesNews ? withoutNews(written, operation) : written;
  const after =
    operation.kind === 'refund' ? await afterRefund(dependencies, changed, operation.id) : changed;
  return result(after, operation);
}

/**
 * What a refund's end means for the operation whose money it was. Refused, that money may have gone back without us,
 * which is a usual reason to refuse; and an attempt that waited for a person is over once all of it is given back.
 */
async function afterRefund(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  id: string,
): Promise<PaymentFacts> {
  const { status, ofOperationId } = mustFind(payment, id);
  const of =
    ofOperationId === null ? undefined : payment.operations.find((known) => known.id === ofOperationId);
  if (!of || isOpen(status)) return payment;
  const change =
    status === 'rejected' && of.kind === 'sale'
      ? await askWhereItWent(dependencies, payment, of)
      : decideEmptied(payment, of, await loadRefundFacts(dependencies.database, payment.record.id));
  return change ? commitChange(dependencies, payment, change, 'worker.query.after_commit') : payment;
}

async function askWhereItWent(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  of: OperationFacts,
): Promise<PaymentChange | undefined> {
  const outcome = await ask(dependencies, of, 'at_once');
  if (outcome?.kind !== 'succeeded') return undefined;
  const found = decideLookup(payment, of, outcome, dependencies.now());
  const isUnexplained = outcome.paid.refundedMinor > refundedByUs(payment, of);
  return found ?? (isUnexplained ? decideUnexpectedRefund(of, [outcome.paid]) : undefined);
}

function newsOf(payment: PaymentFacts, { id }: OperationFacts): number[] {
  return payment.notifications.filter(({ operationId }) => operationId === id).map((news) => news.id);
}

function withoutNews(payment: PaymentFacts, { id }: OperationFacts): PaymentFacts {
  return { ...payment, notifications: payment.notifications.filter(({ operationId }) => operationId !== id) };
}

function mustFind(payment: PaymentFacts, id: string): OperationFacts {
  const operation = payment.operations.find((known) => known.id === id);
  if (!operation) throw new Error(`${payment.record.id} has no operation ${id}`);
  return operation;
}

function isUnclear(outcome: FollowUpLookup): outcome is NotExecuted | Unknown {
  return outcome.kind === 'unknown' || outcome.kind === 'not_executed';
}
