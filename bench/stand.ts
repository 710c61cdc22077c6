import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { runMigrations } from '../db/migrate.js';
import { freePort } from '../scripts/processes/ports.js';
import { startPostgres, type RunningPostgres } from '../scripts/postgres/postgres.js';
import { APP_ROLE, prepareDatabase } from '../scripts/postgres/prepare-database.js';
import { runToEnd, spawnUntilReady, type ReadyProcess } from '../scripts/processes/processes.js';
import type { ProgressReporter } from '../scripts/set-up/progress.js';
import { repositoryRoot } from '../scripts/set-up/repository-root.js';
import { Counter, countingSettings } from './counter.js';
import { CardBuyers } from './card-buyers.js';
import { Shop } from './quittance.js';
import { sagaSchema } from './saga/activities.js';
import { findTemporalServer } from './temporal-binaries.js';
import { startTemporalServer, type RunningTemporalServer } from './temporal-server.js';

/** Everything the benchmark measures, and what it measures with; each in processes of its own. */
export interface Stand {
  readonly temporal: Client;
  readonly shop: Shop;
  readonly cards: CardBuyers;
  /** Runs `seconds` of sagas: POST /?seconds=&concurrency= */
  readonly sagaUrl: string;
  readonly quittanceCounter: Counter;
  readonly sagaCounter: Counter;
  readonly ownDatabase: { readonly appUrl: string; readonly ownerUrl: string };
  /** Process ids whose CPU time counts, with everything below them. */
  readonly processes: {
    readonly quittance: readonly number[];
    readonly saga: readonly number[];
    readonly postgres: readonly number[];
    readonly server: readonly number[];
  };
  readonly temporalVersion: string;
}

export const HISTORY_SHARDS = 32;
const SAGA_ROLE = 'saga';

export interface StandOptions {
  readonly folder: string;
  readonly progress: ProgressReporter;
  /** Options of node for API, worker and saga, such as --cpu-prof. */
  readonly nodeOptions: readonly string[];
}

export async function openStand({ folder, progress, nodeOptions }: StandOptions): Promise<Stand> {
  const binaries = await findTemporalServer(progress);
  return progress('starting PostgreSQL, Temporal, Quittance and the saga', async (step) => {
    step.update('two PostgreSQL clusters');
    const [own, temporals] = await Promise.all([
      startPostgres({ directory: join(folder, 'postgres-own'), settings: countingSettings }),
      startPostgres({ directory: join(folder, 'postgres-temporal') }),
    ]);
    step.update(`Temporal server ${binaries.version}`);
    const superuserUrl = temporals.superuserUrl;
    const server = await startTemporalServer({
      binaries,
      superuserUrl,
      folder,
      historyShards: HISTORY_SHARDS,
    });
    const temporal = new Client({ connection: await Connection.connect({ address: server.address }) });
    step.update('Quittance');
    const quittance = await startQuittance(folder, own, server, nodeOptions);
    step.update('the saga');
    const saga = await startSaga(folder, own, server, nodeOptions);
    const shop = new Shop(quittance.addresses, temporal);
    await shop.open();
    return {
      temporal,
      shop,
      cards: new CardBuyers(quittance.addresses, temporal),
      sagaUrl: String(saga.app.ready['url']),
      quittanceCounter: await Counter.open(databaseUrl(own, 'quittance'), APP_ROLE),
      sagaCounter: await Counter.open(databaseUrl(own, 'saga'), SAGA_ROLE),
      ownDatabase: quittance.database,
      processes: {
        quittance: quittance.pids,
        saga: [saga.app.pid],
        postgres: [own.pid, temporals.pid],
        server: [server.pid],
      },
      temporalVersion: binaries.version,
    };
  });
}

export async function closeStand(stand: Stand): Promise<void> {
  stand.shop.close();
  stand.cards.close();
  await stand.quittanceCounter.close();
  await stand.sagaCounter.close();
  await stand.temporal.connection.close();
}

function databaseUrl(cluster: RunningPostgres, database: string): string {
  const url = new URL(cluster.superuserUrl);
  url.pathname = `/${database}`;
  return url.href;
}

const dist = () => join(repositoryRoot(), 'dist');

function start(
  folder: string,
  name: string,
  script: string,
  env: Readonly<Record<string, string>>,
  nodeOptions: readonly string[] = [],
): Promise<ReadyProcess> {
  return spawnUntilReady({
    name,
    command: process.execPath,
    args: [...nodeOptions, join(dist(), script)],
    // Profiles, where they are asked for, are written into the folder the process runs in.
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    logFile: join(folder, `${name}.log`),
  });
}

