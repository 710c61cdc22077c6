import { closeSync, openSync, rmSync, statSync, utimesSync } from 'node:fs';

const HEARTBEAT_MS = 2_000;
const STALE_AFTER_MS = 15_000;

/** One process at a time; a holder that died is noticed by its missing heartbeat, whatever its pid says. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  while (!take(file)) await new Promise((resolve) => setTimeout(resolve, 300));
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    closeSync(openSync(file, 'wx'));
    return true;
  } catch {
    if (isStale(file)) rmSync(file, { force: true });
    return false;
  }
}

function isStale(file: string): boolean {
  try {
    return Date.now() - statSync(file).mtimeMs > STALE_AFTER_MS;
  } catch {
    return false;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // Removed by hand: the work goes on.
  }
}
