import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';

/**
 * What this process has seen of whether Temporal can be reached, so that callers are not held for a server that is
 * away. A call that takes long proves nothing, because the provider may be slow: it only makes us ask the server.
 */
export interface TemporalReach {
  readonly isDown: boolean;
  /** What `call` gives; undefined as soon as Temporal is known to be away, without a call where it is already. */
  orUndefined<T>(call: () => Promise<T>): Promise<T | undefined>;
}

export interface ReachSettings {
  /** A call that has taken so long makes us ask, and again after as long; while it is away just as often. */
  readonly askEveryMs: number;
  /** So many questions in a row without an answer: it is away. The first answer ends that. */
  readonly failuresToOpen: number;
}

export const defaultReachSettings: ReachSettings = { askEveryMs: 1_000, failuresToOpen: 2 };

interface Held {
  readonly sinceMs: number;
  readonly letGo: () => void;
}

/** `ask` tells whether the server answers, within a time of its own; it never throws. */
export function createTemporalReach(
  ask: () => Promise<boolean>,
  logger: Logger,
  clock: () => number,
  { askEveryMs, failuresToOpen }: ReachSettings = defaultReachSettings,
): TemporalReach {
  const held = new Set<Held>();
  let failures = 0;
  let isWatching = false;
  const isDown = () => failures >= failuresToOpen;

  async function watch(): Promise<void> {
    if (isWatching) return;
    isWatching = true;
    while (isDown() || held.size > 0) {
      await pause(askEveryMs, undefined, { ref: false });
      const [oldest] = held;
      if (isDown() || (oldest && clock() - oldest.sinceMs >= askEveryMs)) note(await ask());
    }
    isWatching = false;
  }

  function note(isUp: boolean): void {
    const wasDown = isDown();
    failures = isUp ? 0 : failures + 1;
    if (wasDown === isDown()) return;
    if (!isDown()) return logger.info('Temporal can be reached again');
    logger.warn('Temporal cannot be reached; payments are accepted, and the sweeper will start them');
    for (const { letGo } of held) letGo();
  }

  return {
    get isDown() {
      return isDown();
    },
    orUndefined(call) {
      if (isDown()) return Promise.resolve(undefined);
      return new Promise((resolve, reject) => {
        const one: Held = { sinceMs: clock(), letGo: () => resolve(undefined) };
        held.add(one);
        void watch();
        void call()
          .then(resolve, reject)
          .finally(() => held.delete(one));
      });
    },
  };
}
