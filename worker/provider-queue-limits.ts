import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { providerNames, type Connectors } from '../providers/registry.js';
import { providerTaskQueue } from '../workflows/contract.js';

export interface QueueLimitDependencies {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  readonly connectors: Connectors;
  readonly logger: Logger;
}

/** temporal.api.enums.v1.TaskQueueType: TASK_QUEUE_TYPE_ACTIVITY. */
const ACTIVITY = 2;

/**
 * Tells Temporal how many durable activities a second it may hand out for one account (the fairness key), to all
 * workers together. What runs at once never lies in a queue: its rate is kept by each process, and so is everybody's
 * where Temporal does not take this (before server 1.29, or without the permission).
 */
export async function limitProviderQueues(dependencies: QueueLimitDependencies): Promise<void> {
  const limits = providerNames.map((provider) => limitQueue(dependencies, provider));
  await Promise.all(limits).catch((error: unknown) => {
    dependencies.logger.warn({ err: error }, 'Temporal keeps no rate of the providers’ queues');
  });
}

async function limitQueue(
  { connection, namespace, taskQueue, connectors }: QueueLimitDependencies,
  provider: string,
): Promise<void> {
  const { maxCallsPerSecond } = connectors.get(provider).capabilities;
  const queue = { namespace, name: providerTaskQueue(taskQueue, provider) };
  if ((await limitOf(connection, queue)) === maxCallsPerSecond) return;
  await connection.workflowService.updateTaskQueueConfig({
    namespace,
    taskQueue: queue.name,
    taskQueueType: ACTIVITY,
    updateFairnessKeyRateLimitDefault: {
      rateLimit: { requestsPerSecond: maxCallsPerSecond },
      reason: 'calls a second that the provider takes for one account',
    },
  });
}

async function limitOf(
  connection: NativeConnection,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<number | undefined> {
  const { config } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType: ACTIVITY,
    reportConfig: true,
  });
  return config?.fairnessKeysRateLimitDefault?.rateLimit?.requestsPerSecond ?? undefined;
}
