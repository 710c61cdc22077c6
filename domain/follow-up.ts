import { makeId, MAX_OPERATION_NUMBER, providerKey } from './ids.js';
import { isOpen, type OperationStatus } from './operation.js';
import { newsOf, type OperationFacts, type PaymentFacts } from './payment-facts.js';

/** Acts on money that an earlier operation took or holds. */
export const followUpKinds = ['capture', 'void', 'refund'] as const;
export type FollowUpKind = (typeof followUpKinds)[number];

export function isFollowUp(kind: OperationFacts['kind']): kind is FollowUpKind {
  return (followUpKinds as readonly string[]).includes(kind);
}

/** A follow-up as it is planned: nothing is sent for it yet. Instants are milliseconds since the epoch. */
export interface PlannedFollowUp {
  readonly id: string;
  readonly number: number;
  readonly kind: FollowUpKind;
  readonly ofOperationId: string;
  readonly provider: string;
  readonly accountId: string;
  readonly providerKey: string;
  readonly amountMinor: number;
  /** After this it is sent no more. */
  readonly sendableUntilMs: number;
  readonly conclusiveAfterMs: number;
  readonly deadlineMs: number;
  readonly replayForMs: number | null;
}

/** How a provider recovers calls without an answer, as its connector declares it. */
export interface Recovery {
  readonly recovery: Readonly<Partial<Record<OperationFacts['kind'], 'replay' | 'query' | 'review'>>>;
  readonly keyLifetimeMs: number | null;
}

/** A provider forgets a key exactly when it likes to: no repetition comes as late as this before its end. */
const KEY_MARGIN_MS = 5 * 60_000;

/** How long after it was sent the same call may be repeated; null: for ever; 0: never (payment model, rule 7). */
export function replayWindowMs({ recovery, keyLifetimeMs }: Recovery, kind: OperationFacts['kind']) {
  if (recovery[kind] !== 'replay') return 0;
  return keyLifetimeMs === null ? null : Math.max(0, keyLifetimeMs - KEY_MARGIN_MS);
}

/** How long we go on trying to send one: a provider that is away for longer is a matter for the merchant. */
const SEND_WINDOW_MS = 24 * 3_600_000;

/**
 * The next follow-up of a payment. Margin and grace are those with which the operation was planned that it acts on.
 * Undefined where a payment has no numbers left. `random` holds 10 bytes.
 */
export function planFollowUp(
  payment: PaymentFacts,
  plan: { kind: FollowUpKind; of: OperationFacts; amountMinor: number; recovery: Recovery },
  nowMs: number,
  random: Uint8Array,
): PlannedFollowUp | undefined {
  const { kind, of, amountMinor, recovery } = plan;
  const number = Math.max(0, ...payment.operations.map((operation) => operation.number)) + 1;
  if (number > MAX_OPERATION_NUMBER) return undefined;
  const sendableUntilMs = nowMs + SEND_WINDOW_MS;
  const conclusiveAfterMs = sendableUntilMs + (of.conclusiveAfterMs - of.offerEndsAtMs);
  return {
    id: makeId('operation', nowMs, random),
    number,
    kind,
    ofOperationId: of.id,
    provider: of.provider,
    accountId: of.accountId,
    providerKey: providerKey(payment.record.id, kind, number),
    amountMinor,
    sendableUntilMs,
    conclusiveAfterMs,
    deadlineMs: conclusiveAfterMs + (of.deadlineMs - of.conclusiveAfterMs),
    replayForMs: replayWindowMs(recovery, kind),
  };
}

/** Where a follow-up stands: all that its workflow needs to know. No personal data: it travels through histories. */
export interface FollowUpPosition {
  readonly id: string;
  readonly kind: FollowUpKind;
  readonly status: OperationStatus;
  readonly provider: string;
  readonly account: string;
  /** After this the call is not made any more, for the first time or again. */
  readonly replayUntilMs: number;
  /** The provider refused it for now and wants the same call again. */
  readonly isToRetry: boolean;
  readonly conclusiveAfterMs: number;
  /** After this, and after asking the provider, a person decides. */
  readonly deadlineMs: number;
  readonly nextPollMs: number;
  /** Verified notifications about it that no transaction has applied yet. */
  readonly openNotifications: number;
}

