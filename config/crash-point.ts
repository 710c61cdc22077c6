import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { apiCrashPoints, workerCrashPoints, type CrashAt, type CrashPoint } from '../domain/crash-points.js';
import { SettingError, type Environment } from './environment.js';

const crashPoints: readonly CrashPoint[] = [...apiCrashPoints, ...workerCrashPoints];

/**
 * For crash tests: the process kills itself the first time it passes CRASH_POINT, as a power failure would.
 * Inert unless that is set, and always in production. With CRASH_POINT_MARKER the file of that name is made
 * first, and where it exists already nothing happens: a restarted process passes the point unharmed.
 */
export function createCrashAt(
  environment: Pick<Environment, 'NODE_ENV' | 'CRASH_POINT' | 'CRASH_POINT_MARKER'>,
): CrashAt {
  const { CRASH_POINT: chosen, CRASH_POINT_MARKER: marker } = environment;
  if (chosen === undefined || environment.NODE_ENV === 'production') return () => undefined;
  if (!crashPoints.some((point) => point === chosen)) {
    throw new SettingError(`CRASH_POINT names no crash point: ${chosen}; domain/crash-points.ts lists them`);
  }
  return (point) => {
    if (point !== chosen) return;
    if (marker !== undefined && !makeMarker(marker)) return;
    process.kill(process.pid, 'SIGKILL');
    // The signal is delivered asynchronously; not one more line of ours may run.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
}

/** False where the marker exists: this point has already crashed a process. */
function makeMarker(file: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  writeSync(descriptor, `${process.pid}\n`);
  fsyncSync(descriptor);
  closeSync(descriptor);
  return true;
}
