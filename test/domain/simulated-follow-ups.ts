import { isFollowUp, nextFollowUpStep, followUpPosition, planFollowUp } from '../../domain/follow-up.js';
import {
  decideDropped,
  decideFollowUpLookup,
  decideFollowUpReview,
  decideFollowUpStart,
} from '../../domain/follow-up-decisions.js';
import { isOpen } from '../../domain/operation.js';
import type { FollowUpLookup } from '../../domain/outcome.js';
import { applyChange, operationChange, type PaymentChange } from '../../domain/payment-change.js';
import { type OperationFacts, type PaymentFacts } from '../../domain/payment-facts.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { nextStep } from '../../domain/payment-position.js';
import { refundableOf, type Holding, type RefundFacts } from '../../domain/payment-refunds.js';
import { isUnwanted } from '../../domain/payment-decisions.js';
import { isEnded } from '../../domain/payment.js';
import { HOUR, MINUTE, operationFacts, paymentFacts, PRICE, T0 } from './facts.js';
import { KEY_LIFE_MS, must, SimulatedActs } from './simulated-acts.js';
import { Dice } from './simulated-provider.js';

const recovery = {
  recovery: { capture: 'replay', void: 'replay', refund: 'replay' },
  keyLifetimeMs: KEY_LIFE_MS,
} as const;

/** Dies between a call and its commit, as a worker may. */
class Crash extends Error {}

/**
 * The life of an authorization, its capture and its refunds, made from a number: a merchant who asks for anything at any
 * time, a provider that loses answers and forgets keys, a worker that dies. Throws where an invariant does not hold.
 */
