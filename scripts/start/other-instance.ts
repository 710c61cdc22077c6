import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, stopProcess } from '../set-up/process-identity.js';
import { withProgress } from '../set-up/progress.js';
import { clearRunning, readRunning, type RunningInstance, type StateFolder } from '../set-up/state-folder.js';

/** Stops what an instance that was killed left behind; each pid is checked to be that very process. */
export async function stopLeftovers(
  state: StateFolder,
  stale: RunningInstance,
  print: (line: string) => void,
): Promise<void> {
  for (const { name, identity, stopSignal } of [...stale.services].reverse()) {
    if (await stopProcess(identity, stopSignal, 20_000))
      print(`  ! Stopped ${name} (pid ${identity.pid}), left over from a start that was killed.`);
  }
  clearRunning(state);
  rmSync(join(state.directory, `running.${stale.holder.pid}.json`), { force: true });
}

/** The other start's table once it is up; undefined when it ended instead. */
export async function waitForOther(state: StateFolder): Promise<[string, string][] | undefined> {
  const now = readRunning(state);
  if (now?.table !== undefined) return now.table;
  return withProgress('another npm start of this clone is under way', async () => {
    for (;;) {
      const other = readRunning(state);
      if (other?.table !== undefined) return other.table;
      if (other === undefined || !isRunning(other.holder)) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  });
}
