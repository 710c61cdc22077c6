/** A loop that can be stopped: it finishes what it is at, and then ends. */
export interface Repeating {
  stop(): Promise<void>;
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
  const loop = async () => {
    while (!isStopped) {
      const { hasMore } = await work().catch((error: unknown) => {
        onError(error);
        return { hasMore: false };
      });
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
  };
}
