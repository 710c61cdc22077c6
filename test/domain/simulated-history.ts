import { providerKey } from '../../domain/ids.js';
import {
  decideCancel,
  decideLookup,
  decideReview,
  decideStart,
  isUnwanted,
} from '../../domain/payment-decisions.js';
import {
  collectingOperation,
  openOperation,
  type OperationFacts,
  type PaymentFacts,
} from '../../domain/payment-facts.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { nextStep, pollDelayMs, REVIEW_POLL_DELAY_MS, type NextStep } from '../../domain/payment-position.js';
import {
  decideAdvance,
  decideApproved,
  decideTakeAdvance,
  mayAdvance,
} from '../../domain/payment-advance.js';
import { decideUnexpectedRefund } from '../../domain/payment-refund.js';
import { decidePaid, judge } from '../../domain/payment-success.js';
import { isEnded } from '../../domain/payment.js';
import { failOver, failOverUnsent } from '../../domain/failover.js';
import type { StartOutcome } from '../../domain/outcome.js';
import { operationChange, type PaymentChange } from '../../domain/payment-change.js';
import { renewAttempt } from '../../domain/plan-operation.js';
import { HOUR, MINUTE, operationFacts, T0 } from './facts.js';
import { checkEnd } from './simulated-invariants.js';
import { anyFallbacks, Crash, SimulatedPayment, tokenOf } from './simulated-payment.js';
import { Dice, REPLAY_MS, SimulatedProvider } from './simulated-provider.js';

/**
 * One payment's life, made from a number. It does what the workflow and its activities do, with the same
 * decisions, against a provider that loses answers, a payer and a merchant who do as they please, and crashes.
 */
