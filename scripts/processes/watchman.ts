import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { repositoryRoot } from '../set-up/repository-root.js';

/** The registered processes, kept here too: a watchman that is killed is replaced and told again. */
const watched = new Map<number, NodeJS.Signals>();
let watchman: ChildProcess | undefined;

/** From now on the process is stopped, even if this one is killed with `kill -9`. */
export function watch(pid: number, signal: NodeJS.Signals): void {
  watched.set(pid, signal);
  if (watchman === undefined) startWatchman();
  else tell({ add: pid, signal });
}

export function unwatch(pid: number): void {
  if (watched.delete(pid)) tell({ remove: pid });
}

function startWatchman(): void {
  const script = join(repositoryRoot(), 'scripts', 'processes', 'watchman.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watchman = child;
  child.unref();
  // A child's stdin is a socket in fact; without this it would keep a finished test run from ending.
  (child.stdin as Socket).unref();
  child.stdin.on('error', () => undefined);
  child.on('exit', () => {
    watchman = undefined;
    if (watched.size > 0) startWatchman();
  });
  child.on('error', () => undefined);
  for (const [pid, signal] of watched) tell({ add: pid, signal });
}

function tell(message: { add: number; signal: NodeJS.Signals } | { remove: number }): void {
  watchman?.stdin?.write(`${JSON.stringify(message)}\n`);
}
