import { makeId, MAX_OPERATION_NUMBER, providerKey } from './ids.js';
import type { CardFunding, OfferFlow } from './outcome.js';
import type { AttemptTerms, Fallback } from './attempt-terms.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import type { CaptureMode } from './payment.js';

/** An operation as it is planned: nothing is sent for it yet. Instants are milliseconds since the epoch. */
export interface PlannedOperation {
  readonly id: string;
  readonly number: number;
  readonly kind: CollectingKind;
  readonly provider: string;
  readonly accountId: string;
  readonly providerKey: string;
  readonly flow: OfferFlow | null;
  /** A secret: in no log, no payload, no answer. */
  readonly paymentToken: string | null;
  readonly refusedFunding: readonly CardFunding[];
  /** Where the payment may go on to, in this order, should this attempt come to nothing. */
  readonly fallbacks: readonly Fallback[];
  readonly offerEndsAtMs: number;
  readonly conclusiveAfterMs: number;
  readonly deadlineMs: number;
  readonly replayForMs: number | null;
}

/** What collects a payment that is captured in this way. */
export function collectingKind(capture: CaptureMode | undefined): CollectingKind {
  return capture === 'manual' ? 'authorize' : 'sale';
}

export type CollectingKind = 'sale' | 'authorize';

/** What is planned. */
export interface OperationPlan extends AttemptTerms {
  readonly paymentId: string;
  readonly number: number;
  readonly kind: CollectingKind;
  readonly refusedFunding: readonly CardFunding[];
  readonly fallbacks: readonly Fallback[];
  /** The payment's own end: an offer ends no later. */
  readonly expiresAtMs: number;
}

/** An offer that ends sooner is of no use to anybody. */
export const SHORTEST_OFFER_MS = 1_000;

/**
 * The operation with which an attempt begins. Its instants are fixed here and repeated byte for byte ever
 * after; the offer's end is a whole second, because providers know no finer ones. `random` holds 10 bytes.
 */
export function planOperation(plan: OperationPlan, nowMs: number, random: Uint8Array): PlannedOperation {
  const { paymentId, number, kind, provider, accountId, flow, paymentToken, replayForMs } = plan;
  const { refusedFunding, fallbacks } = plan;
  const offerEndsAtMs = Math.floor(Math.min(plan.expiresAtMs, nowMs + plan.offerLifetimeMs) / 1000) * 1000;
  const conclusiveAfterMs = offerEndsAtMs + plan.conclusiveMarginMs;
  return {
    id: makeId('operation', nowMs, random),
    number,
    kind,
    provider,
    accountId,
    providerKey: providerKey(paymentId, kind, number),
    flow,
    paymentToken,
    refusedFunding,
    fallbacks,
    offerEndsAtMs,
    conclusiveAfterMs,
    deadlineMs: conclusiveAfterMs + plan.graceMs,
    replayForMs,
  };
}

/** The number of a payment's next operation, or undefined where there are none left. */
export function nextOperationNumber(payment: PaymentFacts): number | undefined {
  const number = Math.max(0, ...payment.operations.map((operation) => operation.number)) + 1;
  return number > MAX_OPERATION_NUMBER ? undefined : number;
}

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
  const number = nextOperationNumber(payment);
  if (number === undefined || !isCollecting(old.kind)) return undefined;
  const plan: OperationPlan = {
    paymentId: payment.record.id,
    number,
    kind: old.kind,
    provider: old.provider,
    accountId: old.accountId,
    flow: old.flow,
    paymentToken: old.paymentToken,
    refusedFunding: old.refusedFunding,
    fallbacks: old.fallbacks.map(({ terms }) => terms),
    // Nothing was ever polled for it, so its first poll is still the instant at which it was planned.
    offerLifetimeMs: old.offerEndsAtMs - old.nextPollMs,
    conclusiveMarginMs: old.conclusiveAfterMs - old.offerEndsAtMs,
    graceMs: old.deadlineMs - old.conclusiveAfterMs,
    replayForMs: old.replayForMs,
    expiresAtMs: payment.record.expiresAtMs,
  };
  const renewed = planOperation(plan, nowMs, random);
  return renewed.offerEndsAtMs < nowMs + SHORTEST_OFFER_MS ? undefined : renewed;
}

export function isCollecting(kind: OperationFacts['kind']): kind is CollectingKind {
  return kind === 'sale' || kind === 'authorize';
}
