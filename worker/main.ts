import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, type Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { ActivityDependencies } from '../activities/dependencies.js';
import { createWebhookSender } from '../activities/webhook-sender.js';
import { createCrashAt } from '../config/crash-point.js';
import { readCredentials, readEnvironment, SettingError, type Environment } from '../config/environment.js';
import { grpcCompression, temporalConnectionOptions } from '../config/temporal-connection.js';
import { connectDatabase, type Database } from '../db/connect.js';
import { createWalletBook } from '../db/wallets.js';
import { requireUsableDatabase, UnusableDatabaseError } from '../db/usable-database.js';
import { createConnectors } from '../providers/registry.js';
import type { CredentialsByName } from '../config/environment.js';
import { startAccountProber } from './account-prober.js';
import { createWorkers } from './create-worker.js';
import { gateMetrics } from './gate-metrics.js';
import { startHealthServer } from './health-server.js';
import { createLogger } from './logger.js';
import { createWorkerGate } from './provider-gate.js';
import { limitProviderQueues } from './provider-queue-limits.js';
import { ensureSearchAttributes } from './search-attributes.js';
import { startSweeper } from './sweeper.js';
import { startWebhookDispatcher } from './webhook-dispatcher.js';

/** Accounts that are set up wrongly are looked at once in so many sweeps. */
const PROBE_INTERVALS = 5;
const WEBHOOK_TIMEOUT_MS = 5_000;

/** One worker process: workflows, activities, the webhook dispatcher and the sweeper. Several may run side by side. */
async function main(): Promise<void> {
  const environment = readEnvironment();
  const credentials = readCredentials(environment.PROVIDER_ACCOUNTS_FILE);
  const logger = createLogger(environment.LOG_LEVEL);
  Runtime.install({ shutdownSignals: [], logger: temporalLogger(logger) });
  const database = connectDatabase({
    url: environment.DATABASE_URL,
    applicationName: 'quittance-worker',
    poolMax: environment.DATABASE_POOL_MAX,
  });
  await requireUsableDatabase(database);
  const connection = await connectTemporal(environment);
  await run(environment, logger, database, connection, credentials);
  await connection.close();
  await database.destroy();
}

/** Throws SettingError, which names the variable to look at. */
async function connectTemporal(environment: Environment): Promise<NativeConnection> {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = environment;
  const options = temporalConnectionOptions(environment);
  const connection = await NativeConnection.connect({ ...options, ...grpcCompression(options) }).catch(
    (error: unknown) => {
      throw new SettingError(`TEMPORAL_ADDRESS ${address} cannot be used: ${reasonOf(error)}`);
    },
  );
  await ensureSearchAttributes(connection, namespace).catch((error: unknown) => {
    throw new SettingError(
      `TEMPORAL_NAMESPACE ${namespace} at ${address} cannot be used: ${reasonOf(error)}`,
    );
  });
  return connection;
}

/** The first line, without the transport's nested debug form. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const known = /Connection refused|InvalidContentType|dns error|timed? ?out|certificate/i.exec(text);
  return known?.[0] ?? text.split('\n')[0] ?? 'unknown reason';
}

async function run(
  environment: Environment,
  logger: Logger,
  database: Database,
  connection: NativeConnection,
  credentials: CredentialsByName,
): Promise<void> {
  const dependencies = activityDependencies(environment, logger, database, credentials);
  const { crashAt, sendWebhook, gate, connectors } = dependencies;
  const { TEMPORAL_NAMESPACE: namespace, TASK_QUEUE: taskQueue } = environment;
  const client = new Client({ connection, namespace });
  const limitQueues = () => limitProviderQueues({ connection, namespace, taskQueue, connectors, logger });
  await limitQueues();
  const workers = await createWorkers(
    {
      connection,
      namespace,
      taskQueue,
      bundlePath: bundleOf(environment),
      stickyTimeoutMs: environment.STICKY_QUEUE_TIMEOUT_MS,
      slots: environment.WORKER_SLOTS,
    },
    dependencies,
  );
  const loops = {
    webhook_dispatcher: startWebhookDispatcher({
      database,
      client,
      sendWebhook,
      logger,
      crashAt,
      taskQueue,
      leaseSeconds: environment.WEBHOOK_LEASE_SECONDS,
    }),
    sweeper: startSweeper({
      database,
      client,
      logger,
      crashAt,
      async prepareNamespace() {
        await ensureSearchAttributes(connection, namespace);
        await limitQueues();
      },
      settings: {
        taskQueue,
        workflowTaskTimeoutMs: environment.WORKFLOW_TASK_TIMEOUT_MS,
        intervalMs: environment.SWEEP_INTERVAL_MS,
        againMs: environment.SWEEP_AFTER_MS,
      },
    }),
    accounts: startAccountProber({
      database,
      connectors: dependencies.connectors,
      logger,
      intervalMs: PROBE_INTERVALS * environment.SWEEP_INTERVAL_MS,
    }),
  };
  stopOnSignal(workers, logger);
  const running = Promise.all(workers.map((worker) => worker.run()));
  const moreMetrics = () => [...gateMetrics(gate.statuses()), ...loops.accounts.metrics()];
  const watch = { workers, loops, moreMetrics };
  const health = await startHealthServer(environment, watch);
  process.stdout.write(`${JSON.stringify({ event: 'ready', taskQueue, ...health?.ready })}\n`);
  try {
    await running;
  } finally {
    await Promise.all(Object.values(loops).map((loop) => loop.stop()));
    await health?.close();
  }
}

function activityDependencies(
  environment: Environment,
  logger: Logger,
  database: Database,
  credentials: CredentialsByName,
): ActivityDependencies {
  const now = () => Date.now();
  const connectors = createConnectors({
    now,
    wallets: createWalletBook(database),
    credentials(name) {
      const found = credentials[name];
      if (!found) throw new SettingError(`PROVIDER_ACCOUNTS_FILE has no credential named ${name}`);
      return found;
    },
  });
  return {
    database,
    connectors,
    gate: createWorkerGate(environment, logger, connectors, credentials),
    sendWebhook: createWebhookSender({
      allowPrivateNetwork: environment.WEBHOOK_ALLOW_PRIVATE_NETWORK,
      timeoutMs: WEBHOOK_TIMEOUT_MS,
      now,
    }),
    now,
    crashAt: createCrashAt(environment),
    publicUrl: (environment.PUBLIC_URL ?? `http://${environment.HOST}:${environment.PORT}`).replace(
      /\/$/,
      '',
    ),
  };
}

/** Beside this file's folder, where `npm run build` puts it. */
function bundleOf(environment: Environment): string {
  const built = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  const path = environment.WORKFLOW_BUNDLE ?? built;
  if (!existsSync(path)) throw new SettingError(`WORKFLOW_BUNDLE: there is no ${path}; run npm run build`);
  return path;
}

function stopOnSignal(workers: readonly Worker[], logger: Logger): void {
  const stop = (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'stopping: what is under way is finished first');
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function temporalLogger(logger: Logger) {
  const write = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: object) =>
    logger[level]({ ...meta }, message);
  return {
    log: (level: string, message: string, meta?: object) =>
      write(level.toLowerCase() as 'info')(message, meta),
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}

main().catch((error: unknown) => {
  const isSetting = error instanceof SettingError || error instanceof UnusableDatabaseError;
  process.stderr.write(`${isSetting ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exit(1);
});
