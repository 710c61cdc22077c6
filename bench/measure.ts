import { setTimeout as pause } from 'node:timers/promises';
import { runClosedLoop, type LoopResult, type LoopSettings } from './closed-loop.js';
import { canReadCpuTime, cpuTimeMs } from './cpu-time.js';
import { JsonClient } from './json-client.js';
import type { Stand } from './stand.js';

export type Side = 'quittance' | 'saga';

/** The payer acts and a notification settles; or the payer has nothing to do and the answer is the end. */
export type Way = 'payer_acts' | 'at_once';

/** CPU time per payment in milliseconds; NaN where the system does not tell. */
export interface CpuPerPayment {
  readonly app: number;
  readonly postgres: number;
  readonly server: number;
}

export interface Phase {
  readonly payments: number;
  readonly paymentsPerSecond: number;
  readonly firstReplyP50Ms: number;
  readonly firstReplyP99Ms: number;
  readonly cpu: CpuPerPayment;
}

/** What Temporal and PostgreSQL still do for the last payments belongs to them. */
const TRAILING_WORK_MS = 1_500;

/** One side alone, for a while. The window of the CPU time also holds the webhooks' delivery. */
export async function runPhase(stand: Stand, side: Side, way: Way, settings: LoopSettings): Promise<Phase> {
  const before = readCpu(stand, side);
  const loop =
    side === 'quittance' ? await runQuittance(stand, way, settings) : await runSaga(stand, way, settings);
  if (side === 'quittance') await stand.shop.webhooksDelivered(loop.firstRepliesMs.length);
  await pause(TRAILING_WORK_MS);
  const after = readCpu(stand, side);
  const payments = loop.firstRepliesMs.length;
  const sorted = [...loop.firstRepliesMs].sort((a, b) => a - b);
  return {
    payments,
    paymentsPerSecond: payments / (loop.durationMs / 1000),
    firstReplyP50Ms: quantile(sorted, 0.5),
    firstReplyP99Ms: quantile(sorted, 0.99),
    cpu: {
      app: (after.app - before.app) / payments,
      postgres: (after.postgres - before.postgres) / payments,
      server: (after.server - before.server) / payments,
    },
  };
}

function runQuittance(stand: Stand, way: Way, settings: LoopSettings): Promise<LoopResult> {
  return runClosedLoop(settings, () => (way === 'at_once' ? stand.shop.buyAtOnce() : stand.shop.buy()));
}

export async function runSaga(stand: Stand, way: Way, settings: LoopSettings): Promise<LoopResult> {
  const client = new JsonClient(stand.sagaUrl);
  try {
    const { status, body } = await client.post(
      `/?way=${way}&seconds=${settings.seconds}&concurrency=${settings.concurrency}`,
      {},
    );
    if (status !== 200) throw new Error(`the saga failed: ${JSON.stringify(body)}`);
    return body as unknown as LoopResult;
  } finally {
    client.close();
  }
}

function readCpu(stand: Stand, side: Side): CpuPerPayment {
  if (!canReadCpuTime()) return { app: Number.NaN, postgres: Number.NaN, server: Number.NaN };
  const { processes } = stand;
  return {
    app: cpuTimeMs(processes[side]),
    postgres: cpuTimeMs(processes.postgres),
    server: cpuTimeMs(processes.server),
  };
}

export function quantile(sorted: readonly number[], fraction: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
