import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { inject } from 'vitest';
import { runMigrations } from '../db/migrate.js';
import { freePort } from '../scripts/processes/ports.js';
import { APP_ROLE, OWNER_ROLE, prepareDatabase } from '../scripts/postgres/prepare-database.js';
import { runToEnd, spawnUntilReady, type ReadyProcess } from '../scripts/processes/processes.js';
import { TEMPLATE_DATABASE } from './global-setup.js';
import { Merchant } from './merchant.js';
import { SandboxControl } from './sandbox-control.js';

export interface HouseOptions {
  /** Settings of API and worker beside those below. */
  readonly env?: Readonly<Record<string, string>>;
  /** A Temporal server of its own, for tests that kill it. */
  readonly temporalAddress?: string;
  /** A PostgreSQL of its own (its superuser's URL), for tests that kill it. */
  readonly superuserUrl?: string;
  /** Which processes to start; all by default. */
  readonly without?: readonly ('api' | 'worker')[];
}

export type Service = 'api' | 'worker';

/** Tests run on the compiled code, as production does; `npm test` has built it. */
const dist = new URL('../dist/', import.meta.url).pathname;

/** Impatient settings: what takes minutes in production takes seconds here. */
const impatience: Readonly<Record<string, string>> = {
  NODE_ENV: 'test',
  WORKFLOW_TASK_TIMEOUT_MS: '2000',
  STICKY_QUEUE_TIMEOUT_MS: '1000',
  SWEEP_INTERVAL_MS: '200',
  SWEEP_AFTER_MS: '2000',
  CONCLUSIVE_MARGIN_MS: '1000',
  LOG_LEVEL: 'info',
  WEBHOOK_ALLOW_PRIVATE_NETWORK: 'true',
};

/** A whole Quittance in processes of its own, on a database of its own, with its own sandbox. */
export class House {
  readonly sandbox: SandboxControl;
  /** The merchant of the seed's example. */
  merchant!: Merchant;
  /** Sees every table, as the owner of the database does. */
  readonly sql: pg.Pool;
  private readonly services = new Map<Service, ReadyProcess>();

  private constructor(
    readonly folder: string,
    readonly env: Record<string, string>,
    private readonly sandboxProcess: ReadyProcess,
    ownerUrl: string,
    readonly temporalAddress: string,
  ) {
    this.sandbox = new SandboxControl(String(sandboxProcess.ready['controlUrl']));
    this.sql = new pg.Pool({ connectionString: ownerUrl, max: 4 });
    // PostgreSQL is killed in some tests; its idle connections then end, which is no error of the test's.
    this.sql.on('error', () => undefined);
  }

