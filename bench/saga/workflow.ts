import {
  allHandlersFinished,
  condition,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';
import type { SagaActivities } from './activities.js';

const regular = proxyActivities<SagaActivities>({ startToCloseTimeout: '30s' });
const local = proxyLocalActivities<SagaActivities>({ startToCloseTimeout: '30s' });

/** What everybody writes first: two calls of the provider and a transaction, each a regular activity. */
export async function bareSaga(paymentId: string): Promise<string> {
  await regular.authorize(paymentId);
  await regular.capture(paymentId);
  await regular.settle(paymentId);
  return 'succeeded';
}

export const answer = defineUpdate<string>('answer');

/** The best shape there is for a payment that is answered at once: Update-with-Start, and all activities local. */
export async function bareSagaAtOnce(paymentId: string): Promise<string> {
  let isSettled = false;
  setHandler(answer, async () => {
    await condition(() => isSettled);
    return 'succeeded';
  });
  await local.authorize(paymentId);
  await local.capture(paymentId);
  await local.settle(paymentId);
  isSettled = true;
  await condition(allHandlersFinished);
  return 'succeeded';
}
