import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.js';
import { repositoryRoot } from './repository-root.js';

export type PortName = 'postgres' | 'temporal' | 'temporalUi' | 'sandbox' | 'sandboxAlipay' | 'api';

/** Kept from one start to the next. */
export interface Remembered {
  ports: Partial<Record<PortName, number>>;
  /** Where the cluster lies: below `.quittance`, or for root in the system's temporary directory. */
  postgresDirectory?: string;
}

/** Passwords and keys, readable by the owner alone. */
export interface Secrets {
  ownerPassword?: string;
  appPassword?: string;
  /** The demo merchant's key, with the database it was made in. */
  merchant?: { database: string; apiKey: string };
  /** Its accounts at further providers, by credential. */
  demoAccounts?: { database: string; accounts: Record<string, string> };
  notes?: Record<string, string>;
}

export interface RunningInstance {
  holder: ProcessIdentity;
  services: { name: string; identity: ProcessIdentity; stopSignal: NodeJS.Signals }[];
  /** Present once everything is up: label and address, as printed. */
  table?: [string, string][];
}

export interface StateFolder {
  root: string;
  directory: string;
  logs: string;
  temporalDatabase: string;
  sandbox: string;
}

export function openStateFolder(root = repositoryRoot()): StateFolder {
  const directory = join(root, '.quittance');
  const state = {
    root,
    directory,
    logs: join(directory, 'logs'),
    temporalDatabase: join(directory, 'temporal.db'),
    sandbox: join(directory, 'sandbox'),
  };
  mkdirSync(state.logs, { recursive: true });
  mkdirSync(state.sandbox, { recursive: true });
  chmodSync(directory, 0o700);
  return state;
}

/** A folder for this clone alone, where a user other than root can reach it. */
export function sharedFolderFor(root: string): string {
  const clone = createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 12);
  return join(tmpdir(), `quittance-${clone}`);
}

export function readRemembered(state: StateFolder): Remembered {
  return readJson<Remembered>(join(state.directory, 'remembered.json')) ?? { ports: {} };
}

export function writeRemembered(state: StateFolder, remembered: Remembered): void {
  writeJson(join(state.directory, 'remembered.json'), remembered);
}

export function readSecrets(state: StateFolder): Secrets {
  return readJson<Secrets>(join(state.directory, 'secrets.json')) ?? {};
}

export function writeSecrets(state: StateFolder, secrets: Secrets): void {
  writeJson(join(state.directory, 'secrets.json'), secrets);
}

/** What `npm run merchant` and `npm run migrate` need of the running instance; holds passwords. */
export function writeInstanceEnvironment(state: StateFolder, environment: Record<string, string>): void {
  writeJson(join(state.directory, 'environment.json'), environment);
}

export function readRunning(state: StateFolder): RunningInstance | undefined {
  return readJson<RunningInstance>(runningFile(state));
}

export function writeRunning(state: StateFolder, running: RunningInstance): void {
  writeJson(runningFile(state), running);
}

export function clearRunning(state: StateFolder): void {
  rmSync(runningFile(state), { force: true });
  rmSync(join(state.directory, 'environment.json'), { force: true });
}

export type Claim =
  | { held: 'by us' }
  | { held: 'by another'; running: RunningInstance }
  | { held: 'stale'; running: RunningInstance };

/** One instance per clone: the first to link its record into place has it. */
export function claimInstance(state: StateFolder): Claim {
  const holder = identityOf(process.pid);
  if (holder === undefined) throw new Error('The start instant of this process cannot be read.');
  const draft = join(state.directory, `running.${process.pid}.json`);
  writeJson(draft, { holder, services: [] } satisfies RunningInstance);
  try {
    // Linking is atomic and fails when the name is taken; writing in place could be read half-written.
    linkSync(draft, runningFile(state));
    return { held: 'by us' };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const running = readRunning(state);
    if (running === undefined) return claimInstance(state);
    return { held: isRunning(running.holder) ? 'by another' : 'stale', running };
  } finally {
    rmSync(draft, { force: true });
  }
}

function runningFile(state: StateFolder): string {
  return join(state.directory, 'running.json');
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

function writeJson(file: string, value: unknown): void {
  const draft = `${file}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
