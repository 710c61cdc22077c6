export interface OpenLoopSettings {
  readonly perSecond: number;
  readonly seconds: number;
}

/**
 * Begins `act` so many times a second, whether those before have ended or not, as buyers do who know nothing of each
 * other; resolves when all of them have ended. One that fails fails the run.
 */
export async function runOpenLoop<Result>(
  { perSecond, seconds }: OpenLoopSettings,
  act: () => Promise<Result>,
): Promise<Result[]> {
  const startedAt = performance.now();
  const begun: Promise<Result>[] = [];
  for (let index = 0; index < perSecond * seconds; index += 1) {
    const dueAt = startedAt + (1_000 * index) / perSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const acting = act();
    // It is awaited below; one that fails before then is not forgotten, only not unhandled.
    acting.catch(() => undefined);
    begun.push(acting);
  }
  return Promise.all(begun);
}
