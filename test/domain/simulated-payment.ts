import { isOpen } from '../../domain/operation.js';
import { applyChange, type PaymentChange } from '../../domain/payment-change.js';
import {
  openOperation,
  type FallbackFacts,
  type OperationFacts,
  type PaymentFacts,
} from '../../domain/payment-facts.js';
import { isEnded } from '../../domain/payment.js';
import { HOUR, MINUTE, operationFacts, paymentFacts } from './facts.js';
import { checkCommit, type Ledger } from './simulated-invariants.js';
import type { Claim, Dice } from './simulated-provider.js';

/** Dies between a call and its commit, as a worker may. */
export class Crash extends Error {}

export const tokenOf = (account: string) => `token of ${account}`;

/** Up to two more accounts, of which some cannot be used. */
export function anyFallbacks(dice: Dice): FallbackFacts[] {
  return dice.pick([[], ['acct_2'], ['acct_2', 'acct_3']]).map((accountId) => ({
    terms: {
      provider: 'alipay',
      accountId,
      flow: 'qr_code',
      paymentToken: tokenOf(accountId),
      offerLifetimeMs: 5 * MINUTE,
      conclusiveMarginMs: MINUTE,
      graceMs: 24 * HOUR,
      replayForMs: null,
    },
    credential: 'alipay-sandbox',
    isUsable: dice.happens(0.8),
  }));
}

/** The rows of one payment, as db/ writes them: what must hold of them is looked at after every commit. */
export class SimulatedPayment {
  readonly trace: string[] = [];
  readonly ledger: Ledger = new Map();
  facts: PaymentFacts;
  crashes = 0.05;

  constructor(private readonly dice: Dice) {
    const first = { paymentToken: tokenOf('acct_1'), fallbacks: anyFallbacks(dice) };
    this.facts = paymentFacts([operationFacts(first)]);
  }

  commit(
    change: PaymentChange | undefined,
    cause: string,
    notifications: PaymentFacts['notifications'] = this.facts.notifications,
  ): void {
    if (this.dice.happens(this.crashes)) throw new Crash();
    const before = this.facts;
    const applied = change ? applyChange(before, change) : before;
    if (change) {
      this.trace.push(
        `${cause}: ${change.operation?.from} -> ${change.operation?.to}, ${applied.record.status}/${applied.record.outcome}`,
      );
      if (change.next) this.trace.push(`goes on at ${change.next.accountId}`);
      checkCommit(before, change, applied, cause, this.ledger);
    }
    this.facts = { ...applied, notifications };
  }

  plan(next: OperationFacts, abandoned: OperationFacts | undefined): void {
    this.trace.push(`plans ${next.number}`);
    if (abandoned) this.setOperation({ ...abandoned, status: 'canceled', fallbacks: [] });
    const operations = [...this.facts.operations, next];
    if (operations.filter((known) => isOpen(known.status)).length > 1)
      throw new Error('two attempts are open');
    this.setOperations(operations);
  }

  /** A confirmed payment is processed anew. */
  reopen(): void {
    const { record } = this.facts;
    this.facts = {
      ...this.facts,
      record: { ...record, status: 'processing', outcome: 'known', lastError: null },
    };
  }

  setOperation(operation: OperationFacts): void {
    this.setOperations(this.facts.operations.map((known) => (known.id === operation.id ? operation : known)));
  }

  notify({ operationId, paid }: Claim, receivedAtMs: number): void {
    const notification = {
      id: this.trace.length,
      operationId,
      says: 'TRADE_SUCCESS',
      receivedAtMs,
      paid,
      told: null,
    };
    this.trace.push(`notification of ${operationId.slice(-4)}: ${paid.amountMinor} - ${paid.refundedMinor}`);
    this.facts = { ...this.facts, notifications: [...this.facts.notifications, notification] };
  }

  requestCancel(nowMs: number): void {
    if (this.facts.cancelRequested || isEnded(this.facts.record.status)) return;
    this.trace.push('cancel requested');
    this.facts = { ...this.facts, cancelRequested: true };
    const open = openOperation(this.facts);
    if (open) this.setOperation({ ...open, nextPollMs: nowMs });
  }

  private setOperations(operations: readonly OperationFacts[]): void {
    this.facts = { ...this.facts, operations, record: { ...this.facts.record, operations } };
  }
}
