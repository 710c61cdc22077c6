import { loadRefundFacts } from '../db/refunds.js';
import { isFollowUp, resendableUntil, type FollowUpKind } from '../domain/follow-up.js';
import { decideFollowUpLookup } from '../domain/follow-up-decisions.js';
import type { Failed, FollowUpLookup, FollowUpOutcome, Moved } from '../domain/outcome.js';
import type { PaymentChange } from '../domain/payment-change.js';
import { newsOf, type OperationFacts, type PaymentFacts } from '../domain/payment-facts.js';
import type { RefundFacts } from '../domain/payment-refunds.js';
import type { FollowUpPort, FollowUpRequest } from '../providers/connector.js';
import type { ActivityDependencies } from './dependencies.js';
import { passGate, referenceOf, type Asking } from './provider-query-operation.js';

/** How a capture, a void or a refund is asked for and asked about: what its activities and news of it share. */

export function portOf(
  { connectors }: ActivityDependencies,
  { provider, kind }: OperationFacts,
): FollowUpPort {
  if (!isFollowUp(kind)) throw new RangeError(`${kind} follows no other operation`);
  const port = connectors.get(provider)[kind satisfies FollowUpKind];
  // It was planned only because the connector has it.
  if (!port) throw new Error(`the connector of ${provider} has no ${kind} any more`);
  return port;
}

export function followUpRequest(
  { publicUrl }: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): FollowUpRequest {
  const of = payment.operations.find(({ id }) => id === operation.ofOperationId);
  if (!of) throw new Error(`${operation.id} follows an operation of another payment`);
  const notifyUrl = `${publicUrl}/notifications/${operation.provider}/${operation.accountId}`;
  const mayHaveBeenSent = operation.status === 'unknown';
  return { ...referenceOf(operation), of: referenceOf(of), notifyUrl, mayHaveBeenSent };
}

/** Its notifications are then the provider's word. */
export function hasNoLookUp({ connectors }: ActivityDependencies, { provider }: OperationFacts): boolean {
  return connectors.get(provider).capabilities.hasNoLookUp === true;
}

/** The provider's word on it; undefined where a first try was held back. */
export async function askAbout(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  asking: Asking,
): Promise<FollowUpLookup | undefined> {
  const told = hasNoLookUp(dependencies, operation) ? newestTold(payment, operation) : undefined;
  if (told) return told;
  const request = followUpRequest(dependencies, payment, operation);
  const outcome = await passGate(dependencies, operation, asking, async () =>
    confirmMoved(dependencies, request, operation, await portOf(dependencies, operation).query(request)),
  );
  const hasNews = newsOf(payment, operation).length > 0;
  return outcome?.kind === 'not_found' && hasNews ? contradiction : outcome;
}

/** It has signed news of what it does not find: its look-up lags behind, and says nothing yet. */
const contradiction: FollowUpLookup = {
  kind: 'unknown',
  recover: 'query',
  error: { code: 'contradiction', message: 'it tells news of what it does not find' },
};

/** It was found by its own number or by its own key, so that it is about this operation, whichever of ours it bears. */
function newestTold(payment: PaymentFacts, operation: OperationFacts): Moved | Failed | undefined {
  const { providerKey: reference } = operation;
  const told = newsOf(payment, operation)
    .map((notification) => notification.told)
    .filter((each) => each?.kind === 'succeeded' || each?.kind === 'failed')
    .at(-1);
  return told?.kind === 'succeeded' ? { ...told, moved: { ...told.moved, reference } } : told;
}

/** Only a refund is decided by what the ledger has. */
export async function factsFor(
  { database }: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
): Promise<RefundFacts> {
  if (operation.kind !== 'refund') return { holdings: [], openReviews: [] };
  return loadRefundFacts(database, payment.record.id);
}

export async function decideAnswer(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  outcome: FollowUpLookup,
): Promise<PaymentChange | undefined> {
  const facts = await factsFor(dependencies, payment, operation);
  return decideFollowUpLookup(payment, operation, outcome, facts, dependencies.now());
}

/**
 * An answer that tells of another amount than was asked for counts only if the provider says it again (payment model,
 * rule 11): asked, and not agreeing with itself, it has said nothing.
 */
export async function confirmMoved<Outcome extends FollowUpOutcome | FollowUpLookup>(
  dependencies: ActivityDependencies,
  request: FollowUpRequest,
  operation: OperationFacts,
  outcome: Outcome,
): Promise<Outcome | FollowUpOutcome> {
  if (outcome.kind !== 'succeeded' || outcome.moved.amountMinor === operation.amountMinor) return outcome;
  const again = await portOf(dependencies, operation).query(request);
  if (again.kind === 'succeeded' && again.moved.amountMinor === outcome.moved.amountMinor) return again;
  if (again.kind === 'succeeded' && again.moved.amountMinor === operation.amountMinor) return again;
  const message = 'it moved another amount than was asked for, and it does not say so again';
  return { kind: 'unknown', recover: 'query', error: { code: 'difference', message } };
}

/** It may be sent: for the first time, or again under the same key while that is known to be harmless (rule 7). */
export function maySend(payment: PaymentFacts, operation: OperationFacts, nowMs: number): boolean {
  switch (operation.status) {
    case 'planned':
      // Later, "not found" would be taken for proof while the call may still be on its way.
      return nowMs < resendableUntil(operation) && !(operation.kind === 'capture' && payment.cancelRequested);
    case 'sent':
    case 'unknown':
      return nowMs < resendableUntil(operation);
    case 'pending':
      return operation.lastError !== null && nowMs < resendableUntil(operation);
    case 'action_required':
    case 'review':
    case 'succeeded':
    case 'rejected':
    case 'closed':
    case 'canceled':
    case 'late_success':
      return false;
  }
}