  static async open(options: HouseOptions = {}): Promise<House> {
    const folder = mkdtempSync(join(tmpdir(), 'quittance-house-'));
    const database = await createDatabase(options.superuserUrl);
    const sandbox = await startSandbox(folder);
    const port = await freePort();
    const temporalAddress = options.temporalAddress ?? inject('temporalAddress');
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...impatience,
      DATABASE_URL: database.appUrl,
      TEMPORAL_ADDRESS: temporalAddress,
      TASK_QUEUE: `house-${randomBytes(6).toString('hex')}`,
      PORT: String(port),
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      PROVIDER_ACCOUNTS_FILE: String(sandbox.ready['credentialsFile']),
      ...options.env,
    };
    const house = new House(folder, env, sandbox, database.ownerUrl, temporalAddress);
    for (const service of ['worker', 'api'] as const) {
      if (!options.without?.includes(service)) await house.start(service);
    }
    house.merchant = await house.createMerchant('merchant456');
    return house;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.env['PORT']}`;
  }

  async start(service: Service, extra: Readonly<Record<string, string>> = {}): Promise<ReadyProcess> {
    const running = await spawnUntilReady({
      name: service,
      command: process.execPath,
      args: [join(dist, service, 'main.js')],
      env: { ...this.env, ...extra },
      logFile: join(this.folder, `${service}.log`),
    });
    this.services.set(service, running);
    return running;
  }

  process(service: Service): ReadyProcess {
    const running = this.services.get(service);
    if (!running) throw new Error(`${service} is not running`);
    return running;
  }

  /** SIGKILL, and then nothing of it is left. */
  async kill(service: Service): Promise<void> {
    const running = this.process(service);
    running.kill('SIGKILL');
    await running.exited;
  }

  async restart(service: Service, extra: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.process(service).stop();
    await this.start(service, extra);
  }

  log(service: Service): string {
    return readFileSync(join(this.folder, `${service}.log`), 'utf8');
  }

  async createMerchant(id: string, extra: readonly string[] = []): Promise<Merchant> {
    const args = [join(dist, 'scripts/merchant.js'), 'create', '--id', id, '--name', id, '--currency', 'CNY'];
    const { code, stdout, stderr } = await runToEnd({
      name: 'merchant',
      command: process.execPath,
      args: [...args, '--mode', 'test', '--credential', 'alipay-sandbox', ...extra],
      env: this.env,
    });
    if (code !== 0) throw new Error(`merchant create failed: ${stderr || stdout}`);
    const made = JSON.parse(stdout) as { merchant: string; api_key: string; account: string };
    return new Merchant(this.apiUrl, made.merchant, made.api_key, made.account);
  }

  /** One more account of the merchant's, at the provider of the credential. Returns its id. */
  async addAccount(credential: string, extra: readonly string[] = []): Promise<string> {
    const args = [
      'account',
      '--id',
      this.merchant.id,
      '--mode',
      'test',
      '--credential',
      credential,
      ...extra,
    ];
    const { code, stdout, stderr } = await runToEnd({
      name: 'merchant account',
      command: process.execPath,
      args: [join(dist, 'scripts/merchant.js'), ...args],
      env: this.env,
    });
    if (code !== 0) throw new Error(`merchant account failed: ${stderr || stdout}`);
    return (JSON.parse(stdout) as { account: string }).account;
  }

  async temporal(): Promise<Client> {
    return new Client({ connection: await Connection.connect({ address: this.temporalAddress }) });
  }

  async close(): Promise<void> {
    for (const running of this.services.values()) await running.stop();
    await this.sandboxProcess.stop();
    await this.sql.end();
    // QUITTANCE_KEEP_HOUSES=1 leaves logs and journal for a look after a failure.
    if (process.env['QUITTANCE_KEEP_HOUSES'] !== '1') rmSync(this.folder, { recursive: true, force: true });
  }
}

async function startSandbox(folder: string): Promise<ReadyProcess> {
  return spawnUntilReady({
    name: 'sandbox',
    command: process.execPath,
    args: [join(dist, 'sandbox/main.js')],
    env: { PATH: process.env['PATH'] ?? '', SANDBOX_DIR: join(folder, 'sandbox') },
    logFile: join(folder, 'sandbox.log'),
  });
}

/** A database of the current schema: a clone of the template, or a fresh one in a cluster of the test's own. */
export async function createDatabase(superuserUrl?: string): Promise<{ ownerUrl: string; appUrl: string }> {
  const database = `house_${randomBytes(6).toString('hex')}`;
  const passwords = { ownerPassword: inject('ownerPassword'), appPassword: inject('appPassword') };
  if (superuserUrl === undefined) return cloneTemplate(inject('superuserUrl'), database, passwords);
  const urls = await prepareDatabase({ superuserUrl, ...passwords, database });
  await runMigrations({ ownerUrl: urls.ownerUrl, appRole: APP_ROLE });
  return urls;
}

async function cloneTemplate(
  superuserUrl: string,
  database: string,
  passwords: { ownerPassword: string; appPassword: string },
): Promise<{ ownerUrl: string; appUrl: string }> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${database} TEMPLATE ${TEMPLATE_DATABASE} OWNER ${OWNER_ROLE}`);
    await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${APP_ROLE}`);
  } finally {
    await client.end();
  }
  const urlOf = (user: string, password: string) => {
    const url = new URL(superuserUrl);
    return Object.assign(url, { username: user, password, pathname: `/${database}` }).href;
  };
  return {
    ownerUrl: urlOf(OWNER_ROLE, passwords.ownerPassword),
    appUrl: urlOf(APP_ROLE, passwords.appPassword),
  };
}
