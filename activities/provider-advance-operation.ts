import {
  decideAdvance,
  decideRepeatedNoMore,
  decideTakeAdvance,
  mayAdvance,
} from '../domain/payment-advance.js';
import { operationChange } from '../domain/payment-change.js';
import { isUnwanted } from '../domain/payment-decisions.js';
import { collectingOperation, type OperationFacts, type PaymentFacts } from '../domain/payment-facts.js';
import { isUnclear, type NotExecuted, type StartOutcome } from '../domain/outcome.js';
import type { AdvanceRequest, Connector } from '../providers/connector.js';
import { ConcurrentChangeError } from '../db/transaction.js';
import { confirmDifference } from './confirm-difference.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { referenceOf } from './provider-query-operation.js';
import { commitChange, done, mustLoad } from './store-payment.js';
import { providerUnclear } from './to-application-failure.js';

/** A provider forgets a key exactly when it likes to: no repetition comes as late as this before its end. */
const KEY_MARGIN_MS = 5 * 60_000;
const FIRST_SEND_MS = 60_000;

/**
 * Takes the money that the payer has approved, where the approval alone moved none. The step is taken by an UPDATE
 * that finds no row once the payment is canceled, expired or stopped, and is committed before the first byte. Run
 * again after a crash it finds that, and repeats the call while its key lives; later it is only asked about.
 */
export function createAdvanceOperation(dependencies: ActivityDependencies) {
  return async function advanceOperation({ paymentId, firstTry }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const operation = collectingOperation(payment);
    const nowMs = dependencies.now();
    if (!operation || isUnwanted(payment, nowMs) || !mayAdvance(payment, operation, nowMs))
      return done(payment);
    const connector = dependencies.connectors.get(operation.provider);
    if (!connector.advance) return done(payment);
    return firstTry
      ? advanceAtOnce(dependencies, connector, payment, operation)
      : advanceDurably(dependencies, connector, payment, operation);
  };
}

/** The first try, behind permit and breaker: whatever was taken before is left to the durable one. */
async function advanceAtOnce(
  dependencies: ActivityDependencies,
  connector: Connector,
  read: PaymentFacts,
  operation: OperationFacts,
): Promise<PhaseResult> {
  const untried = { ...done(read), clean: false };
  if (operation.status !== 'action_required') return untried;
  const changed = await dependencies.gate.tryAtOnce(operation, () =>
    takeAndSend(dependencies, connector, read),
  );
  if (!changed) return untried;
  return { ...done(changed.payment), clean: changed.kind === 'clear' };
}

async function advanceDurably(
  dependencies: ActivityDependencies,
  connector: Connector,
  read: PaymentFacts,
  operation: OperationFacts,
): Promise<PhaseResult> {
  // What a dead run left is written down whether it may be called again or not.
  const found = operation.status === 'sent' ? await takeAdvance(dependencies, connector, read) : read;
  const isTaken = operation.status !== 'action_required';
  if (isTaken && dependencies.now() >= repeatUntil(connector, operation)) {
    return done(await onlyAskFromNowOn(dependencies, found));
  }
  const advance = () => takeAndSend(dependencies, connector, found);
  const { kind, payment, outcome } = await dependencies.gate.passDurably(operation, advance);
  if (kind === 'clear') return done(payment);
  throw providerUnclear(operation.provider, outcome);
}

/** Of a row that promises more repetitions than the connector allows: they are over. */
async function onlyAskFromNowOn(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
): Promise<PaymentFacts> {
  const operation = collectingOperation(payment);
  const change = operation && decideRepeatedNoMore(operation, dependencies.now());
  return change ? commitChange(dependencies, payment, change, 'worker.advance.after_commit') : payment;
}

interface Advanced {
  /** As the gate counts them. */
  readonly kind: 'clear' | 'unknown' | 'not_executed';
  readonly retryAfterMs?: number | undefined;
  readonly payment: PaymentFacts;
  readonly outcome: StartOutcome;
}

