import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { providerTaskQueue } from './contract.js';

/**
 * One proxy per class of risk. No proxy limits how long it goes on: a payment ends by its own deadline, which
 * the workflow keeps, and never because a retry policy ran out.
 */

/** Our own short, idempotent database steps, and a provider's first try behind permit and breaker. */
export function atOnce(summary: string) {
  return proxyLocalActivities<Activities>({
    startToCloseTimeout: '14s',
    localRetryThreshold: '5s',
    retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
    summary,
  });
}

/**
 * What a first try could not settle: on the provider's own queue, where operators see and pause it. Accounts take
 * turns in it: many payments of one that is held back do not keep another's waiting.
 */
export function durably(
  taskQueue: string,
  { provider, account }: { readonly provider: string; readonly account: string },
  summary: string,
) {
  return proxyActivities<Activities>({
    taskQueue: providerTaskQueue(taskQueue, provider),
    startToCloseTimeout: '20s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    cancellationType: 'TRY_CANCEL',
    priority: { fairnessKey: account },
    summary,
  });
}

/** A webhook that failed once: ten more tries over about 75 hours (30 s, 110 s, 7 min, 24 min, 1.5 h, 5.4 h, …). */
export const webhookRetries = proxyActivities<Activities>({
  startToCloseTimeout: '30s',
  retry: { initialInterval: '30s', backoffCoefficient: 3.65, maximumInterval: '24h', maximumAttempts: 10 },
  summary: 'send the webhook again',
});
