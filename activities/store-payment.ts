import { randomBytes } from 'node:crypto';
import { writePaymentChange } from '../db/payment-changes.js';
import { loadPayment } from '../db/payments.js';
import type { CrashPoint } from '../domain/crash-points.js';
import { failOver } from '../domain/failover.js';
import { decideCancel } from '../domain/payment-decisions.js';
import type { PaymentChange } from '../domain/payment-change.js';
import { collectingOperation, type PaymentFacts } from '../domain/payment-facts.js';
import { positionOf } from '../domain/position-of-payment.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { paymentNotFound } from './to-application-failure.js';

/** Reads a payment's rows; the workflow of a payment that does not exist must end. */
export async function mustLoad(dependencies: ActivityDependencies, paymentId: string): Promise<PaymentFacts> {
  const payment = await loadPayment(dependencies.database, paymentId);
  if (!payment) throw paymentNotFound(paymentId);
  return payment;
}

/**
 * Carries out one decision in one transaction, between two crash points; where the attempt that it ends may be followed
 * by one at another account, that is planned with it.
 */
export async function commitChange(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  change: PaymentChange,
  after: CrashPoint,
): Promise<PaymentFacts> {
  const decided = orElsewhere(dependencies, payment, change);
  const changed = await writePaymentChange(dependencies.database, payment, decided, dependencies.now());
  if (decided.next) dependencies.crashAt('worker.failover.after_commit');
  dependencies.crashAt(after);
  return changed;
}

export function orElsewhere(
  { now }: ActivityDependencies,
  payment: PaymentFacts,
  change: PaymentChange,
): PaymentChange {
  return change.next ? change : failOver(payment, change, now(), randomBytes(10));
}

export function done(payment: PaymentFacts): PhaseResult {
  return { position: positionOf(payment), clean: true };
}

/** Ends a payment that is unwanted (canceled by the merchant, or expired) and that nobody can pay any more. */
export function createCancelPayment(dependencies: ActivityDependencies) {
  return async function cancelPayment({ paymentId }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    const change = decideCancel(payment, collectingOperation(payment), dependencies.now());
    if (!change) return done(payment);
    dependencies.crashAt('worker.cancel.before_commit');
    return done(await commitChange(dependencies, payment, change, 'worker.cancel.after_commit'));
  };
}