export class SimulatedFollowUps {
  readonly trace: string[] = [];
  private readonly dice: Dice;
  private nowMs = T0;
  private crashes = 0.08;
  private readonly provider: SimulatedActs;
  private readonly ledger = new Map<string, number>();
  private readonly posted = new Set<string>();
  /** Refunds of which the provider has announced something that nobody has applied yet. */
  private readonly news: string[] = [];
  private openReviews: { operationId: string; reason: RefundFacts['openReviews'][number]['reason'] }[] = [];
  private payment: PaymentFacts;

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.provider = new SimulatedActs(this.dice);
    const held = operationFacts({
      kind: 'authorize',
      status: 'succeeded',
      captureBeforeMs: T0 + 5 * 24 * HOUR,
      providerKey: 'held',
    });
    this.payment = paymentFacts([held], { record: { status: 'requires_capture', capture: 'manual' } });
  }

  run(): string {
    for (let i = Math.floor(this.dice.roll() * 60); i > 0; i -= 1) this.somethingHappens();
    this.provider.faults = 0;
    this.crashes = 0;
    for (let steps = 0; this.driveOne(); steps += 1) {
      for (const act of this.provider.acts.values()) if (act.state === 'working') act.state = 'done';
      if (steps > 600) throw new Error('it does not come to an end');
    }
    return this.checkEnd();
  }

  private somethingHappens(): void {
    const fate = this.dice.roll();
    if (fate < 0.5) this.driveOne();
    else if (fate < 0.6) this.capture();
    else if (fate < 0.75) this.refund();
    else if (fate < 0.78) this.cancel();
    else if (fate < 0.84) this.bankDecides();
    else this.nowMs += this.dice.pick([1_000, MINUTE, HOUR, 3 * HOUR, 26 * HOUR]);
  }

  private capture(): void {
    const { record, operations } = this.payment;
    if (record.status !== 'requires_capture' || isUnwanted(this.payment, this.nowMs)) return;
    // The partial unique index: a void that came first excludes it.
    if (operations.some(({ kind, status }) => kind === 'void' && isOpen(status))) return;
    const amountMinor = this.dice.pick([PRICE, PRICE, PRICE / 2, 1]);
    this.plan('capture', operations[0]!, amountMinor);
    this.payment = { ...this.payment, record: { ...this.payment.record, status: 'processing' } };
  }

  private refund(): void {
    const refundable = refundableOf(this.payment, this.facts());
    const [chosen] = refundable;
    if (!chosen) return;
    const amountMinor = this.dice.pick([chosen.leftMinor, Math.ceil(chosen.leftMinor / 3)]);
    this.plan('refund', chosen.of, amountMinor);
  }

  private cancel(): void {
    if (isEnded(this.payment.record.status)) return;
    this.trace.push('cancel');
    this.payment = { ...this.payment, cancelRequested: true };
  }

  /** What had succeeded may come back, and what was worked on ends. */
  private bankDecides(): void {
    for (const [key, act] of this.provider.acts) {
      if (act.state === 'working') act.state = this.dice.happens(0.7) ? 'done' : 'refused';
      else if (act.state === 'done' && act.kind === 'refund' && this.dice.happens(0.2)) {
        const operation = this.payment.operations.find(({ providerKey }) => providerKey === key)!;
        if (operation.status !== 'succeeded') continue;
        act.state = 'came_back';
        this.news.push(operation.id);
      }
    }
  }

  private plan(kind: 'capture' | 'void' | 'refund', of: OperationFacts, amountMinor: number): void {
    const random = new Uint8Array(10).fill(this.payment.operations.length);
    const planned = planFollowUp(this.payment, { kind, of, amountMinor, recovery }, this.nowMs, random);
    if (!planned) throw new Error('no numbers left');
    this.trace.push(`${this.nowMs - T0} plans ${kind} ${amountMinor}`);
    const operation = operationFacts({
      ...{ id: planned.id, number: planned.number, kind, providerKey: planned.providerKey, amountMinor },
      ...{ ofOperationId: of.id, plannedAtMs: this.nowMs, nextPollMs: this.nowMs, offer: null },
      ...{ offerEndsAtMs: planned.sendableUntilMs, conclusiveAfterMs: planned.conclusiveAfterMs },
      ...{ deadlineMs: planned.deadlineMs, replayForMs: planned.replayForMs },
      refund: kind === 'refund' ? { id: 're_1', reason: null, metadata: {}, createdAtMs: this.nowMs } : null,
    });
    this.setOperations([...this.payment.operations, operation]);
    const settling = this.payment.operations.filter(
      (each) =>
        ['capture', 'void'].includes(each.kind) && (isOpen(each.status) || each.status === 'succeeded'),
    );
    must(settling.length <= 1, 'capture and void at once');
  }

  /** True where something was done, or time has to pass for it. */
  private driveOne(): boolean {
    const before = this.payment;
    const isOver = this.step(before);
    if (this.payment === before && !isOver) this.nowMs += 1_000;
    return !isOver;
  }

  private step(payment: PaymentFacts): boolean {
    try {
      const [told] = this.news;
      if (told !== undefined && this.dice.happens(0.5)) {
        const outcome = this.provider.ask(payment.operations.find(({ id }) => id === told)!);
        if (outcome.kind === 'unknown') return false;
        this.commit(
          this.decide(
            payment.operations.find(({ id }) => id === told)!,
            outcome,
          ),
        );
        this.news.shift();
        return false;
      }
      const step = nextStep(positionOf(payment), this.nowMs);
      if (step.do === 'void_authorization') {
        this.plan('void', payment.operations[0]!, PRICE);
        return false;
      }
      if (step.do !== 'finish' && step.do !== 'wait') {
        const settling = payment.operations
          .filter(({ kind }) => kind === 'capture' || kind === 'void')
          .at(-1)!;
        this.carryOut(step.do, settling);
        return false;
      }
      for (const refund of payment.operations.filter(({ kind }) => kind === 'refund')) {
        const next = nextFollowUpStep(followUpPosition(payment, refund), this.nowMs);
        if (next.do === 'finish' || next.do === 'wait') continue;
        this.carryOut(next.do, refund);
        return false;
      }
      const waits = [
        step,
        ...payment.operations
          .filter(({ kind }) => kind === 'refund')
          .map((refund) => nextFollowUpStep(followUpPosition(payment, refund), this.nowMs)),
      ];
      const until = waits.flatMap((wait) => (wait.do === 'wait' ? [wait.untilMs] : []));
      if (until.length === 0) return this.news.length === 0;
      this.nowMs = Math.min(...until);
      return false;
    } catch (thrown) {
      if (!(thrown instanceof Crash)) throw thrown;
      this.trace.push('crash');
      return false;
    }
  }

  private carryOut(deed: string, operation: OperationFacts): void {
    this.trace.push(`${this.nowMs - T0} ${deed} ${operation.kind} ${operation.number} ${operation.status}`);
    switch (deed) {
      case 'start_follow_up':
        return this.start(operation);
      case 'query_follow_up':
        return this.look(operation);
      case 'drop_follow_up':
        return this.commit(decideDropped(this.payment, operation, this.facts(), this.nowMs));
      case 'review_follow_up': {
        const answer = this.decide(operation, this.provider.ask(operation));
        return this.commit(answer ?? decideFollowUpReview(this.payment, operation, this.nowMs));
      }
      default:
        throw new Error(`nobody expects ${deed}`);
    }
  }

  private start(read: OperationFacts): void {
    const isFirst = read.status === 'planned';
    if (isFirst || read.status === 'sent') {
      const event = isFirst ? 'send_taken' : 'found_by_rerun';
      const set = isFirst ? { sentAtMs: this.nowMs } : {};
      this.commit({ operation: operationChange(read, event, set)!, events: [] });
    }
    const operation = this.payment.operations.find(({ id }) => id === read.id)!;
    const outcome = this.provider.call(operation, this.nowMs);
    if (this.dice.happens(this.crashes)) throw new Crash();
    if (outcome.kind === 'not_executed' && !isFirst) return;
    this.commit(decideFollowUpStart(this.payment, operation, outcome, this.facts(), this.nowMs));
  }

  private look(operation: OperationFacts): void {
    const change = this.decide(operation, this.provider.ask(operation));
    if (change) return this.commit(change);
    const polled = { ...operation, nextPollMs: this.nowMs + HOUR, pollCount: operation.pollCount + 1 };
    this.setOperations(this.payment.operations.map((each) => (each.id === operation.id ? polled : each)));
  }

  private decide(operation: OperationFacts, outcome: FollowUpLookup): PaymentChange | undefined {
    return decideFollowUpLookup(this.payment, operation, outcome, this.facts(), this.nowMs);
  }

  private facts(): RefundFacts {
    const roots = this.payment.operations.filter(({ posted }) => posted.includes('paid'));
    const of = (id: string, account: string) => -(this.ledger.get(`${id} ${account}`) ?? 0);
    const holdings: Holding[] = roots.map(({ id }) => ({
      operationId: id,
      payableMinor: of(id, 'merchant:merchant456:payable'),
      suspenseMinor: of(id, 'merchant:merchant456:suspense'),
    }));
    return { holdings, openReviews: this.openReviews };
  }

  private commit(change: PaymentChange | undefined): void {
    if (!change) return;
    if (this.dice.happens(this.crashes)) throw new Crash();
    const before = this.payment;
    const operation = before.operations.find(({ id }) => id === change.operation?.id)!;
    for (const { fact, entries } of change.postings ?? []) {
      must(!this.posted.has(`${operation.id} ${fact}`), `${fact} is posted twice`);
      this.posted.add(`${operation.id} ${fact}`);
      must(
        entries.reduce((sum, entry) => sum + entry.amountMinor, 0) === 0,
        'a posting does not sum to zero',
      );
      const root = operation.kind === 'refund' ? operation.ofOperationId! : operation.id;
      for (const { account, amountMinor } of entries) {
        for (const key of [account, `${root} ${account}`])
          this.ledger.set(key, (this.ledger.get(key) ?? 0) + amountMinor);
      }
    }
    this.payment = applyChange(before, change);
    this.trace.push(
      `${operation.kind}: ${change.operation?.from} -> ${change.operation?.to}, ${this.payment.record.status}/${this.payment.record.outcome}`,
    );
    const closed = change.closesReviews ?? [];
    this.openReviews = this.openReviews.filter(
      (open) => !closed.some((key) => key.operationId === open.operationId && key.reason === open.reason),
    );
    if (change.review) {
      const key = { operationId: operation.id, reason: change.review.reason };
      if (
        !this.openReviews.some((open) => open.operationId === key.operationId && open.reason === key.reason)
      )
        this.openReviews.push(key);
    }
    this.checkCommit(before, change);
  }

  private checkCommit(before: PaymentFacts, change: PaymentChange): void {
    const { record, operations } = this.payment;
    const balance = (account: string) => this.ledger.get(account) ?? 0;
    const held = balance('provider:alipay:acct_1');
    must(
      held === record.amountReceivedMinor - record.amountRefundedMinor,
      `the amounts say another sum than the ledger: ${held}`,
    );
    must(balance('merchant:merchant456:payable') <= 0, 'more was given back than was delivered');
    must(
      balance('merchant:merchant456:suspense') === 0 || record.outcome === 'review',
      'suspense without a review',
    );
    must(
      this.openReviews.length === 0 || record.outcome === 'review',
      'a review that the payment does not tell',
    );
    const isCaptured = operations.some(({ kind, posted }) => kind === 'capture' && posted.includes('paid'));
    must(
      (record.status === 'succeeded') === isCaptured,
      'paid, and nothing captured; or the other way round',
    );
    if (change.grantsEntitlements)
      must(isCaptured && !isEnded(before.record.status), 'granted without a capture');
    if (change.revokesEntitlements)
      must(balance('merchant:merchant456:payable') === 0, 'revoked, and not all went back');
  }

  private checkEnd(): string {
    const { record, operations } = this.payment;
    const open = operations.filter(
      ({ kind, status }) => isFollowUp(kind) && isOpen(status) && status !== 'review',
    );
    must(open.length === 0, 'something is still under way');
    const ours = this.ledger.get('provider:alipay:acct_1') ?? 0;
    const theirs = this.provider.sum('capture', ['done']) - this.provider.sum('refund', ['done']);
    must(ours === theirs || record.outcome === 'review', `we hold ${ours}, they say ${theirs}`);
    must(this.provider.sum('capture', ['done', 'working']) <= PRICE, 'captured twice');
    const isSettled =
      isEnded(record.status) || record.status === 'requires_capture' || record.outcome === 'review';
    must(isSettled, `neither ended nor waiting: ${record.status}`);
    return record.outcome === 'review' ? 'review' : record.status;
  }

  private setOperations(operations: readonly OperationFacts[]): void {
    this.payment = { ...this.payment, operations, record: { ...this.payment.record, operations } };
  }
}
