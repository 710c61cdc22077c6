import { ApplicationFailure } from '@temporalio/common';
import { disableEndpoint, findOpenWebhook, markWebhooks } from '../db/webhook-deliveries.js';
import type { ActivityDependencies } from './dependencies.js';
import { failureTypes } from './to-application-failure.js';

export interface WebhookInput {
  readonly deliveryId: string;
}

/** One more try of a delivery that has failed before; throws, retryably, while the endpoint does not take it. */
export function createSendWebhook(dependencies: ActivityDependencies) {
  return async function sendWebhook({ deliveryId }: WebhookInput): Promise<void> {
    const { database } = dependencies;
    const delivery = await findOpenWebhook(database, deliveryId);
    if (!delivery) return;
    if (delivery.isDisabled) {
      await markWebhooks(database, [
        { id: delivery.id, status: 'abandoned', result: 'the endpoint is disabled' },
      ]);
      return;
    }
    const { kind, result } = await dependencies.sendWebhook(delivery);
    dependencies.crashAt('worker.webhook.after_call');
    switch (kind) {
      case 'delivered':
        return markWebhooks(database, [{ id: delivery.id, status: 'delivered', result }]);
      case 'gone':
        await disableEndpoint(database, delivery.endpointId, result);
        return markWebhooks(database, [{ id: delivery.id, status: 'abandoned', result }]);
      case 'failed':
        throw ApplicationFailure.create({ type: failureTypes.webhookRefused, message: result });
    }
  };
}

/** The schedule is over: the delivery is given up, visibly; the event can still be read through the API. */
export function createAbandonWebhook(dependencies: ActivityDependencies) {
  return async function abandonWebhook({ deliveryId }: WebhookInput): Promise<void> {
    const result = 'given up after the last try';
    await markWebhooks(dependencies.database, [{ id: deliveryId, status: 'abandoned', result }]);
  };
}
