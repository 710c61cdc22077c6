import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDatabase, provideDatabase, type Database } from './provide-database.js';
import { ensureDemoAccounts } from '../demo/demo-accounts.js';
import { ensureDemoMerchant } from '../demo/demo-merchant.js';
import { apiPort, hostInUrl, rememberedPort, withoutPassword } from './instance-settings.js';
import { spawnUntilReady, type ReadyProcess } from '../processes/processes.js';
import { SetupError, withProgress } from '../set-up/progress.js';
import { provideTemporal, type Temporal } from './provide-temporal.js';
import { writeInstanceEnvironment, type StateFolder } from '../set-up/state-folder.js';
import type { Supervisor } from '../processes/supervisor.js';

export interface Instance {
  table: [string, string][];
  workerPid: () => number | undefined;
  purchase: {
    apiUrl: string;
    sandboxUrl: string;
    temporalUiUrl: string | undefined;
    namespace: string;
    apiKey: string;
  };
}

interface Sandbox {
  controlUrl: string;
  credentialsFile: string;
}

/** Everything up, in the order in which one needs the other; what does not is started side by side. */
export async function startInstance(
  state: StateFolder,
  supervisor: Supervisor,
  print: (line: string) => void,
): Promise<Instance> {
  const host = process.env['HOST'] ?? '127.0.0.1';
  const [database, temporal, sandbox] = await allOrFirstFailure([
    provideDatabase(state, supervisor),
    provideTemporal(state, supervisor, host, print),
    startSandbox(state, supervisor, host),
  ]);
  await migrateDatabase(database, print);
  const port = await apiPort(state, host, print);
  const apiUrl = `http://${hostInUrl(host)}:${port}`;
  const environment = childEnvironment({ database, temporal, sandbox, host, port, apiUrl });
  writeInstanceEnvironment(state, instanceEnvironment(environment, database));
  const complete = { ...process.env, ...environment };
  const apiKey = await ensureDemoMerchant(state, complete, database);
  await ensureDemoAccounts(state, { environment: complete, database, sandbox, apiUrl });
  const start = (name: string, label: string) =>
    withProgress(`starting ${label}`, () =>
      supervisor.start(label, 3, () => spawnNode(state, name, label, environment)),
    );
  await allOrFirstFailure([start('worker', 'worker'), start('api', 'API')]);
  return {
    table: table({ apiUrl, temporal, sandbox, database, state }),
    workerPid: () => supervisor.pidOf('worker'),
    purchase: {
      apiUrl,
      sandboxUrl: sandbox.controlUrl,
      temporalUiUrl: temporal.uiUrl,
      namespace: temporal.namespace,
      apiKey,
    },
  };
}

function table(parts: {
  apiUrl: string;
  temporal: Temporal;
  sandbox: Sandbox;
  database: Database;
  state: StateFolder;
}): [string, string][] {
  return [
    ['API', parts.apiUrl],
    ['OpenAPI', `${parts.apiUrl}/docs  (${parts.apiUrl}/openapi.json)`],
    ['Temporal UI', parts.temporal.uiUrl ?? `not ours: see ${parts.temporal.address}`],
    ['Sandbox (payer pages)', parts.sandbox.controlUrl],
    ['PostgreSQL', withoutPassword(parts.database.appUrl)],
    ['Logs', parts.state.logs],
  ];
}

function startSandbox(state: StateFolder, supervisor: Supervisor, host: string): Promise<Sandbox> {
  return withProgress('starting the provider sandbox', async () => {
    const control = await rememberedPort(state, 'sandbox', host);
    const alipay = await rememberedPort(state, 'sandboxAlipay', host);
    const environment = {
      SANDBOX_DIR: state.sandbox,
      SANDBOX_HOST: host,
      SANDBOX_PORT: String(control),
      SANDBOX_ALIPAY_PORT: String(alipay),
    };
    const running = await supervisor.start('sandbox', 2, () =>
      spawnNode(state, 'sandbox', 'sandbox', environment),
    );
    const { controlUrl, credentialsFile } = running.ready;
    if (typeof controlUrl !== 'string' || typeof credentialsFile !== 'string')
      throw new SetupError('The sandbox said it was ready, but not where (controlUrl, credentialsFile).');
    return { controlUrl, credentialsFile };
  });
}

function spawnNode(
  state: StateFolder,
  folder: string,
  name: string,
  environment: Record<string, string>,
): Promise<ReadyProcess> {
  const script = join(state.root, 'dist', folder, 'main.js');
  if (!existsSync(script)) throw new SetupError(`${script} is missing: npm run build makes it.`);
  return spawnUntilReady({
    name,
    command: process.execPath,
    args: ['--enable-source-maps', script],
    env: { ...process.env, ...environment },
    cwd: state.root,
    logFile: join(state.logs, `${folder}.log`),
    stopTimeoutMs: 15_000,
  });
}

function childEnvironment(parts: {
  database: Database;
  temporal: Temporal;
  sandbox: Sandbox;
  host: string;
  port: number;
  apiUrl: string;
}): Record<string, string> {
  return {
    DATABASE_URL: parts.database.appUrl,
    TEMPORAL_ADDRESS: parts.temporal.address,
    TEMPORAL_NAMESPACE: parts.temporal.namespace,
    HOST: parts.host,
    PORT: String(parts.port),
    // Where providers send their notifications: PUBLIC_URL of the caller wins (a tunnel, a proxy).
    PUBLIC_URL: process.env['PUBLIC_URL'] ?? parts.apiUrl,
    PROVIDER_ACCOUNTS_FILE: parts.sandbox.credentialsFile,
    // The demo merchant's endpoint lies on loopback, which webhooks do not reach otherwise.
    WEBHOOK_ALLOW_PRIVATE_NETWORK: 'true',
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'info',
  };
}

function instanceEnvironment(
  environment: Record<string, string>,
  database: Database,
): Record<string, string> {
  return database.ownerUrl === undefined
    ? environment
    : { ...environment, MIGRATION_DATABASE_URL: database.ownerUrl };
}

/** Like Promise.all; what else was being started is left to the supervisor, which stops it. */
async function allOrFirstFailure<T extends readonly Promise<unknown>[]>(
  started: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  for (const promise of started) promise.catch(() => undefined);
  return Promise.all(started);
}
