import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  findPostgresBinaries,
  giveTo,
  isReachable,
  letPass,
  type PostgresBinaries,
} from './postgres-binaries.js';
import { freePort, releasePort } from '../processes/ports.js';
import { identityOf, stopProcess } from '../set-up/process-identity.js';
import { logTail, runToEnd, spawnProcess, type RunningProcess } from '../processes/processes.js';
import { SetupError } from '../set-up/progress.js';

export interface PostgresOptions {
  /** Holds `data`, the superuser's password and, unless told otherwise, the log; made when missing. */
  directory: string;
  port?: number;
  /** Further settings for postgresql.conf, e.g. {log_statement: 'all'}. */
  settings?: Record<string, string>;
  logFile?: string;
}

export interface RunningPostgres extends RunningProcess {
  port: number;
  /** postgres://postgres:…@127.0.0.1:port/postgres */
  superuserUrl: string;
}

const READY_TIMEOUT_MS = 60_000;

// Durability is the point of the whole product: these three are never turned off, not even for tests.
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
};

/** Starts the cluster in `directory`, making it first when there is none. Connections are over loopback TCP. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const binaries = findPostgresBinaries();
  const data = join(options.directory, 'data');
  const logFile = options.logFile ?? join(options.directory, 'postgres.log');
  prepareDirectory(options.directory, binaries);
  const password = superuserPassword(options.directory);
  if (!existsSync(join(data, 'PG_VERSION'))) await initialize(options.directory, data, binaries);
  await stopStrayPostmaster(data);
  const port = await freePort(options.port);
  const running = await launch({ ...options, logFile }, data, port, binaries);
  void running.exited.then(() => releasePort(port));
  running.unref();
  return Object.assign(running, {
    port,
    superuserUrl: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
  });
}

function prepareDirectory(directory: string, binaries: PostgresBinaries): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (binaries.user === undefined) return;
  giveTo(binaries.user, directory);
  letPass(dirname(directory));
  if (!isReachable(dirname(directory)))
    throw new SetupError(
      `PostgreSQL does not run as root, and the user it runs as cannot reach ${directory}: ` +
        'a folder above it is closed to others. Choose one below the temporary directory.',
    );
}

function superuserPassword(directory: string): string {
  const file = join(directory, 'superuser-password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

async function initialize(directory: string, data: string, binaries: PostgresBinaries): Promise<void> {
  const passwordFile = join(directory, 'superuser-password');
  const draft = `${data}.draft`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(data, { recursive: true, force: true });
  giveTo(binaries.user, passwordFile);
  // The built-in C.UTF-8 of PostgreSQL 17 and later sorts alike on every system, installed locales or not.
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-locale', '--encoding=UTF8'];
  const result = await runToEnd({
    name: 'initdb',
    command: binaries.initdb,
    args: ['-D', draft, '-U', 'postgres', `--pwfile=${passwordFile}`, '-A', 'scram-sha-256', ...locale],
    env: postgresEnvironment(),
    cwd: '/',
    ...binaries.user,
  });
  if (result.code !== 0)
    throw new SetupError(`PostgreSQL's initdb failed.\n${result.stderr}\n${result.stdout}`.trimEnd());
  const hba = ['127.0.0.1/32', '::1/128'].map((network) => `host all all ${network} scram-sha-256\n`);
  writeFileSync(join(draft, 'pg_hba.conf'), hba.join(''));
  chmodSync(draft, 0o700);
  // Renamed at the end, so that an interrupted initdb is done again and not taken for a cluster.
  renameSync(draft, data);
}

async function launch(
  options: PostgresOptions & { logFile: string },
  data: string,
  port: number,
  binaries: PostgresBinaries,
): Promise<RunningProcess> {
  const settings = { ...SETTINGS, ...options.settings, port: String(port) };
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const running = await spawnProcess({
      name: 'PostgreSQL',
      command: binaries.postgres,
      args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      env: postgresEnvironment(),
      cwd: '/',
      logFile: options.logFile,
      // SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for every client to leave.
      stopSignal: 'SIGINT',
      stopTimeoutMs: 20_000,
      ...binaries.user,
    });
    if (await isReady(running, data, deadline)) return running;
    const tail = logTail(options.logFile);
    // After kill -9 of the postmaster its orphans hold the shared memory for a moment.
    if (!/shared memory block .* is still in use/s.test(tail) || Date.now() > deadline)
      throw new SetupError(`PostgreSQL did not start.\n${tail}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** The postmaster itself says so in the eighth line of postmaster.pid, which is what pg_ctl reads too. */
async function isReady(running: RunningProcess, data: string, deadline: number): Promise<boolean> {
  while (!running.hasExited()) {
    const lines = postmasterFile(data);
    if (lines[0] === String(running.pid) && lines[7]?.trim() === 'ready') return true;
    if (Date.now() > deadline) {
      await running.stop();
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return false;
}

/** A postmaster a crashed start left on this very data directory; anything else with its pid is let be. */
async function stopStrayPostmaster(data: string): Promise<void> {
  const pid = Number(postmasterFile(data)[0]);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const identity = identityOf(pid);
  if (identity !== undefined && commandLineOf(pid).includes(data))
    await stopProcess(identity, 'SIGINT', 20_000);
}

function postmasterFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** No PG* variable of the caller may reach the server: PGDATA or PGPORT would win over what we set. */
function postgresEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}
