import type { Tenant } from '../domain/tenant.js';
import { Problem } from './problem-details.js';

/**
 * Lets a few pieces of one tenant's work run at a time in this process. The others wait here, in memory and without
 * a database connection, so that a tenant whose work has to wait holds up no other's.
 */
export interface TenantQueue {
  /** Runs `work` in turn. Throws a Problem, with nothing done, where the line is full or the wait too long. */
  run<T>(tenant: Tenant, wait: Wait, work: () => Promise<T>): Promise<T>;
}

export interface Wait {
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
}

export interface QueueSettings {
  readonly atOnce: number;
  readonly mostWaiting: number;
}

/** Two, so that one already stands at the lock when the other lets go of it. */
export const defaultQueueSettings: QueueSettings = { atOnce: 2, mostWaiting: 200 };

interface Line {
  running: number;
  /** In the order in which they came; each is called when its turn has come. */
  readonly waiting: Set<() => void>;
}

export function createTenantQueue(settings: QueueSettings, clock: () => number): TenantQueue {
  const lines = new Map<string, Line>();

  function untilTurn(line: Line, { deadlineMs, signal }: Wait): Promise<void> {
    if (line.running < settings.atOnce) {
      line.running += 1;
      return Promise.resolve();
    }
    if (line.waiting.size >= settings.mostWaiting) throw lineIsFull();
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.waiting.delete(begin);
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
      };
      const begin = () => {
        leave();
        resolve();
      };
      const giveUp = () => {
        leave();
        reject(waitedTooLong());
      };
      const timer = setTimeout(giveUp, Math.max(0, deadlineMs - clock()));
      signal.addEventListener('abort', giveUp);
      line.waiting.add(begin);
    });
  }

  /** The turn goes to the next in line, who then counts as running in the place of who has ended. */
  function endTurn(name: string, line: Line): void {
    const [next] = line.waiting;
    if (next) return next();
    line.running -= 1;
    if (line.running === 0) lines.delete(name);
  }

  return {
    async run({ merchantId, mode }, wait, work) {
      const name = `${merchantId}/${mode}`;
      const line = lines.get(name) ?? { running: 0, waiting: new Set() };
      lines.set(name, line);
      await untilTurn(line, wait);
      try {
        return await work();
      } finally {
        endTurn(name, line);
      }
    },
  };
}

function lineIsFull(): Problem {
  const detail = 'Too many payments of yours wait to be held against your limit for a day.';
  return new Problem('rate_limited', detail, { headers: { 'retry-after': '1' } });
}

function waitedTooLong(): Problem {
  const detail = 'Your limit for a day could not be read in time; try again with the same Idempotency-Key.';
  return new Problem('service_unavailable', detail, { headers: { 'retry-after': '1' } });
}
