import { writePaymentChange } from '../db/payment-changes.js';
import { loadPayment } from '../db/payments.js';
import type { CrashPoint } from '../domain/crash-points.js';
import { decideCancel } from '../domain/payment-decisions.js';
import type { PaymentChange } from '../domain/payment-change.js';
import { collectingOperation, positionOf, type PaymentFacts } from '../domain/payment-facts.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { paymentNotFound } from './to-application-failure.js';

/** Reads a payment's rows; the workflow of a payment that does not exist must end. */
export async function mustLoad(dependencies: ActivityDependencies, paymentId: string): Promise<PaymentFacts> {
  const payment = await loadPayment(dependencies.database, paymentId);
  if (!payment) throw paymentNotFound(paymentId);
  return payment;
}

/** Carries out one decision in one transaction, between two crash points. */
export async function commitChange(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  change: PaymentChange,
  after: CrashPoint,
): Promise<PaymentFacts> {
  const changed = await writePaymentChange(dependencies.database, payment, change, dependencies.now());
  dependencies.crashAt(after);
  return changed;
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
