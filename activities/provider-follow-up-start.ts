import { decideFollowUpStart, unknownUnlessAsked } from '../domain/follow-up-decisions.js';
import { isUnclear, type FollowUpOutcome } from '../domain/outcome.js';
import { operationChange } from '../domain/payment-change.js';
import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import type { FollowUpRequest } from '../providers/connector.js';
import type { ActivityDependencies } from './dependencies.js';
import { confirmMoved, factsFor, followUpRequest, portOf } from './provider-follow-up.js';
import {
  commitFollowUp,
  keepPolling,
  mustFind,
  positionOf,
  type FollowUpResult,
} from './provider-follow-up-record.js';
import { commitChange } from './store-payment.js';
import { providerUnclear } from './to-application-failure.js';

/** The first try, behind permit and breaker; it is `sent`, committed, before its first byte (payment model, rule 7). */
export async function startAtOnce(
  dependencies: ActivityDependencies,
  read: PaymentFacts,
  planned: OperationFacts,
): Promise<FollowUpResult> {
  const untried = { ...positionOf(read, planned), clean: false };
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
export async function startDurably(
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
  if (outcome.kind === 'not_executed' && !isFirstSend) return positionOf(payment, operation);
  const facts = await factsFor(dependencies, payment, operation);
  const change = decideFollowUpStart(payment, operation, outcome, facts, dependencies.now());
  if (!change && outcome.kind === 'pending') return keepPolling(dependencies, payment, operation);
  return commitFollowUp(dependencies, payment, operation, change);
}
