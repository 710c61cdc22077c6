import type { NativeConnection } from '@temporalio/worker';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { DURABLE_SLOTS_OF_PROVIDER } from '../activities/account-gate.js';
import { createActivities } from '../activities/index.js';
import type { ActivityDependencies } from '../activities/dependencies.js';
import { providerNames } from '../providers/registry.js';
import { providerTaskQueue } from '../workflows/contract.js';

export interface WorkerSettings {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly taskQueue: string;
  /** The file that `npm run build` makes of workflows/. */
  readonly bundlePath: string;
  readonly stickyTimeoutMs: number;
  /** Workflow tasks, and first tries inside them, at a time. */
  readonly slots: number;
}

/** The SDK's own number, said here because it counts. */
const WORKFLOW_POLLERS = 10;
/** Of each provider's queue, which is empty while all goes well. */
const PROVIDER_POLLERS = 4;
const SHUTDOWN_GRACE = '20s';
const SHUTDOWN_FORCE = '30s';

/**
 * The workers of one process: one for workflows and their local activities, and one for each provider's queue,
 * so that a provider that hangs on every call holds no slot of another.
 */
export async function createWorkers(
  settings: WorkerSettings,
  dependencies: ActivityDependencies,
): Promise<Worker[]> {
  const { connection, namespace, taskQueue } = settings;
  const activities = createActivities(dependencies);
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    activities,
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  };
  const story = Worker.create({
    ...common,
    taskQueue,
    workflowBundle: { codePath: settings.bundlePath },
    stickyQueueScheduleToStartTimeout: settings.stickyTimeoutMs,
    // A first try holds one of each for as long as the provider takes; a poller holds one of the former while it waits.
    maxConcurrentWorkflowTaskExecutions: settings.slots + WORKFLOW_POLLERS,
    maxConcurrentWorkflowTaskPolls: WORKFLOW_POLLERS,
    maxConcurrentLocalActivityExecutions: settings.slots,
    maxCachedWorkflows: Math.max(1_000, settings.slots + WORKFLOW_POLLERS),
    maxConcurrentActivityTaskExecutions: 50,
  });
  const ofProviders = providerNames.map((provider) =>
    Worker.create({
      ...common,
      taskQueue: providerTaskQueue(taskQueue, provider),
      maxConcurrentActivityTaskExecutions: DURABLE_SLOTS_OF_PROVIDER,
      maxConcurrentActivityTaskPolls: PROVIDER_POLLERS,
    }),
  );
  return Promise.all([story, ...ofProviders]);
}
