/**
 * Failover: an attempt that has come to nothing is followed by one at the next account, planned in the transaction that
 * ends it, so that no crash comes between and there is never more than one that can move money (payment model, rule 1).
 */
import type { NewEvent } from './events.js';
import type { NotExecuted } from './outcome.js';
import { transition } from './operation.js';
import type { PaymentChange } from './payment-change.js';
import { isUnwanted } from './payment-decisions.js';
import {
  holdsMoney,
  outcomeBesides,
  type FallbackFacts,
  type OperationFacts,
  type PaymentFacts,
} from './payment-facts.js';
import { isEnded } from './payment.js';
import {
  isCollecting,
  nextOperationNumber,
  planOperation,
  SHORTEST_OFFER_MS,
  type PlannedOperation,
} from './plan-operation.js';
import { paymentError } from './problem-codes.js';

/**
 * A change that ends an attempt, made into one that goes on at the next account where that is allowed: its decision has
 * said so (`mayFailOver`), an account is left that can be used now, somebody still wants the payment, and no money of an
 * earlier attempt has come for it after all. `random`: 10 bytes.
 */
export function failOver(
  payment: PaymentFacts,
  change: PaymentChange,
  nowMs: number,
  random: Uint8Array,
): PaymentChange {
  const { operation: ending } = change;
  const old = ending && payment.operations.find(({ id }) => id === ending.id);
  if (!old || !change.mayFailOver || isEnded(payment.record.status)) return change;
  if (isUnwanted(payment, nowMs) || holdsMoney(payment)) return change;
  const next = nextAttempt(payment, old, nowMs, random);
  if (!next) return change;
  const error = ending.lastError ?? change.lastError ?? old.lastError;
  const refused: NewEvent = { type: 'operation.refused', detail: { id: old.id, error } };
  const failedOver: NewEvent = {
    type: 'operation.failed_over',
    detail: { id: old.id, error, next: next.id, provider: next.provider, account: next.accountId },
  };
  return {
    ...change,
    operation: { ...ending, ...(error ? { lastError: error } : {}) },
    status: 'processing',
    outcome: outcomeBesides(payment),
    lastError: null,
    events: [
      ...change.events.filter(({ type }) => type !== 'payment.payment_failed'),
      ...(ending.to === 'rejected' ? [refused] : []),
      failedOver,
    ],
    next,
  };
}

/**
 * For an operation that this very call took from `planned`, and of which the provider provably has had nothing: the next
 * account, or undefined where there is none. Then it stays planned and is tried again, unless the account is set up
 * wrongly: no repetition would mend that, so the attempt is over.
 */
export function failOverUnsent(
  payment: PaymentFacts,
  operation: OperationFacts,
  { error, reason }: Pick<NotExecuted, 'error' | 'reason'>,
  nowMs: number,
  random: Uint8Array,
): PaymentChange | undefined {
  const undelivered = transition(operation.status, 'not_delivered');
  const to = undelivered && transition(undelivered, 'send_forbidden');
  if (!to || isUnwanted(payment, nowMs)) return undefined;
  const code = reason === 'config' ? 'provider_misconfigured' : 'provider_unavailable';
  const lastError = paymentError(code, operation.provider, error.message, error.code);
  const over: PaymentChange = {
    operation: { id: operation.id, from: operation.status, to, lastError },
    status: 'requires_payment_method',
    outcome: outcomeBesides(payment),
    lastError,
    events: [
      { type: 'operation.canceled', detail: { id: operation.id } },
      { type: 'payment.payment_failed' },
    ],
    mayFailOver: true,
  };
  const elsewhere = failOver(payment, over, nowMs, random);
  return elsewhere.next || reason === 'config' ? elsewhere : undefined;
}

/** Accounts that cannot be used now are passed over for good: the payer is waiting. */
function nextAttempt(
  payment: PaymentFacts,
  old: OperationFacts,
  nowMs: number,
  random: Uint8Array,
): OperationFacts | undefined {
  const place = old.fallbacks.findIndex(({ isUsable }) => isUsable);
  const fallback = old.fallbacks[place];
  const number = nextOperationNumber(payment);
  if (!fallback || number === undefined || !isCollecting(old.kind)) return undefined;
  const { id: paymentId, expiresAtMs } = payment.record;
  const { kind, refusedFunding } = old;
  const rest = old.fallbacks.slice(place + 1);
  const fallbacks = rest.map(({ terms }) => terms);
  const plan = { paymentId, number, kind, refusedFunding, fallbacks, expiresAtMs, ...fallback.terms };
  const planned = planOperation(plan, nowMs, random);
  if (planned.offerEndsAtMs < nowMs + SHORTEST_OFFER_MS) return undefined;
  return asPlanned(payment, planned, fallback, rest, nowMs);
}

/** The planned operation as its row will be read. */
function asPlanned(
  { record }: PaymentFacts,
  planned: PlannedOperation,
  { credential }: FallbackFacts,
  fallbacks: readonly FallbackFacts[],
  nowMs: number,
): OperationFacts {
  return {
    ...planned,
    credential,
    fallbacks,
    amountMinor: record.amountMinor,
    currency: record.currency,
    status: 'planned',
    sentAtMs: null,
    offer: null,
    nextPollMs: nowMs,
    pollCount: 0,
    askedAtMs: null,
    plannedAtMs: nowMs,
    providerReference: null,
    isMisconfigured: false,
    isStopped: false,
    ofOperationId: null,
    captureBeforeMs: null,
    approvedAtMs: null,
    returnDetails: null,
    advanceTakenAtMs: null,
    advanceReplayUntilMs: null,
    advanceCount: 0,
    lastError: null,
    posted: [],
    movedMinor: null,
    refund: null,
  };
}
