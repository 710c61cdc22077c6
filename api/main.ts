import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { pino } from 'pino';
import { createCrashAt } from '../config/crash-point.js';
import { readCredentials, readEnvironment, SettingError, type Environment } from '../config/environment.js';
import { temporalConnectionOptions } from '../config/temporal-connection.js';
import { connectDatabase } from '../db/connect.js';
import { createWalletBook } from '../db/wallets.js';
import { requireUsableDatabase, UnusableDatabaseError } from '../db/usable-database.js';
import { createConnectors } from '../providers/registry.js';
import { createApp } from './create-app.js';
import { defaultApiSettings, type ApiSettings } from './dependencies.js';
import { createPaymentStarter } from './payment-starter.js';
import { requireMargin } from './require-margin.js';

/** Supervisors kill what is not gone after ten seconds. */
const DRAIN_MS = 9_000;
/** Before a proxy with the usual 60 s would give up on an idle connection. */
const KEEP_ALIVE_MS = 65_000;
const REQUEST_TIMEOUT_MS = 30_000;

async function main(): Promise<void> {
  const environment = readEnvironment();
  const credentials = readCredentials(environment.PROVIDER_ACCOUNTS_FILE);
  const crashAt = createCrashAt(environment);
  const logger = pino({ level: environment.LOG_LEVEL, base: { service: 'api' } });
  const temporalConnection = Connection.lazy(temporalConnectionOptions(environment));
  const database = connectDatabase({
    url: environment.DATABASE_URL,
    applicationName: 'quittance-api',
    poolMax: environment.DATABASE_POOL_MAX,
  });
  const connectors = createConnectors({
    credentials: (name) => {
      const found = credentials[name];
      if (!found) throw new Error(`PROVIDER_ACCOUNTS_FILE has no credential ${name}`);
      return found;
    },
    now: Date.now,
    wallets: createWalletBook(database),
  });
  requireMargin(environment.CONCLUSIVE_MARGIN_MS, credentials, connectors);
  await requireUsableDatabase(database);
  const client = new Client({ connection: temporalConnection, namespace: environment.TEMPORAL_NAMESPACE });
  const { app, stopWaiting } = createApp(
    {
      database,
      connectors,
      temporal: createPaymentStarter(
        client,
        logger,
        { taskQueue: environment.TASK_QUEUE, workflowTaskTimeoutMs: environment.WORKFLOW_TASK_TIMEOUT_MS },
        Date.now,
      ),
      credentialMode: (name) => credentials[name]?.mode,
      clock: Date.now,
      random: randomBytes,
      logger,
      crashAt,
      settings: settingsFrom(environment),
    },
    environment.PUBLIC_URL,
  );
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_TIMEOUT_MS }, app);
  await listen(server, environment);
  stopOnSignal(async () => {
    await drain(server, stopWaiting);
    await Promise.allSettled([database.destroy(), temporalConnection.close()]);
  });
  const { port } = server.address() as AddressInfo;
  const host = environment.HOST.includes(':') ? `[${environment.HOST}]` : environment.HOST;
  process.stdout.write(`${JSON.stringify({ event: 'ready', url: `http://${host}:${port}` })}\n`);
}

function settingsFrom(environment: Environment): ApiSettings {
  return {
    ...defaultApiSettings,
    replyTimeoutMs: environment.REPLY_TIMEOUT_MS,
    sweepAfterMs: environment.SWEEP_AFTER_MS,
    rateLimitPerSecond: environment.RATE_LIMIT_PER_SECOND,
    webhookAllowPrivateNetwork: environment.WEBHOOK_ALLOW_PRIVATE_NETWORK,
    offerLifetimeMs: environment.OFFER_LIFETIME_MS,
    conclusiveMarginMs: environment.CONCLUSIVE_MARGIN_MS,
    graceMs: environment.REVIEW_GRACE_MS,
  };
}

function listen(server: Server, environment: Environment): Promise<void> {
  const { HOST, PORT } = environment;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new SettingError(`HOST and PORT: cannot listen on ${HOST}:${PORT} (${error.code})`)),
    );
    server.listen(PORT, HOST, resolve);
  });
}

/** Takes no more connections; requests that are being served get their answer, within nine seconds. */
async function drain(server: Server, stopWaiting: () => void): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  stopWaiting();
  // A connection that is kept alive becomes idle when its answer is out, and would then stay.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearInterval(sweep);
  clearTimeout(late);
}

function stopOnSignal(stop: () => Promise<void>): void {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      void stop().then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
}

main().catch((error: unknown) => {
  const isSetting = error instanceof SettingError || error instanceof UnusableDatabaseError;
  process.stderr.write(`${isSetting ? error.message : `the API did not start: ${String(error)}`}\n`);
  process.exit(1);
});
