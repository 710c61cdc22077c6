import { proxyActivities } from '@temporalio/workflow';
import type { SagaActivities } from './activities.js';

const { authorize, capture, settle } = proxyActivities<SagaActivities>({ startToCloseTimeout: '30s' });

/** What everybody writes first: two calls of the provider and a transaction, each a regular activity. */
export async function bareSaga(paymentId: string): Promise<string> {
  await authorize(paymentId);
  await capture(paymentId);
  await settle(paymentId);
  return 'succeeded';
}
