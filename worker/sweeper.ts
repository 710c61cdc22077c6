import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/connect.js';
import { takeDue, type DuePayment } from '../db/sweep.js';
import type { CrashAt } from '../domain/crash-points.js';
import {
  processPaymentStart,
  refundPaymentStart,
  settleLatePaymentStart,
  wakeUpSignal,
  workflowNames,
  type StartSettings,
  type WakeUp,
} from '../workflows/contract.js';
import { repeat, type Repeating } from './repeat.js';

export interface SweeperDependencies {
  readonly database: Database;
  readonly client: Client;
  readonly logger: Logger;
  readonly crashAt: CrashAt;
  /** Makes what a namespace needs before workflows can start in it; a Temporal that lost its database needs it anew. */
  readonly prepareNamespace: () => Promise<void>;
  readonly settings: StartSettings & { readonly intervalMs: number; readonly againMs: number };
}

const BATCH = 100;
/** While Temporal cannot be reached a call must not hold the sweep: what it could not wake stays due. */
const CALL_TIMEOUT_MS = 5_000;

/**
 * Starts or wakes the workflow of everything that is due: accepted while Temporal was down, notified while the
 * signal was lost, terminated by hand, or gone with Temporal's whole database.
 */
export function startSweeper(dependencies: SweeperDependencies): Repeating {
  const { database, logger, settings } = dependencies;
  const sweep = async () => {
    const due = await takeDue(database, { limit: BATCH, againSeconds: settings.againMs / 1000 });
    if (due.length > 0) dependencies.crashAt('worker.sweep.after_claim');
    const results = await Promise.allSettled(due.map((payment) => wake(dependencies, payment)));
    const failed = results.filter((result) => result.status === 'rejected');
    if (failed.length > 0) await afterFailure(dependencies, due.length, failed);
    return { hasMore: due.length >= BATCH && failed.length === 0 };
  };
  return repeat(sweep, settings.intervalMs, (error) => logger.warn({ err: error }, 'sweep failed'));
}

/** What could not be woken stays due. */
async function afterFailure(
  { logger, prepareNamespace }: SweeperDependencies,
  due: number,
  failed: readonly PromiseRejectedResult[],
): Promise<void> {
  logger.warn({ due, failed: failed.length, err: failed[0]?.reason as unknown }, 'sweep could not wake all');
  await prepareNamespace();
}

async function wake(dependencies: SweeperDependencies, due: DuePayment): Promise<void> {
  const { client, settings } = dependencies;
  const tenant = { merchantId: due.merchantId, mode: due.mode };
  const payment = { id: due.paymentId, provider: due.provider, method: due.method };
  const reason: WakeUp['reason'] = due.operationId === null ? 'sweep' : 'notification';
  const signal = { signal: wakeUpSignal, signalArgs: [{ reason }] };
  await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, async () => {
    if (due.refund) {
      const start = refundPaymentStart(tenant, payment, due.refund, settings);
      await client.workflow.signalWithStart(workflowNames.refundPayment, { ...start, ...signal });
    } else if (due.isEnded && due.operationId !== null) {
      const start = settleLatePaymentStart(tenant, payment, due.operationId, settings);
      await client.workflow.signalWithStart(workflowNames.settleLatePayment, { ...start, ...signal });
    } else {
      const start = processPaymentStart(tenant, payment, settings);
      await client.workflow.signalWithStart(workflowNames.processPayment, { ...start, ...signal });
    }
  });
}
