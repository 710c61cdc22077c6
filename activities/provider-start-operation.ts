import { randomBytes } from 'node:crypto';
import { renewOperation } from '../db/renew-operation.js';
import { isUnclear, type StartOutcome } from '../domain/outcome.js';
import { decideStart, decideStopped, isUnwanted } from '../domain/payment-decisions.js';
import { operationChange } from '../domain/payment-change.js';
import {
  collectingOperation,
  isBarred,
  replayUntil,
  type OperationFacts,
  type PaymentFacts,
} from '../domain/payment-facts.js';
import { renewAttempt, SHORTEST_OFFER_MS } from '../domain/plan-operation.js';
import type { Connector, StartRequest } from '../providers/connector.js';
import { failOverUnsent } from '../domain/failover.js';
import { confirmDifference } from './confirm-difference.js';
import { commitBooked } from './store-booking.js';
import type { ActivityDependencies } from './dependencies.js';
import { noteConfiguration } from './note-configuration.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { referenceOf } from './provider-query-operation.js';
import { commitChange, done, mustLoad } from './store-payment.js';
import { providerUnclear } from './to-application-failure.js';

/**
 * Asks the provider to collect, and records what it said. Run again after a crash it reads the operation
 * first: a row that is further on is left alone, and a replay carries the same key and the same terms.
 */
export function createStartOperation(dependencies: ActivityDependencies) {
  return async function startOperation(input: PhaseInput): Promise<PhaseResult> {
    const { firstTry } = input;
    const payment = await loadToStart(dependencies, input);
    const operation = collectingOperation(payment);
    if (isOfAnother(input, operation)) return done(payment);
    if (operation?.status === 'planned' && isBarred(payment, operation))
      return stop(dependencies, payment, operation);
    if (!operation || !mayStart(payment, operation, dependencies.now())) return done(payment);
    const elsewhere = await leaveMisconfigured(dependencies, payment, operation);
    if (elsewhere) return elsewhere;
    const connector = dependencies.connectors.get(operation.provider);
    if (connector.capabilities.isOwnLedger)
      return book(dependencies, connector, payment, operation, firstTry);
    return firstTry
      ? startAtOnce(dependencies, payment, operation)
      : startDurably(dependencies, payment, operation);
  };
}

/** A durable try is of one operation, on its provider's queue: another's is not to be called from there. */
function isOfAnother({ operationId }: PhaseInput, operation: OperationFacts | undefined): boolean {
  return operationId !== undefined && operationId !== operation?.id;
}

