import type { Connector, OperationReference } from '../providers/connector.js';
import type {
  CloseOutcome,
  PaidEvidence,
  QueryOutcome,
  StartOutcome,
  Succeeded,
  Unknown,
} from '../domain/outcome.js';
import type { OperationFacts } from '../domain/payment-facts.js';
import { judge } from '../domain/payment-success.js';

/**
 * The answer to a charge, to a close or to a look-up, where it says something else than was asked for, counts only if
 * the provider says it again (payment model, rule 11): asked, and not agreeing with itself, it has said nothing.
 */
export async function confirmDifference<Outcome extends StartOutcome | QueryOutcome | CloseOutcome>(
  connector: Connector,
  operation: OperationFacts,
  reference: OperationReference,
  outcome: Outcome,
): Promise<Outcome | Succeeded | Unknown> {
  if (outcome.kind !== 'succeeded') return outcome;
  if (isAsAsked(operation, outcome.paid)) return outcome;
  const { providerReference } = outcome.paid;
  const asked = await connector.query({ ...reference, providerReference });
  const isConfirmed =
    asked.kind === 'succeeded' && (isAsAsked(operation, asked.paid) || isSame(outcome.paid, asked.paid));
  if (isConfirmed) return asked;
  const message = 'what it took is not what was asked for, and it does not say so again';
  return { kind: 'unknown', recover: 'query', error: { code: 'difference', message }, providerReference };
}

function isAsAsked(operation: OperationFacts, paid: PaidEvidence): boolean {
  const verdict = judge(operation, paid);
  return verdict.kind === 'paid' && verdict.surplusMinor === 0;
}

function isSame(one: PaidEvidence, other: PaidEvidence): boolean {
  const isSameSum = one.amountMinor === other.amountMinor && one.refundedMinor === other.refundedMinor;
  return isSameSum && one.currency === other.currency;
}
