import { requestCancelByOperator } from '../db/operator-requests.js';
import type { ActivityDependencies } from './dependencies.js';
import type { PhaseInput, PhaseResult } from './phase.js';
import { done, mustLoad } from './store-payment.js';

/** A cancellation from the Temporal UI, recorded as what it means: the merchant's cancel. */
export function createRequestCancellation(dependencies: ActivityDependencies) {
  return async function requestCancellation({ paymentId }: PhaseInput): Promise<PhaseResult> {
    const payment = await mustLoad(dependencies, paymentId);
    return done(await requestCancelByOperator(dependencies.database, payment, dependencies.now()));
  };
}
