import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Client, WithStartWorkflowOperation } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import pg from 'pg';
import { JsonClient } from '../json-client.js';
import { runClosedLoop } from '../closed-loop.js';
import { createSagaActivities } from './activities.js';
import { answer, bareSaga, bareSagaAtOnce } from './workflow.js';

/**
 * The bare saga's application: its worker, and the client that starts sagas and waits for their ends, in one
 * process and with the SDK's defaults. Nothing comes in over HTTP but the command to run for a while, so that
 * the saga pays for nothing that is not its own.
 */
const TASK_QUEUE = 'bare-saga';

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

async function main(): Promise<void> {
  const logger = new DefaultLogger('WARN');
  Runtime.install({ logger, shutdownSignals: [] });
  const workflowsPath = fileURLToPath(new URL('workflow.js', import.meta.url));
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
  const connection = await NativeConnection.connect({ address: setting('TEMPORAL_ADDRESS') });
  const database = new pg.Pool({ connectionString: setting('DATABASE_URL'), max: 16, idleTimeoutMillis: 0 });
  const activities = createSagaActivities(new JsonClient(setting('PROVIDER_URL')), database);
  const worker = await Worker.create({ connection, taskQueue: TASK_QUEUE, workflowBundle, activities });
  const client = new Client({ connection });
  const running = worker.run();
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://saga');
    const [seconds, concurrency] = [searchParams.get('seconds'), searchParams.get('concurrency')].map(Number);
    const run = searchParams.get('way') === 'at_once' ? runAtOnce : runSaga;
    runClosedLoop({ seconds: seconds ?? 1, concurrency: concurrency ?? 1 }, () => run(client)).then(
      (result) => response.end(JSON.stringify(result)),
      (error: unknown) => response.writeHead(500).end(JSON.stringify({ error: String(error) })),
    );
  });
  server.requestTimeout = 0;
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ event: 'ready', url: `http://127.0.0.1:${port}` })}\n`);
  });
  process.once('SIGTERM', () => worker.shutdown());
  await running;
  process.exit(0);
}

/** Its first reply is its end: a saga knows nothing to say before. */
async function runSaga(client: Client): Promise<{ workflowId: string; firstReplyMs: number }> {
  const startedAt = performance.now();
  const workflowId = `saga-${randomUUID()}`;
  const handle = await client.workflow.start(bareSaga, {
    taskQueue: TASK_QUEUE,
    workflowId,
    args: [workflowId],
  });
  await handle.result();
  return { workflowId, firstReplyMs: performance.now() - startedAt };
}

/** Answered by the update that came with the start; that is its end as well. */
async function runAtOnce(client: Client): Promise<{ workflowId: string; firstReplyMs: number }> {
  const startedAt = performance.now();
  const workflowId = `saga-${randomUUID()}`;
  const startWorkflowOperation = new WithStartWorkflowOperation(bareSagaAtOnce, {
    taskQueue: TASK_QUEUE,
    workflowId,
    args: [workflowId],
    workflowIdConflictPolicy: 'FAIL',
  });
  await client.workflow.executeUpdateWithStart(answer, { startWorkflowOperation });
  return { workflowId, firstReplyMs: performance.now() - startedAt };
}

main().catch((error: unknown) => {
  process.stderr.write(`${String((error as Error).stack ?? error)}\n`);
  process.exit(1);
});