export function followUpPosition(payment: PaymentFacts, operation: OperationFacts): FollowUpPosition {
  if (!isFollowUp(operation.kind)) throw new RangeError(`${operation.kind} follows no other operation`);
  const isPending = operation.status === 'pending';
  const isToRetry = isPending && operation.lastError !== null;
  return {
    id: operation.id,
    kind: operation.kind,
    status: operation.status,
    provider: operation.provider,
    account: operation.accountId,
    replayUntilMs: resendableUntil(operation),
    isToRetry,
    conclusiveAfterMs: operation.conclusiveAfterMs,
    deadlineMs: operation.deadlineMs + (isPending && !isToRetry ? ACCEPTED_GRACE_MS : 0),
    nextPollMs: operation.nextPollMs,
    openNotifications: newsOf(payment, operation).length,
  };
}

/** What the provider has accepted may take as long as banks do before it is any person's business. */
export const ACCEPTED_GRACE_MS = 14 * 24 * 3_600_000;

/** A kill switch stops new charges, and none of these. */
export function resendableUntil({ offerEndsAtMs, sentAtMs, replayForMs }: OperationFacts): number {
  if (sentAtMs === null || replayForMs === null) return offerEndsAtMs;
  return Math.min(offerEndsAtMs, sentAtMs + replayForMs);
}

export type FollowUpStep =
  | { do: 'finish' }
  | { do: 'start_follow_up' }
  | { do: 'query_follow_up' }
  | { do: 'review_follow_up' }
  | { do: 'drop_follow_up' }
  | { do: 'wait'; untilMs: number; for: 'provider' };

/** The business rule of what comes next for a follow-up. Pure, as `nextStep`. */
export function nextFollowUpStep(position: FollowUpPosition, nowMs: number): FollowUpStep {
  const { status, nextPollMs, deadlineMs } = position;
  const askIn: FollowUpStep =
    nowMs >= nextPollMs
      ? { do: 'query_follow_up' }
      : { do: 'wait', untilMs: Math.min(nextPollMs, laterThan(deadlineMs, nowMs)), for: 'provider' };
  switch (status) {
    case 'planned':
      // Provably nothing was ever sent for it, so nobody has to be asked.
      return nowMs < position.replayUntilMs ? { do: 'start_follow_up' } : { do: 'drop_follow_up' };
    case 'sent':
    case 'unknown':
      if (nowMs >= deadlineMs) return { do: 'review_follow_up' };
      return nowMs < position.replayUntilMs ? { do: 'start_follow_up' } : askIn;
    case 'pending':
    case 'action_required':
      if (nowMs >= deadlineMs) return { do: 'review_follow_up' };
      return position.isToRetry && nowMs >= nextPollMs && nowMs < position.replayUntilMs
        ? { do: 'start_follow_up' }
        : askIn;
    case 'review':
      return nowMs >= nextPollMs ? { do: 'query_follow_up' } : { do: 'finish' };
    case 'succeeded':
    case 'rejected':
    case 'closed':
    case 'canceled':
    case 'late_success':
      // Money that was given back can come back from the payer's bank: such news is asked about.
      return position.openNotifications > 0 ? askIn : { do: 'finish' };
  }
}

function laterThan(instantMs: number, nowMs: number): number {
  return instantMs > nowMs ? instantMs : Infinity;
}

/** Soon at first, then rarely: a refund may be on its way for days. Doubles from 5 s to an hour. */
export function followUpPollDelayMs(pollsSoFar: number): number {
  return Math.min(3_600_000, 5_000 * 2 ** Math.min(pollsSoFar, 20));
}

/** A workflow that lives sets the next `due_at` itself; the sweeper steps in only when it is this late. */
export const SWEEP_GRACE_MS = 60_000;

/** When the sweeper has to look at it again, or null where it is at an end. */
export function followUpDueAt(
  payment: PaymentFacts,
  operation: OperationFacts,
  nowMs: number,
): number | null {
  if (!isOpen(operation.status)) return isToBeExplained(operation) ? nowMs + SWEEP_GRACE_MS : null;
  if (operation.status === 'review') return Math.max(operation.nextPollMs, nowMs);
  const step = nextFollowUpStep(followUpPosition(payment, operation), nowMs);
  return (step.do === 'wait' ? step.untilMs : nowMs) + SWEEP_GRACE_MS;
}

/**
 * A refund that gave nothing back: a usual reason is that the money went back without us, so that the provider is asked
 * what became of it, until it says.
 */
export function isToBeExplained({ kind, status, posted }: OperationFacts): boolean {
  return kind === 'refund' && !isOpen(status) && !posted.includes('refunded');
}

/** The newest capture or void of a payment's authorization: one of them at most is open, or has succeeded. */
export function settlingOperation(payment: PaymentFacts): OperationFacts | undefined {
  return payment.operations.filter(({ kind }) => kind === 'capture' || kind === 'void').at(-1);
}
