import { makeId, providerKey } from './ids.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';

/** An operation as it is planned: nothing is sent for it yet. Instants are milliseconds since the epoch. */
export interface PlannedOperation {
  readonly id: string;
  readonly number: number;
  readonly kind: 'sale';
  readonly provider: string;
  readonly accountId: string;
  readonly providerKey: string;
  readonly offerEndsAtMs: number;
  readonly conclusiveAfterMs: number;
  readonly deadlineMs: number;
}

/** An offer that ends sooner is of no use to anybody. */
export const SHORTEST_OFFER_MS = 1_000;

/**
 * For an attempt that was planned, but whose offer would be over before it could be made (Temporal or the
 * provider was away for long): the next one, with as long an offer and as long a margin. Its number and key
 * are new, so that a call which a crashed worker may have made for the old one can only be dropped.
 * Undefined where the payment itself has no time left.
 */
export function renewAttempt(
  payment: PaymentFacts,
  old: OperationFacts,
  nowMs: number,
  random: Uint8Array,
): PlannedOperation | undefined {
  const { id: paymentId, expiresAtMs } = payment.record;
  // Nothing was ever polled for it, so its first poll is still the instant at which it was planned.
  const lifetimeMs = old.offerEndsAtMs - old.nextPollMs;
  const offerEndsAtMs = Math.floor(Math.min(expiresAtMs, nowMs + lifetimeMs) / 1000) * 1000;
  if (offerEndsAtMs < nowMs + SHORTEST_OFFER_MS || old.number >= 1295) return undefined;
  const conclusiveAfterMs = offerEndsAtMs + (old.conclusiveAfterMs - old.offerEndsAtMs);
  const number = Math.max(...payment.operations.map((operation) => operation.number)) + 1;
  return {
    id: makeId('operation', nowMs, random),
    number,
    kind: 'sale',
    provider: old.provider,
    accountId: old.accountId,
    providerKey: providerKey(paymentId, 'sale', number),
    offerEndsAtMs,
    conclusiveAfterMs,
    deadlineMs: conclusiveAfterMs + (old.deadlineMs - old.conclusiveAfterMs),
  };
}
