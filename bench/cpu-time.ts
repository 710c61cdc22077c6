import { readdirSync, readFileSync } from 'node:fs';

/** /proc counts in ticks of a hundredth of a second on every architecture that Linux has today. */
const MS_PER_TICK = 10;

interface ProcessTimes {
  readonly parent: number;
  /** User and system time of the process itself, and of its children that have ended and were waited for. */
  readonly ownMs: number;
  readonly endedChildrenMs: number;
}

/**
 * CPU time, so far, of the processes and everything below them, in milliseconds. A child that ends in between
 * moves into its parent's sum, so the difference of two readings misses none. Linux only.
 */
export function cpuTimeMs(roots: readonly number[]): number {
  const all = readAll();
  const wanted = new Set(roots);
  let totalMs = 0;
  for (const [pid, times] of all) {
    if (isBelow(pid, wanted, all)) totalMs += times.ownMs + times.endedChildrenMs;
  }
  return totalMs;
}

export function canReadCpuTime(): boolean {
  return process.platform === 'linux';
}

function isBelow(pid: number, wanted: ReadonlySet<number>, all: ReadonlyMap<number, ProcessTimes>): boolean {
  for (let at = pid; at > 1; at = all.get(at)?.parent ?? 0) if (wanted.has(at)) return true;
  return false;
}

function readAll(): Map<number, ProcessTimes> {
  const found = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      found.set(pid, parseTimes(readFileSync(`/proc/${pid}/stat`, 'utf8')));
    } catch {
      // It ended between the listing and the reading; its parent's next reading has it.
    }
  }
  return found;
}

/** Fields 4 and 14 to 17 of /proc/<pid>/stat, counted behind the name, which may hold anything. */
function parseTimes(stat: string): ProcessTimes {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [parent = 0, user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = [1, 11, 12, 13, 14].map(
    (index) => fields[index],
  );
  return {
    parent,
    ownMs: (user + system) * MS_PER_TICK,
    endedChildrenMs: (childrenUser + childrenSystem) * MS_PER_TICK,
  };
}
