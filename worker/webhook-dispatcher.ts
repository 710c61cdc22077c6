import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { WebhookSender } from '../activities/webhook-sender.js';
import type { Database } from '../db/connect.js';
import {
  claimWebhooks,
  disableEndpoint,
  markWebhooks,
  type WebhookDelivery,
  type WebhookMark,
} from '../db/webhook-deliveries.js';
import type { CrashAt } from '../domain/crash-points.js';
import { deliverWebhookWorkflowId } from '../domain/ids.js';
import { workflowNames } from '../workflows/contract.js';
import { repeat, type Repeating } from './repeat.js';

export interface DispatcherDependencies {
  readonly database: Database;
  readonly client: Client;
  readonly sendWebhook: WebhookSender;
  readonly logger: Logger;
  readonly crashAt: CrashAt;
  readonly taskQueue: string;
  /**
   * After this another worker sends again what a dead one had claimed. Longer than a batch can take: per endpoint
   * 100 / 8 rounds of at most 5 s.
   */
  readonly leaseSeconds: number;
}

const BATCH = 100;
const IDLE_MS = 250;
const PER_ENDPOINT = 8;
/** Endpoints that are being sent to at once, in one process. */
const MAX_LANES = 200;

/**
 * Sends each event once, outside any transaction. Every endpoint has a lane of its own, which marks its part of a
 * batch in one statement when it is through: one that hangs holds up nobody else, and gets no more until then. A
 * delivery that failed goes on in a workflow of its own, where operators see it.
 */
export function startWebhookDispatcher(dependencies: DispatcherDependencies): Repeating {
  const { database, logger, leaseSeconds } = dependencies;
  const onError = (error: unknown) => logger.warn({ err: error }, 'webhook dispatch failed');
  const lanes = new Map<string, Promise<void>>();
  const dispatch = async () => {
    if (lanes.size >= MAX_LANES) return { hasMore: false };
    const exceptEndpoints = [...lanes.keys()];
    const due = await claimWebhooks(database, { limit: BATCH, leaseSeconds, exceptEndpoints });
    if (due.length > 0) dependencies.crashAt('worker.webhook.after_claim');
    for (const list of byEndpoint(due)) {
      const { endpointId } = list[0]!;
      const lane = sendAndMark(dependencies, list)
        .catch(onError)
        .finally(() => lanes.delete(endpointId));
      lanes.set(endpointId, lane);
    }
    return { hasMore: due.length >= BATCH };
  };
  const repeating = repeat(dispatch, IDLE_MS, onError);
  return {
    async stop() {
      await repeating.stop();
      await Promise.all(lanes.values());
    },
    progress: () => repeating.progress(),
  };
}

async function sendAndMark(
  dependencies: DispatcherDependencies,
  deliveries: readonly WebhookDelivery[],
): Promise<void> {
  const marks = await sendInTurn(dependencies, deliveries);
  dependencies.crashAt('worker.webhook.after_call');
  await markWebhooks(dependencies.database, marks);
}

function byEndpoint(due: readonly WebhookDelivery[]): Iterable<WebhookDelivery[]> {
  const lists = new Map<string, WebhookDelivery[]>();
  for (const delivery of due)
    lists.set(delivery.endpointId, [...(lists.get(delivery.endpointId) ?? []), delivery]);
  return lists.values();
}

/** At most so many at once to one endpoint. */
async function sendInTurn(
  dependencies: DispatcherDependencies,
  deliveries: readonly WebhookDelivery[],
): Promise<WebhookMark[]> {
  const marks: WebhookMark[] = [];
  const waiting = [...deliveries];
  const lane = async () => {
    for (let delivery = waiting.shift(); delivery; delivery = waiting.shift()) {
      const mark = await deliver(dependencies, delivery);
      if (mark) marks.push(mark);
    }
  };
  await Promise.all(Array.from({ length: PER_ENDPOINT }, lane));
  return marks;
}

/** Undefined where nothing is to be marked: the lease runs out and it is due again. */
async function deliver(
  dependencies: DispatcherDependencies,
  delivery: WebhookDelivery,
): Promise<WebhookMark | undefined> {
  const { id } = delivery;
  if (delivery.isDisabled) return { id, status: 'abandoned', result: 'the endpoint is disabled' };
  if (delivery.isRetrying) return retryLater(dependencies, delivery, 'the retry schedule begins again');
  const { kind, result } = await dependencies.sendWebhook(delivery);
  switch (kind) {
    case 'delivered':
      return { id, status: 'delivered', result };
    case 'gone':
      await disableEndpoint(dependencies.database, delivery.endpointId, result);
      return { id, status: 'abandoned', result };
    case 'failed':
      return retryLater(dependencies, delivery, result);
  }
}

async function retryLater(
  dependencies: DispatcherDependencies,
  delivery: WebhookDelivery,
  result: string,
): Promise<WebhookMark | undefined> {
  const { client, logger, taskQueue } = dependencies;
  try {
    await client.withDeadline(Date.now() + 5_000, () =>
      client.workflow.start(workflowNames.deliverWebhook, {
        workflowId: deliverWebhookWorkflowId(delivery.id),
        taskQueue,
        args: [{ deliveryId: delivery.id }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `webhook ${delivery.eventId} to endpoint ${delivery.endpointId}`,
      }),
    );
    return { id: delivery.id, status: 'retrying', result };
  } catch (error) {
    logger.warn({ err: error, delivery: delivery.id }, 'webhook retry could not be started');
    return undefined;
  }
}
