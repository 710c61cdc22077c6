import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Worker } from '@temporalio/worker';
import { SettingError, type Environment } from '../config/environment.js';
import { prometheusContentType, renderMetrics, type Metric } from '../config/prometheus-text.js';
import type { Repeating } from './repeat.js';

export interface HealthServer {
  readonly ready: { readonly healthUrl: string };
  close(): Promise<void>;
}

/** What the worker's health is read from. */
export interface Watched {
  readonly workers: readonly Pick<Worker, 'getState'>[];
  readonly loops: Readonly<Record<string, Pick<Repeating, 'progress'>>>;
  readonly moreMetrics: () => readonly Metric[];
}

/** A loop that has not ended a round for so long is stuck; one that fails at every round is not. */
const STUCK_AFTER_MS = 120_000;

/**
 * For operators and supervisors: `/healthz` and `/metrics`, where WORKER_PORT is set. It tells counts, states and our
 * own ids of accounts, and nothing else; it takes nothing. Throws SettingError where it cannot listen.
 */
export async function startHealthServer(
  environment: Pick<Environment, 'WORKER_HOST' | 'WORKER_PORT'>,
  watched: Watched,
): Promise<HealthServer | undefined> {
  const { WORKER_HOST: host, WORKER_PORT: port } = environment;
  if (port === undefined) return undefined;
  const server = createServer({ requestTimeout: 5_000 }, ({ method, url = '/' }, response) => {
    const [path] = url.split('?');
    const reply = method === 'GET' ? replyTo(path, watched) : undefined;
    const { status, type, body } = reply ?? { status: 404, type: 'text/plain', body: 'not found\n' };
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  });
  await listen(server, host, port);
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  const healthUrl = `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  return {
    ready: { healthUrl },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) =>
      reject(new SettingError(`WORKER_HOST and WORKER_PORT: cannot listen on ${host}:${port} (${code})`)),
    );
    server.listen(port, host, resolve);
  });
}

function replyTo(path: string | undefined, watched: Watched) {
  switch (path) {
    case '/healthz':
      return healthz(watched);
    case '/metrics': {
      const metrics = [...workerMetrics(watched), ...watched.moreMetrics()];
      return { status: 200, type: prometheusContentType, body: renderMetrics(metrics) };
    }
    default:
      return undefined;
  }
}

/** Health is progress: all workers poll, and no loop is stuck. Whether a database answers is in the metrics. */
function healthz({ workers, loops }: Watched) {
  const isPolling = workers.every((worker) => worker.getState() === 'RUNNING');
  const stuck = Object.keys(loops).filter(
    (name) => (loops[name]?.progress().sinceLastMs ?? 0) > STUCK_AFTER_MS,
  );
  const isHealthy = isPolling && stuck.length === 0;
  const body = JSON.stringify({ status: isHealthy ? 'ok' : 'unhealthy', polling: isPolling, stuck });
  return { status: isHealthy ? 200 : 503, type: 'application/json; charset=utf-8', body };
}

function workerMetrics({ workers, loops }: Watched): Metric[] {
  const progress = Object.entries(loops).map(([loop, { progress }]) => ({ labels: { loop }, ...progress() }));
  const ofLoops = (read: (loop: (typeof progress)[number]) => number) =>
    progress.map((loop) => ({ labels: loop.labels, value: read(loop) }));
  return [
    {
      name: 'quittance_worker_polling',
      help: 'Task queues that this process polls.',
      type: 'gauge',
      samples: [{ labels: {}, value: workers.filter((worker) => worker.getState() === 'RUNNING').length }],
    },
    {
      name: 'quittance_worker_rounds_total',
      help: 'Rounds of the sweeper and of the webhook dispatcher.',
      type: 'counter',
      samples: ofLoops(({ rounds }) => rounds),
    },
    {
      name: 'quittance_worker_rounds_failed_total',
      help: 'Rounds that failed, because the database or Temporal could not be reached.',
      type: 'counter',
      samples: ofLoops(({ failedRounds }) => failedRounds),
    },
    {
      name: 'quittance_worker_round_age_seconds',
      help: 'Since the last round ended.',
      type: 'gauge',
      samples: ofLoops(({ sinceLastMs }) => sinceLastMs / 1_000),
    },
  ];
}
