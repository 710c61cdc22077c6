import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const CHECK_EVERY_MS = 1_000;

/**
 * Calls back when the npm that started us is gone: `kill -9` of npm reaches neither its shell nor us, and
 * whoever did it believes everything has ended. Only when npm is really above us: a start in the background
 * must survive the shell it came from.
 */
export function whenNpmEnds(callback: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const npm = npmAbove();
  if (npm === undefined) return;
  const timer = setInterval(() => {
    if (isAlive(npm)) return;
    clearInterval(timer);
    callback();
  }, CHECK_EVERY_MS);
  timer.unref();
}

function npmAbove(): number | undefined {
  const parent = describe(process.ppid);
  if (parent === undefined) return undefined;
  if (isNpm(parent.command)) return process.ppid;
  // npm runs scripts through a shell, which some systems keep in between.
  const grandparent = describe(parent.ppid);
  return grandparent !== undefined && isNpm(grandparent.command) ? parent.ppid : undefined;
}

function isNpm(command: string): boolean {
  return /\bnpm\b/.test(command);
}

function describe(pid: number): { ppid: number; command: string } | undefined {
  const ps = spawnSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' });
  const match = /^\s*(\d+)\s+(.*)/.exec(ps.stdout ?? '');
  if (match !== null) return { ppid: Number(match[1]), command: match[2] ?? '' };
  try {
    // Slim images have no ps.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const ppid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { ppid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform !== 'linux';
  }
}
