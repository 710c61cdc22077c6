import type { OperationKind } from '../domain/ids.js';
import type { PlannedOperation } from '../domain/plan-operation.js';

/** A planned operation as a statement takes it: one JSON object, of these columns. */
export const plannedColumns = /* sql */ `id text, number integer, kind text, provider text, account_id text,
  provider_key text, flow text, payment_token text, fallbacks jsonb, refused_funding text[], replay_for_ms bigint,
  offer_ends_at timestamptz, conclusive_after timestamptz, deadline_at timestamptz`;

export function plannedInput(
  operation: Omit<PlannedOperation, 'kind'> & { readonly kind: OperationKind },
): Record<string, unknown> {
  return {
    id: operation.id,
    number: operation.number,
    kind: operation.kind,
    provider: operation.provider,
    account_id: operation.accountId,
    provider_key: operation.providerKey,
    flow: operation.flow,
    payment_token: operation.paymentToken,
    fallbacks: operation.fallbacks.length === 0 ? null : operation.fallbacks,
    refused_funding: operation.refusedFunding,
    replay_for_ms: operation.replayForMs,
    offer_ends_at: new Date(operation.offerEndsAtMs),
    conclusive_after: new Date(operation.conclusiveAfterMs),
    deadline_at: new Date(operation.deadlineMs),
  };
}
