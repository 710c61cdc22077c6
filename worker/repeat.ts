/** A loop that can be stopped: it finishes what it is at, and then ends. */
export interface Repeating {
  stop(): Promise<void>;
  /** Rounds since the process started, and how long ago the last one ended. */
  progress(): LoopProgress;
}

export interface LoopProgress {
  readonly rounds: number;
  readonly failedRounds: number;
  readonly sinceLastMs: number;
}

/**
 * Calls `work` again and again, `idleMs` apart, or at once where it says that there is more. A failure is
 * reported and does not end the loop.
 */
export function repeat(
  work: () => Promise<{ hasMore: boolean }>,
  idleMs: number,
  onError: (error: unknown) => void,
): Repeating {
  let isStopped = false;
  let wake = (): void => undefined;
  const counted = { rounds: 0, failedRounds: 0, lastAt: performance.now() };
  const loop = async () => {
    while (!isStopped) {
      const { hasMore } = await work().catch((error: unknown) => {
        counted.failedRounds += 1;
        onError(error);
        return { hasMore: false };
      });
      counted.rounds += 1;
      counted.lastAt = performance.now();
      if (hasMore || isStopped) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, idleMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = loop();
  return {
    async stop() {
      isStopped = true;
      wake();
      await running;
    },
    progress: () => ({
      rounds: counted.rounds,
      failedRounds: counted.failedRounds,
      sinceLastMs: performance.now() - counted.lastAt,
    }),
  };
}
