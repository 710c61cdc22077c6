import { randomBytes } from 'node:crypto';
import { planVoid as writePlannedVoid } from '../db/follow-ups.js';
import { followUpPosition, planFollowUp, settlingOperation } from '../domain/follow-up.js';
import { decideDropped, decideFollowUpReview } from '../domain/follow-up-decisions.js';
import { isOpen } from '../domain/operation.js';
import { heldBy } from '../domain/payment-capture.js';
import { isUnwanted } from '../domain/payment-decisions.js';
import { newsOf, type OperationFacts, type PaymentFacts } from '../domain/payment-facts.js';
import { overdueNews } from '../domain/unanswered-news.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { askAbout, decideAnswer, factsFor, maySend } from './provider-follow-up.js';
import {
  commitFollowUp,
  positionOf,
  recordAnswer,
  afterRefund,
  type FollowUpResult,
} from './provider-follow-up-record.js';
import { startAtOnce, startDurably } from './provider-follow-up-start.js';
import { done, mustLoad } from './store-payment.js';

export interface FollowUpInput extends PhaseInput {
  /** A refund's; without it, the newest capture or void of the payment is meant. */
  readonly operationId?: string;
}

/**
 * Asks the provider to capture, to let go or to give back, and records what it said. Run again after a crash it reads
 * the operation first, and sends again only under the same key inside its life; else it is asked about.
 */
export function createStartFollowUp(dependencies: ActivityDependencies) {
  return async function startFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    if (!operation) return positionOf(payment, operation);
    if (!maySend(payment, operation, dependencies.now())) {
      return positionOf(await afterRefund(dependencies, payment, operation), operation);
    }
    return input.firstTry
      ? startAtOnce(dependencies, payment, operation)
      : startDurably(dependencies, payment, operation);
  };
}

/** Asks what became of it, because it is time to or because there is news of it. */
export function createQueryFollowUp(dependencies: ActivityDependencies) {
  return async function queryFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    if (!operation) return positionOf(payment, operation);
    if (!isOpen(operation.status) && newsOf(payment, operation).length === 0) {
      return positionOf(await afterRefund(dependencies, payment, operation), operation);
    }
    const overdue = overdueNews(payment, operation, dependencies.now());
    const asking = overdue.length > 0 ? 'last_look' : 'at_once';
    const outcome = await askAbout(dependencies, payment, operation, asking);
    dependencies.crashAt('worker.followup.after_call');
    return recordAnswer(dependencies, payment, operation, outcome, overdue);
  };
}

/** Hands it to a person, after a last question: only where the provider does not say how it ended is it one's turn. */
export function createReviewFollowUp(dependencies: ActivityDependencies) {
  return async function reviewFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    if (!operation || dependencies.now() < followUpPosition(payment, operation).deadlineMs) {
      return positionOf(payment, operation);
    }
    const asking = input.firstTry ? 'at_once' : 'last_look';
    const outcome = await askAbout(dependencies, payment, operation, asking);
    // Held back, it goes on durably: a person's time is not taken before the provider was asked.
    if (!outcome) return { ...positionOf(payment, operation), clean: false };
    const answer = await decideAnswer(dependencies, payment, operation, outcome);
    const change = answer ?? decideFollowUpReview(payment, operation, dependencies.now());
    return commitFollowUp(dependencies, payment, operation, change);
  };
}

/** Ends what was never sent, and is not to be sent any more. */
export function createDropFollowUp(dependencies: ActivityDependencies) {
  return async function dropFollowUp(input: FollowUpInput): Promise<FollowUpResult> {
    const { payment, operation } = await load(dependencies, input);
    const nowMs = dependencies.now();
    if (operation?.status !== 'planned') return positionOf(payment, operation);
    if (maySend(payment, operation, nowMs)) return positionOf(payment, operation);
    const facts = await factsFor(dependencies, payment, operation);
    return commitFollowUp(dependencies, payment, operation, decideDropped(payment, operation, facts, nowMs));
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