async function startQuittance(
  folder: string,
  own: RunningPostgres,
  server: RunningTemporalServer,
  nodeOptions: readonly string[],
) {
  const [ownerPassword, appPassword] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const database = await prepareDatabase({ superuserUrl: own.superuserUrl, ownerPassword, appPassword });
  await runMigrations({ ownerUrl: database.ownerUrl, appRole: APP_ROLE });
  const sandboxFolder = join(folder, 'sandbox');
  mkdirSync(sandboxFolder, { recursive: true });
  // Its disk is the provider's, and is not what is measured.
  const sandbox = await start(folder, 'sandbox', 'sandbox/main.js', {
    SANDBOX_DIR: sandboxFolder,
    SANDBOX_FSYNC: 'off',
  });
  const port = String(await freePort());
  const apiUrl = `http://127.0.0.1:${port}`;
  const env = {
    DATABASE_URL: database.appUrl,
    TEMPORAL_ADDRESS: server.address,
    PORT: port,
    PUBLIC_URL: apiUrl,
    PROVIDER_ACCOUNTS_FILE: unlimitedAccounts(folder, String(sandbox.ready['credentialsFile'])),
    WEBHOOK_ALLOW_PRIVATE_NETWORK: 'true',
    // One merchant sends all there is to send.
    RATE_LIMIT_PER_SECOND: '0',
  };
  const worker = await start(folder, 'worker', 'worker/main.js', { ...env, WORKER_PORT: '0' }, nodeOptions);
  const api = await start(folder, 'api', 'api/main.js', env, nodeOptions);
  const apiKey = await createMerchant(env);
  const [sandboxUrl, workerUrl] = [String(sandbox.ready['controlUrl']), String(worker.ready['healthUrl'])];
  const addresses = { apiUrl, apiKey, sandboxUrl, workerUrl };
  return { addresses, database, pids: [worker.pid, api.pid] };
}

/** The sandbox takes as many calls a second as there are: no limit of a real provider is to be measured here. */
function unlimitedAccounts(folder: string, given: string): string {
  const { credentials } = JSON.parse(readFileSync(given, 'utf8')) as { credentials: Record<string, object> };
  const unlimited: Record<string, object> = {};
  for (const [name, one] of Object.entries(credentials))
    unlimited[name] = { ...one, maxCallsPerSecond: 10_000 };
  const file = join(folder, 'provider-accounts.json');
  writeFileSync(file, JSON.stringify({ credentials: unlimited }), { mode: 0o600 });
  return file;
}

/** With an account for QR codes, one for cards and one for wallets. */
async function createMerchant(env: Readonly<Record<string, string>>): Promise<string> {
  const merchant = ['--id', 'bench', '--mode', 'test'];
  const named = [...merchant, '--name', 'Benchmark', '--currency', 'CNY', '--credential', 'alipay-sandbox'];
  const made = await merchantCommand(env, ['create', ...named]);
  await merchantCommand(env, ['account', ...merchant, '--credential', 'stripe-sandbox']);
  await merchantCommand(env, ['account', ...merchant, '--credential', 'wallet-test']);
  return (JSON.parse(made) as { api_key: string }).api_key;
}

async function merchantCommand(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<string> {
  const { code, stdout, stderr } = await runToEnd({
    name: 'merchant',
    command: process.execPath,
    args: [join(dist(), 'scripts/merchant.js'), ...args],
    env: { ...env },
  });
  if (code !== 0) throw new Error(`merchant ${args[0]} failed: ${stderr || stdout}`);
  return stdout;
}

async function startSaga(
  folder: string,
  own: RunningPostgres,
  server: RunningTemporalServer,
  nodeOptions: readonly string[],
) {
  const password = randomBytes(16).toString('hex');
  await runSql(own.superuserUrl, [
    `CREATE ROLE ${SAGA_ROLE} LOGIN PASSWORD '${password}'`,
    `CREATE DATABASE saga OWNER ${SAGA_ROLE}`,
  ]);
  const url = new URL(databaseUrl(own, 'saga'));
  url.username = SAGA_ROLE;
  url.password = password;
  await runSql(url.href, [sagaSchema]);
  const provider = await start(folder, 'saga-provider', 'bench/saga/provider.js', {});
  const env = {
    DATABASE_URL: url.href,
    TEMPORAL_ADDRESS: server.address,
    PROVIDER_URL: String(provider.ready['url']),
  };
  return { app: await start(folder, 'saga', 'bench/saga/main.js', env, nodeOptions) };
}

async function runSql(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
