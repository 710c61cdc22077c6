import { describe, expect, it } from 'vitest';
import { SimulatedHistory } from './simulated-history.js';

/** `SIMULATION_SEED=17 SIMULATION_HISTORIES=1` tells one history again; more histories find more. */
const FIRST_SEED = Number(process.env['SIMULATION_SEED'] ?? 1);
const HISTORIES = Number(process.env['SIMULATION_HISTORIES'] ?? 30_000);

describe('simulated payments', () => {
  it(`end, or wait for a person, and never take money twice (${HISTORIES} histories)`, () => {
    const endings = new Map<string, number>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + HISTORIES; seed += 1) {
      const ending = tell(seed);
      for (const seen of ending) endings.set(seen, (endings.get(seen) ?? 0) + 1);
    }
    // A generator that never reaches an ending proves nothing about it.
    if (HISTORIES >= 10_000) {
      for (const ending of ['succeeded', 'canceled', 'review', 'failed over', 'paid at another account'])
        expect(endings.get(ending)).toBeGreaterThan(HISTORIES / 50);
    }
  });

  it('are told again from their number alone', () => {
    const [once, again] = [new SimulatedHistory(FIRST_SEED + 7), new SimulatedHistory(FIRST_SEED + 7)];
    once.run();
    again.run();
    expect(once.trace.length).toBeGreaterThan(0);
    expect(again.trace).toEqual(once.trace);
  });
});

/** How it ended, and whether it went on at another account, and was paid there. */
function tell(seed: number): string[] {
  const history = new SimulatedHistory(seed);
  try {
    const ending = history.run();
    const hasFailedOver = history.trace.some((line) => line.startsWith('goes on'));
    if (!hasFailedOver) return [ending];
    return [ending, 'failed over', ...(ending === 'succeeded' ? ['paid at another account'] : [])];
  } catch (error) {
    const story = history.trace.slice(-60).join('\n');
    throw new Error(`SIMULATION_SEED=${seed}: ${(error as Error).message}\n${story}`, { cause: error });
  }
}