/** An account that has been found to be set up wrongly is not called where there is another; else it is tried all the same. */
async function leaveMisconfigured(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<PhaseResult | undefined> {
  if (!operation.isMisconfigured || operation.status !== 'planned') return undefined;
  const error = { code: 'misconfigured', message: 'the account is set up wrongly, as its provider has said' };
  const change = failOverUnsent(payment, operation, { error }, dependencies.now(), randomBytes(10));
  if (!change) return undefined;
  return done(await commitChange(dependencies, payment, change, 'worker.start.after_commit'));
}

/** An account whose breaker is open was not called: who has another need not wait for this one's next trial. */
async function leaveUnreachable(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<PhaseResult | undefined> {
  const isOpen = dependencies.gate
    .statuses()
    .some(({ accountId, breaker }) => accountId === operation.accountId && breaker !== 'closed');
  if (!isOpen) return undefined;
  const error = { code: 'breaker_open', message: 'the provider has not answered clearly for a while' };
  return goElsewhere(dependencies, payment, operation, { kind: 'not_executed', error });
}

async function stop(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<PhaseResult> {
  const change = decideStopped(payment, operation);
  if (!change || isUnwanted(payment, dependencies.now())) return done(payment);
  return done(await commitChange(dependencies, payment, change, 'worker.start.after_commit'));
}

/** An attempt that waited so long that its offer would be over is replaced by one with an offer as long. */
async function loadToStart(dependencies: ActivityDependencies, input: PhaseInput): Promise<PaymentFacts> {
  const { paymentId } = input;
  const payment = await mustLoad(dependencies, paymentId);
  const operation = collectingOperation(payment);
  const nowMs = dependencies.now();
  if (operation?.status !== 'planned' || isUnwanted(payment, nowMs)) return payment;
  if (isOfAnother(input, operation)) return payment;
  if (nowMs + SHORTEST_OFFER_MS <= operation.offerEndsAtMs) return payment;
  const next = renewAttempt(payment, operation, nowMs, randomBytes(10));
  if (!next) return payment;
  await renewOperation(dependencies.database, payment, operation, next, nowMs);
  return mustLoad(dependencies, paymentId);
}

/** What was offered is not asked for again; nor is anything whose offer is over, or whose key may be forgotten. */
function mayStart(payment: PaymentFacts, operation: OperationFacts, nowMs: number): boolean {
  const isStartable = ['planned', 'sent', 'unknown'].includes(operation.status) && operation.offer === null;
  return isStartable && !isUnwanted(payment, nowMs) && nowMs < replayUntil(payment, operation);
}

/**
 * The first try, behind permit and breaker. A call that makes nothing but an offer under a key that never ends goes
 * straight from `planned`, and its offer counts only if nobody canceled in the meantime; any other is `sent`,
 * committed, before its first byte (payment model, rule 7).
 */
async function startAtOnce(
  dependencies: ActivityDependencies,
  read: PaymentFacts,
  readOperation: OperationFacts,
): Promise<PhaseResult> {
  const untried = { ...done(read), clean: false };
  if (readOperation.status !== 'planned') return untried;
  const connector = dependencies.connectors.get(readOperation.provider);
  const { startOnlyMakesOffer } = connector.capabilities;
  let payment = read;
  const outcome = await dependencies.gate.tryAtOnce(readOperation, async () => {
    if (!startOnlyMakesOffer) payment = await takeSend(dependencies, read, readOperation);
    dependencies.crashAt('worker.start.before_call');
    return askToCollect(dependencies, connector, payment, readOperation);
  });
  if (!outcome) return (await leaveUnreachable(dependencies, read, readOperation)) ?? untried;
  dependencies.crashAt('worker.start.after_call');
  const operation = collectingOperation(payment) ?? readOperation;
  const elsewhere = await goElsewhere(dependencies, payment, operation, outcome);
  if (elsewhere) return elsewhere;
  const change = decideStart(payment, operation, outcome, dependencies.now());
  if (!change) return { ...done(payment), clean: false };
  const onlyWhileWanted = startOnlyMakesOffer && outcome.kind === 'pending';
  const decided = { ...change, onlyWhileWanted };
  const changed = await commitChange(dependencies, payment, decided, 'worker.start.after_commit');
  await noteConfiguration(dependencies, operation, outcome);
  return { ...done(changed), clean: !isUnclear(outcome) };
}

/**
 * Our own ledger: nothing is sent, so there is nothing to commit before and nothing that could be unclear after. The
 * charge is the statement that records it; a crash leaves both or neither.
 */
async function book(
  dependencies: ActivityDependencies,
  connector: Connector,
  payment: PaymentFacts,
  operation: OperationFacts,
  firstTry: boolean,
): Promise<PhaseResult> {
  dependencies.crashAt('worker.start.before_call');
  const outcome = await connector.start(startRequest(dependencies, payment, operation));
  dependencies.crashAt('worker.start.after_call');
  if (isUnclear(outcome)) {
    // Its account is not set up: operators see it on the wallet's own queue, and it goes on once it is.
    if (firstTry) return { ...done(payment), clean: false };
    throw providerUnclear(operation.provider, outcome);
  }
  const decide = (said: StartOutcome) => decideStart(payment, operation, said, dependencies.now());
  const change = decide(outcome);
  if (!change) return done(payment);
  // Booking is sending: a cancel, an expiry or a kill switch that was first stands.
  const booking = { ...change, onlyWhileWanted: true };
  return done(await commitBooked(dependencies, payment, operation, booking, decide));
}

/**
 * Goes on until the answer is clean. A `sent` that it finds becomes unknown before anything else, whether it may call
 * or not; `planned` becomes `sent` only once it may.
 */
async function startDurably(
  dependencies: ActivityDependencies,
  read: PaymentFacts,
  readOperation: OperationFacts,
): Promise<PhaseResult> {
  let payment = readOperation.status === 'sent' ? await takeSend(dependencies, read, readOperation) : read;
  const connector: Connector = dependencies.connectors.get(readOperation.provider);
  const outcome = await dependencies.gate.passDurably(readOperation, async () => {
    if (readOperation.status === 'planned') payment = await takeSend(dependencies, payment, readOperation);
    dependencies.crashAt('worker.replay.before_call');
    const told = await askBeforeReplay(connector, collectingOperation(payment) ?? readOperation);
    return told ?? askToCollect(dependencies, connector, payment, readOperation);
  });
  const operation = collectingOperation(payment) ?? readOperation;
  dependencies.crashAt('worker.replay.after_call');
  // Only the call that took it from planned can prove that nothing was ever delivered under this key.
  const isFirstSend = readOperation.status === 'planned' && outcome.kind === 'not_executed';
  const elsewhere = isFirstSend && (await goElsewhere(dependencies, payment, operation, outcome));
  if (elsewhere) return elsewhere;
  const change =
    outcome.kind === 'not_executed' && !isFirstSend
      ? undefined
      : decideStart(payment, operation, outcome, dependencies.now());
  const changed = change
    ? await commitChange(dependencies, payment, change, 'worker.start.after_commit')
    : payment;
  await noteConfiguration(dependencies, operation, outcome);
  if (isUnclear(outcome)) throw providerUnclear(operation.provider, outcome);
  if (!change) throw providerUnclear(operation.provider, outcome);
  return done(changed);
}

/** Provably nothing was executed, and it was this call that took it from planned: the next account, if there is one. */
async function goElsewhere(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: StartOutcome,
): Promise<PhaseResult | undefined> {
  if (outcome.kind !== 'not_executed') return undefined;
  const change = failOverUnsent(payment, operation, outcome, dependencies.now(), randomBytes(10));
  if (!change) return undefined;
  const changed = await commitChange(dependencies, payment, change, 'worker.start.after_commit');
  await noteConfiguration(dependencies, operation, outcome);
  return done(changed);
}

/**
 * What may have been charged is asked about before it is asked for again: a provider that lost or ignored the key
 * would charge twice. Only its word that there is a charge, or an offer, takes the place of the replay; where it does
 * not know, or cannot tell, the key has to do.
 */
async function askBeforeReplay(
  connector: Connector,
  operation: OperationFacts,
): Promise<StartOutcome | undefined> {
  if (operation.status !== 'unknown' || connector.capabilities.startOnlyMakesOffer) return undefined;
  const reference = referenceOf(operation);
  const told = await connector.query(reference);
  if (told.kind === 'succeeded') return confirmDifference(connector, operation, reference, told);
  const isUsable = told.kind === 'pending' && (told.why === 'processing' || told.offer !== undefined);
  return isUsable ? told : undefined;
}

async function askToCollect(
  dependencies: ActivityDependencies,
  connector: Connector,
  payment: PaymentFacts,
  readOperation: OperationFacts,
): Promise<StartOutcome> {
  const operation = collectingOperation(payment) ?? readOperation;
  const request = startRequest(dependencies, payment, operation);
  return confirmDifference(connector, operation, referenceOf(operation), await connector.start(request));
}

/** planned → sent before the first byte; a `sent` that a re-run finds becomes unknown before anything else. */
async function takeSend(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<PaymentFacts> {
  const sentAtMs = dependencies.now();
  if (operation.status === 'planned') {
    const change = operationChange(operation, 'send_taken', { sentAtMs });
    return writeOperation(dependencies, payment, change, true);
  }
  if (operation.status === 'sent') {
    return writeOperation(dependencies, payment, operationChange(operation, 'found_by_rerun', {}), false);
  }
  return payment;
}

async function writeOperation(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: ReturnType<typeof operationChange>,
  onlyWhileWanted: boolean,
): Promise<PaymentFacts> {
  if (!operation) return payment;
  const outcome = operation.to === 'unknown' ? ({ outcome: 'unknown' } as const) : {};
  const change = { operation, ...outcome, onlyWhileWanted, events: [] };
  return commitChange(dependencies, payment, change, 'worker.start.after_commit');
}

function startRequest(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): StartRequest {
  const { provider, accountId, providerKey, flow, paymentToken, refusedFunding } = operation;
  const returnsToUs = dependencies.connectors.get(provider).parseReturn !== undefined;
  const { publicUrl } = dependencies;
  return {
    ...referenceOf(operation),
    subject: `Order ${payment.record.orderReference}`,
    returnUrl: returnsToUs
      ? `${publicUrl}/returns/${provider}/${accountId}/${providerKey}`
      : (payment.returnUrl ?? `${publicUrl}/return`),
    notifyUrl: `${publicUrl}/notifications/${provider}/${accountId}`,
    flow,
    paymentToken,
    payer: { id: payment.record.payerId, ip: payment.payerIp },
    refusedFunding,
    mayHaveBeenSent: operation.status === 'unknown',
  };
}
