import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  createWriteStream,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { SetupError, seconds } from '../set-up/progress.js';
import { unwatch, watch } from './watchman.js';

const LOG_ROTATION_BYTES = 10 * 1024 * 1024;

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  name: string;
  pid: number;
  logFile: string | undefined;
  exited: Promise<ProcessExit>;
  /** Its output is read to the end too. */
  closed: Promise<void>;
  hasExited(): boolean;
  /** The clean signal, then SIGKILL when it takes too long. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** From now on it does not keep this process from ending; the watchman stops it then. */
  unref(): void;
}

export interface SpawnOptions {
  name: string;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** stdout and stderr are appended here; without it they are dropped. */
  logFile?: string;
  uid?: number;
  gid?: number;
  stopSignal?: NodeJS.Signals;
  stopTimeoutMs?: number;
  /** Called with each line of stdout, which then goes to the log through this process. */
  onStdoutLine?: (line: string) => void;
  onStderrLine?: (line: string) => void;
}

const live = new Set<RunningProcess>();

/** Starts a process in a session of its own (a terminal's Ctrl-C must not reach it before us) and watches it. */
export function spawnProcess(options: SpawnOptions): Promise<RunningProcess> {
  const log = options.logFile === undefined ? 'ignore' : openLog(options.logFile);
  const child = spawn(options.command, options.args, {
    env: options.env,
    cwd: options.cwd,
    detached: true,
    stdio: ['ignore', options.onStdoutLine ? 'pipe' : log, options.onStderrLine ? 'pipe' : log],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  if (typeof log === 'number') closeSync(log);
  if (child.stdout && options.onStdoutLine)
    createInterface({ input: child.stdout }).on('line', options.onStdoutLine);
  if (child.stderr && options.onStderrLine)
    createInterface({ input: child.stderr }).on('line', options.onStderrLine);
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve(track(child, options)));
    child.once('error', (error) =>
      reject(new SetupError(`${options.name} could not be started (${options.command}): ${error.message}`)),
    );
  });
}

function track(child: ChildProcess, options: SpawnOptions): RunningProcess {
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.name} was started without a process id`);
  const stopSignal = options.stopSignal ?? 'SIGTERM';
  watch(pid, stopSignal);
  let gone = false;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      gone = true;
      live.delete(running);
      unwatch(pid);
      resolve({ code, signal });
    });
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const running: RunningProcess = {
    name: options.name,
    pid,
    logFile: options.logFile,
    exited,
    closed,
    hasExited: () => gone,
    kill: (signal) => void child.kill(signal),
    unref: () => child.unref(),
    stop: async () => {
      if (gone) return;
      child.kill(stopSignal);
      const timer = setTimeout(() => killGroup(pid), options.stopTimeoutMs ?? 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
  live.add(running);
  return running;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group has ended.
  }
}

/** Stops whatever this process started and is still there, last started first. */
export async function stopAllProcesses(): Promise<void> {
  for (const running of [...live].reverse()) await running.stop();
}

export interface ReadyProcess extends RunningProcess {
  ready: Record<string, unknown>;
}

/** Starts one of our own services and waits for its line {"event":"ready", …} on stdout. */
export async function spawnUntilReady(
  options: SpawnOptions & { logFile: string; readyTimeoutMs?: number },
): Promise<ReadyProcess> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const startedAt = Date.now();
  let announce: (ready: Record<string, unknown>) => void = () => undefined;
  const announced = new Promise<Record<string, unknown>>((resolve) => (announce = resolve));
  const log = createWriteStream(options.logFile, { flags: 'a' });
  log.on('error', () => undefined);
  const running = await spawnProcess({
    ...options,
    onStdoutLine: (line) => {
      log.write(`${line}\n`);
      const ready = parseReadyLine(line);
      if (ready) announce(ready);
    },
  });
  void running.exited.then(() => log.end());
  const timeoutMs = options.readyTimeoutMs ?? 60_000;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ kind: 'late' }>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, { kind: 'late' });
  });
  const outcome = await Promise.race([
    announced.then((ready) => ({ kind: 'ready' as const, ready })),
    running.exited.then((exit) => ({ kind: 'ended' as const, exit })),
    late,
  ]);
  clearTimeout(timer);
  if (outcome.kind === 'ready') return Object.assign(running, { ready: outcome.ready });
  if (outcome.kind === 'late') await running.stop();
  const what =
    outcome.kind === 'ended'
      ? `ended (${describeExit(outcome.exit)}) after ${seconds(Date.now() - startedAt)}, before it was ready`
      : `was not ready after ${seconds(timeoutMs)} and was stopped`;
  throw new SetupError(`${options.name} ${what}.\n${logTail(options.logFile)}`);
}

export function parseReadyLine(line: string): Record<string, unknown> | undefined {
  if (!line.includes('"ready"')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) && value.event === 'ready' ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Runs a command to its end; its exit and what it printed, never an exception for a code other than 0. */
export async function runToEnd(
  options: Omit<SpawnOptions, 'logFile'>,
): Promise<ProcessExit & { stdout: string; stderr: string }> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const running = await spawnProcess({
    ...options,
    onStdoutLine: (line) => {
      stdout.push(line);
      options.onStdoutLine?.(line);
    },
    onStderrLine: (line) => {
      stderr.push(line);
      options.onStderrLine?.(line);
    },
  });
  const exit = await running.exited;
  await running.closed;
  return { ...exit, stdout: stdout.join('\n'), stderr: stderr.join('\n') };
}

export function describeExit(exit: ProcessExit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

/** The end of a log, indented, to be shown when its process died. */
export function logTail(logFile: string | undefined, lines = 15): string {
  if (logFile === undefined) return '';
  try {
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines);
    return `  last lines of ${logFile}:\n${tail.map((line) => `    ${line}`).join('\n')}`;
  } catch {
    return `  its log: ${logFile}`;
  }
}

/** Logs are appended to, and set aside once when they have grown too long. */
function openLog(logFile: string): number {
  mkdirSync(dirname(logFile), { recursive: true });
  try {
    if (statSync(logFile).size > LOG_ROTATION_BYTES) renameSync(logFile, `${logFile}.1`);
  } catch {
    // No log yet.
  }
  return openSync(logFile, 'a', 0o600);
}
