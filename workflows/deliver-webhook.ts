import { ActivityFailure, setCurrentDetails, sleep } from '@temporalio/workflow';
import { atOnce, webhookRetries } from './activity-proxies.js';
import type { DeliverWebhookInput } from './contract.js';

/**
 * A webhook whose first delivery failed: tried again on a long schedule that operators see and can hurry.
 * When the schedule is over the delivery is marked abandoned; the event stays readable through the API.
 */
export async function deliverWebhook({
  deliveryId,
}: DeliverWebhookInput): Promise<'delivered' | 'abandoned'> {
  setCurrentDetails("The merchant's endpoint did not take the webhook; it is being tried again.");
  await sleep('10s', { summary: 'before the second try' });
  try {
    await webhookRetries.sendWebhook({ deliveryId });
    return 'delivered';
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    await atOnce('give the delivery up').abandonWebhook({ deliveryId });
    return 'abandoned';
  }
}
