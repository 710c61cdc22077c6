import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process id alone is reused by the system; with the instant it started it names one process for ever. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const startedAt = startInstant(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return startInstant(identity.pid) === identity.startedAt;
}

/** Signals the process and waits for its end; after `timeoutMs` it is killed. False when it was not running. */
export async function stopProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals = 'SIGTERM',
  timeoutMs = 10_000,
): Promise<boolean> {
  if (!isRunning(identity)) return false;
  send(identity, signal);
  if (await ended(identity, timeoutMs)) return true;
  send(identity, 'SIGKILL');
  await ended(identity, 5_000);
  return true;
}

async function ended(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(identity)) {
    if (Date.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  try {
    process.kill(identity.pid, signal);
  } catch {
    // It ended between the check and the signal, which is what was wanted.
  }
}

function startInstant(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxStartInstant(pid) : psStartInstant(pid);
}

function linuxStartInstant(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    return parseLinuxStat(readFileSync(`/proc/${pid}/stat`, 'utf8'), boot);
  } catch {
    return undefined;
  }
}

/**
 * Fields 3 (state) and 22 (start in clock ticks since boot) of /proc/<pid>/stat; the name in field 2 may hold
 * anything, so counting starts behind its last parenthesis. A zombie counts as ended: in a container without
 * an init process nobody may ever reap it.
 */
export function parseLinuxStat(stat: string, bootId: string): string | undefined {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return `${bootId}:${startTicks}`;
}

function psStartInstant(pid: number): string | undefined {
  const ps = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const [state = '', ...started] = ps.stdout.trim().split(/\s+/);
  return state === '' || state.startsWith('Z') ? undefined : started.join(' ');
}