async function takeAndSend(
  dependencies: ActivityDependencies,
  connector: Connector,
  read: PaymentFacts,
): Promise<Advanced> {
  const isFirst = collectingOperation(read)?.status === 'action_required';
  const payment = await takeAdvance(dependencies, connector, read);
  const operation = collectingOperation(payment);
  // The rows, or the clock, have moved on since they were read: nothing was taken, and nothing is sent.
  if (!connector.advance || !operation || operation.advanceTakenAtMs === null) {
    throw new ConcurrentChangeError('the step that takes the money was not to be taken any more');
  }
  dependencies.crashAt(isFirst ? 'worker.advance.before_call' : 'worker.advance.before_replay');
  const request = requestOf(
    operation,
    isFirst ? firstSendUntil(connector, operation) : repeatUntil(connector, operation),
  );
  // Whatever was waited for since the rows were read: from then on `close` may say that nothing is under way.
  const answer = dependencies.now() < request.sendBeforeMs ? await connector.advance(request) : tooLate;
  const outcome = await confirmDifference(connector, operation, referenceOf(operation), answer);
  dependencies.crashAt(isFirst ? 'worker.advance.after_call' : 'worker.advance.after_replay');
  const change = decideAdvance(payment, operation, outcome, { nowMs: dependencies.now(), isFirst });
  const changed = change
    ? await commitChange(dependencies, payment, change, 'worker.advance.after_commit')
    : payment;
  const pause = outcome.kind === 'not_executed' ? { retryAfterMs: outcome.retryAfterMs } : {};
  return { kind: kindOf(outcome), ...pause, payment: changed, outcome };
}

/** action_required → sent before the first byte; a `sent` that a re-run finds becomes unknown before anything else. */
async function takeAdvance(
  dependencies: ActivityDependencies,
  connector: Connector,
  payment: PaymentFacts,
): Promise<PaymentFacts> {
  const operation = collectingOperation(payment);
  if (!operation) return payment;
  if (operation.status === 'sent') {
    const found = operationChange(operation, 'found_by_rerun', {});
    if (!found) return payment;
    const change = { operation: found, outcome: 'unknown', events: [] } as const;
    return commitChange(dependencies, payment, change, 'worker.advance.after_taking');
  }
  const lifetimeMs = replayableFor(connector);
  const change = decideTakeAdvance(payment, operation, lifetimeMs, dependencies.now());
  return change ? commitChange(dependencies, payment, change, 'worker.advance.after_taking') : payment;
}

function replayableFor({ capabilities }: Connector): number | null {
  const { advanceKeyLifetimeMs } = capabilities;
  if (advanceKeyLifetimeMs === undefined) return 0;
  return advanceKeyLifetimeMs === null ? null : Math.max(0, advanceKeyLifetimeMs - KEY_MARGIN_MS);
}

/** As the row says, and never longer than the connector allows by now: rows may be of an earlier version. */
function repeatUntil(connector: Connector, operation: OperationFacts): number {
  const { advanceTakenAtMs, advanceReplayUntilMs } = operation;
  const lifetimeMs = replayableFor(connector) ?? Infinity;
  return Math.min(advanceReplayUntilMs ?? 0, (advanceTakenAtMs ?? 0) + lifetimeMs);
}

/** What may not be repeated at all is sent at once, or not. */
function firstSendUntil(connector: Connector, operation: OperationFacts): number {
  return Math.max(repeatUntil(connector, operation), (operation.advanceTakenAtMs ?? 0) + FIRST_SEND_MS);
}

function requestOf(operation: OperationFacts, sendBeforeMs: number): AdvanceRequest {
  const { returnDetails, advanceCount } = operation;
  return { ...referenceOf(operation), returnDetails, number: advanceCount, sendBeforeMs };
}

const tooLate: NotExecuted = {
  kind: 'not_executed',
  error: { code: 'too_late', message: 'its time to be sent was over' },
};

function kindOf(outcome: StartOutcome): Advanced['kind'] {
  if (isUnclear(outcome)) return outcome.kind;
  const isToBeRepeated =
    outcome.kind === 'pending' && (outcome.why === 'retry_same_key' || outcome.why === 'approved');
  return isToBeRepeated ? 'unknown' : 'clear';
}
