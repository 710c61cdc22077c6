import { describeExit, logTail, stopAllProcesses, type RunningProcess } from './processes.js';
import { seconds } from '../set-up/progress.js';

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 15_000;
/** A child that ran this long before it died starts again at once; one that dies at every start waits longer. */
const SETTLED_AFTER_MS = 30_000;

interface Slot {
  name: string;
  tier: number;
  launch: () => Promise<RunningProcess>;
  current: RunningProcess | undefined;
  served: boolean;
}

export interface SupervisorOptions {
  print: (line: string) => void;
  /** Called with all that run whenever one was started or has ended. */
  onChange: (running: RunningProcess[]) => void;
}

/** Keeps the instance's processes running until told to stop them. */
export class Supervisor {
  private readonly slots: Slot[] = [];
  private stopping = false;

  constructor(private readonly options: SupervisorOptions) {}

  /** Starts one and fails when that fails; afterwards it is restarted whenever it dies. Higher tiers stop first. */
  async start<T extends RunningProcess>(name: string, tier: number, launch: () => Promise<T>): Promise<T> {
    if (this.stopping) throw new Error(`${name} is not started: everything is being stopped.`);
    const slot: Slot = { name, tier, launch, current: undefined, served: false };
    this.slots.push(slot);
    const running = await launch();
    this.adopt(slot, running);
    return running;
  }

  /** Did it already run once, so that a launch is a restart? */
  hasServed(name: string): boolean {
    return this.slots.some((slot) => slot.name === name && slot.served);
  }

  pidOf(name: string): number | undefined {
    return this.slots.find((slot) => slot.name === name)?.current?.pid;
  }

  /** Stops what was started, tier by tier, and whatever was being started meanwhile. */
  async stopAll(): Promise<void> {
    this.stopping = true;
    const tiers = [...new Set(this.slots.map((slot) => slot.tier))].sort((a, b) => b - a);
    for (const tier of tiers) {
      const inTier = this.slots.filter((slot) => slot.tier === tier);
      await Promise.all(inTier.map(async (slot) => slot.current?.stop()));
    }
    await stopAllProcesses();
  }

  private adopt(slot: Slot, running: RunningProcess): void {
    slot.current = running;
    slot.served = true;
    this.reportChange();
    const startedAt = Date.now();
    void running.exited.then((exit) => {
      slot.current = undefined;
      this.reportChange();
      if (this.stopping) return;
      const how = exit.signal === 'SIGKILL' ? 'was killed' : `ended with ${describeExit(exit)}`;
      this.options.print(`${slot.name} (pid ${running.pid}) ${how}: starting it again.`);
      if (exit.signal === null) this.options.print(logTail(running.logFile, 8));
      const settled = Date.now() - startedAt > SETTLED_AFTER_MS;
      void this.restart(slot, settled ? 0 : FIRST_PAUSE_MS);
    });
  }

  private async restart(slot: Slot, firstPauseMs: number): Promise<void> {
    const startedAt = Date.now();
    for (
      let pauseMs = firstPauseMs;
      !this.stopping;
      pauseMs = Math.min(2 * pauseMs + 500, LONGEST_PAUSE_MS)
    ) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (this.stopping) return;
      try {
        const running = await slot.launch();
        // Ctrl-C while it was starting: stopAll may not have seen it.
        if (this.stopping) return await running.stop();
        this.options.print(
          `${slot.name} runs again (pid ${running.pid}, ${seconds(Date.now() - startedAt)}).`,
        );
        return this.adopt(slot, running);
      } catch (error) {
        if (this.stopping) return;
        this.options.print(`${slot.name} does not start again yet: ${(error as Error).message}`);
      }
    }
  }

  private reportChange(): void {
    this.options.onChange(this.slots.flatMap((slot) => (slot.current === undefined ? [] : [slot.current])));
  }
}