export class SimulatedHistory {
  private readonly dice: Dice;
  private readonly provider: SimulatedProvider;
  private readonly rows: SimulatedPayment;
  private nowMs = T0;
  private isSwept = false;

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.provider = new SimulatedProvider(this.dice, this.dice.pick(['direct', 'approval', 'qr'] as const));
    this.rows = new SimulatedPayment(this.dice);
  }

  get trace(): readonly string[] {
    return this.rows.trace;
  }

  private get payment(): PaymentFacts {
    return this.rows.facts;
  }

  /** Throws where an invariant does not hold; returns how it ended. */
  run(): string {
    const actions = Math.floor(this.dice.roll() * 40);
    for (let i = 0; i < actions; i += 1) this.somethingHappens();
    this.provider.faults = 0;
    this.rows.crashes = 0;
    this.provider.decide();
    for (let steps = 0; this.hasMore(); steps += 1) {
      if (steps > 400) throw new Error('the payment does not come to an end');
      this.sweepReview();
      for (const claim of this.provider.claims.splice(0)) this.rows.notify(claim, this.nowMs);
      this.drive();
    }
    checkEnd(this.payment, this.rows.ledger, this.provider, this.nowMs);
    return this.payment.record.outcome === 'known' ? this.payment.record.status : this.payment.record.outcome;
  }

  private hasMore(): boolean {
    const isAtRest = nextStep(positionOf(this.payment), this.nowMs).do === 'finish';
    return this.provider.claims.length > 0 || !isAtRest || this.isReviewToBeSwept();
  }

  /** A review is looked at again when its next poll is due: here once, with a provider that answers. */
  private sweepReview(): void {
    if (!this.isReviewToBeSwept()) return;
    this.isSwept = true;
    this.nowMs = Math.max(this.nowMs, openOperation(this.payment)!.nextPollMs);
  }

  private isReviewToBeSwept(): boolean {
    return !this.isSwept && openOperation(this.payment)?.status === 'review';
  }

  private somethingHappens(): void {
    const fate = this.dice.roll();
    if (fate < 0.55) this.drive();
    else if (fate < 0.68) this.provider.pay(this.nowMs);
    else if (fate < 0.7) this.comeBack();
    else if (fate < 0.71) this.provider.refund();
    else if (fate < 0.74) this.provider.decide();
    else if (fate < 0.84) this.deliverNotification();
    else if (fate < 0.88) this.rows.requestCancel(this.nowMs);
    else if (fate < 0.93) this.confirm();
    else this.nowMs += this.dice.pick([1_000, 30_000, MINUTE, 4 * MINUTE, HOUR, 25 * HOUR]);
  }

  /** What ends an attempt may plan the next one, at another account, in the same transaction. */
  private commit(
    change: PaymentChange | undefined,
    cause: string,
    notifications?: PaymentFacts['notifications'],
  ): void {
    const decided = change && failOver(this.payment, change, this.nowMs, this.fewBytes());
    this.rows.commit(decided, cause, notifications);
  }

  private fewBytes(): Uint8Array {
    return new Uint8Array(10).fill(this.payment.operations.length);
  }

  private drive(): void {
    const step = nextStep(positionOf(this.payment), this.nowMs);
    this.rows.trace.push(`${this.nowMs - T0} ${step.do}`);
    const before = this.payment;
    this.orCrash(() => this.carryOut(step));
    if (this.payment === before && step.do !== 'wait') this.nowMs += 1_000;
  }

  private orCrash(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.rows.trace.push('crash');
    }
  }

  private carryOut(step: NextStep): void {
    const operation = collectingOperation(this.payment);
    switch (step.do) {
      case 'finish':
        return;
      case 'wait':
        if (step.untilMs <= this.nowMs) throw new Error('waits for the past');
        this.nowMs = step.untilMs;
        return;
      case 'apply_notifications':
        return this.applyNotifications();
      case 'start_operation':
        return this.start(operation!);
      case 'advance_operation':
        return this.advance(operation!);
      case 'query_operation':
        return this.record(
          operation!,
          this.provider.query(operation!, this.nowMs),
          pollDelayMs(operation!.pollCount + 1),
        );
      case 'close_operation':
        return this.record(operation!, this.provider.close(operation!, this.nowMs), 5_000);
      case 'conclude_operation':
        return this.conclude(operation!);
      case 'open_review':
        return this.openReview(operation!);
      case 'void_authorization':
      case 'start_follow_up':
      case 'query_follow_up':
      case 'review_follow_up':
      case 'drop_follow_up':
        throw new Error(`${step.do} without anything held`);
      case 'cancel_payment':
        return this.commit(decideCancel(this.payment, operation, this.nowMs), 'cancel');
    }
  }

  private start(read: OperationFacts): void {
    let operation = read;
    if (operation.status === 'planned' && this.nowMs + 1_000 > operation.offerEndsAtMs) {
      const next = renewAttempt(this.payment, operation, this.nowMs, this.fewBytes());
      if (!next) return;
      operation = operationFacts({ ...next, fallbacks: read.fallbacks, nextPollMs: this.nowMs });
      this.rows.plan(operation, read);
    }
    if (operation.offer !== null || this.nowMs >= operation.offerEndsAtMs) return;
    if (operation.status === 'planned' && this.provider.kind !== 'direct' && this.dice.happens(0.6)) {
      return this.answer(operation, this.provider.start(operation));
    }
    const isFirst = operation.status === 'planned';
    if (operation.status === 'planned') {
      this.commit(
        { operation: operationChange(operation, 'send_taken', { sentAtMs: this.nowMs })!, events: [] },
        'send',
      );
    } else if (operation.status === 'sent') {
      const found = operationChange(operation, 'found_by_rerun', {})!;
      this.commit({ operation: found, outcome: 'unknown', events: [] }, 'rerun');
    }
    const sent = collectingOperation(this.payment)!;
    const outcome = this.provider.start(sent);
    if (outcome.kind === 'not_executed' && !isFirst) return;
    this.answer(sent, outcome);
  }

  private answer(operation: OperationFacts, outcome: StartOutcome): void {
    const elsewhere =
      outcome.kind === 'not_executed'
        ? failOverUnsent(this.payment, operation, outcome, this.nowMs, this.fewBytes())
        : undefined;
    const change = elsewhere ?? decideStart(this.payment, operation, outcome, this.nowMs);
    this.commit(change, outcome.kind);
  }

  /** The payer's browser comes back from where they approved. */
  private comeBack(): void {
    const approved = this.provider.approval();
    const operation = collectingOperation(this.payment);
    if (!operation || operation.id !== approved?.id || isEnded(this.payment.record.status)) return;
    const change = decideApproved(operation, `details-${this.dice.roll()}`, this.nowMs);
    if (change) this.orCrash(() => this.commit(change, 'return'));
  }

  private advance(read: OperationFacts): void {
    if (isUnwanted(this.payment, this.nowMs) || !mayAdvance(this.payment, read, this.nowMs)) return;
    const isFirst = read.status === 'action_required';
    if (isFirst) this.commit(decideTakeAdvance(this.payment, read, REPLAY_MS, this.nowMs), 'take');
    if (read.status === 'sent') {
      const found = operationChange(read, 'found_by_rerun', {})!;
      this.commit({ operation: found, outcome: 'unknown', events: [] }, 'rerun');
    }
    const taken = collectingOperation(this.payment)!;
    const outcome = this.provider.advance(taken, this.nowMs);
    const change = decideAdvance(this.payment, taken, outcome, { nowMs: this.nowMs, isFirst });
    if (change) this.commit(change, outcome.kind);
    else this.nowMs += MINUTE;
  }

  private conclude(operation: OperationFacts): void {
    let outcome = this.provider.query(operation, this.nowMs) as ReturnType<SimulatedProvider['close']>;
    if (outcome.kind === 'pending') outcome = this.provider.close(operation, this.nowMs);
    const change = decideLookup(this.payment, operation, outcome, this.nowMs);
    if (change) return this.commit(change, outcome.kind);
    this.nowMs += 10 * MINUTE;
  }

  /** The provider is asked before a person is, even where nobody could ask it in time (payment model, the table). */
  private openReview(operation: OperationFacts): void {
    const outcome = this.provider.query(operation, this.nowMs);
    const change = decideLookup(this.payment, operation, outcome, this.nowMs);
    if (change) this.commit(change, outcome.kind);
    else this.commit(decideReview(operation, this.nowMs), 'timer');
  }

  private record(
    operation: OperationFacts,
    outcome: Parameters<typeof decideLookup>[2],
    againMs: number,
  ): void {
    const change = decideLookup(this.payment, operation, outcome, this.nowMs);
    if (change) return this.commit(change, outcome.kind);
    const delayMs = operation.status === 'review' ? REVIEW_POLL_DELAY_MS : againMs;
    this.rows.setOperation({
      ...operation,
      nextPollMs: this.nowMs + delayMs,
      pollCount: operation.pollCount + 1,
    });
  }

  private applyNotifications(): void {
    const { operationId } = this.payment.notifications[0]!;
    const operation = this.payment.operations.find(({ id }) => id === operationId)!;
    const mine = this.payment.notifications.filter((known) => known.operationId === operationId);
    const rest = this.payment.notifications.filter((known) => known.operationId !== operationId);
    const isWaiting = operation.status === 'action_required' || operation.status === 'sent';
    const isUndisputed = mine.every(({ paid }) => {
      const verdict = judge(operation, paid!);
      return verdict.kind === 'paid' && verdict.surplusMinor === 0;
    });
    if (isWaiting && isUndisputed) {
      return this.commit(
        decidePaid(this.payment, operation, mine[0]!.paid!, this.nowMs),
        'notification',
        rest,
      );
    }
    const refunds = mine.map(({ paid }) => paid!).filter((paid) => paid.refundedMinor > 0);
    const hadSucceeded = operation.status === 'succeeded';
    if (hadSucceeded && refunds.length === 0) return this.commit(undefined, 'notification', rest);
    const outcome = this.provider.query(operation, this.nowMs);
    if (outcome.kind === 'unknown' || outcome.kind === 'not_executed') return;
    const found = decideLookup(this.payment, operation, outcome, this.nowMs);
    const isUnexplained = hadSucceeded && !found;
    const change = isUnexplained ? decideUnexpectedRefund(operation, refunds) : found;
    this.commit(change, outcome.kind, rest);
  }

  private deliverNotification(): void {
    const { claims } = this.provider;
    if (claims.length === 0) return;
    const index = Math.floor(this.dice.roll() * claims.length);
    // Some come more than once.
    const [claim] = this.dice.happens(0.3) ? [claims[index]!] : claims.splice(index, 1);
    this.rows.notify(claim!, this.nowMs);
  }

  /** Another attempt, under the same conditions as the API's. */
  private confirm(): void {
    const { record } = this.payment;
    if (isEnded(record.status) || isUnwanted(this.payment, this.nowMs + 1_000)) return;
    const open = openOperation(this.payment);
    const wasNeverOffered = open?.offer === null && ['planned', 'sent', 'unknown'].includes(open.status);
    if (open && !(wasNeverOffered && this.provider.kind !== 'direct')) return;
    const number = this.payment.operations.length + 1;
    const offerEndsAtMs = Math.min(record.expiresAtMs, this.nowMs + 5 * MINUTE);
    const conclusiveAfterMs = offerEndsAtMs + MINUTE;
    const deadlineMs = conclusiveAfterMs + 24 * HOUR;
    const key = providerKey(record.id, 'sale', number);
    const instants = { offerEndsAtMs, conclusiveAfterMs, deadlineMs, nextPollMs: this.nowMs };
    const attempt = {
      number,
      providerKey: key,
      paymentToken: tokenOf('acct_1'),
      fallbacks: anyFallbacks(this.dice),
    };
    this.rows.plan(operationFacts({ ...attempt, ...instants }), open);
    this.rows.reopen();
  }
}
