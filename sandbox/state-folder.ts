import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A problem that the person who starts the sandbox can solve: shown as one sentence, without a stack. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}

/** Small state files are replaced as a whole, so a crash leaves either the old or the new one. */
export function writeStateFile(file: string, content: unknown): void {
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
}

/** The content of a small state file, or undefined when there is none yet. The caller checks its shape. */
export function readStateFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new StartRefused(`${file} is not valid JSON: correct it or delete it.`);
  }
}

/** Takes the folder for this process; two sandboxes over one journal would each know half of the truth. */
export function lockFolder(folder: string): () => void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StartRefused(`The state folder ${folder} cannot be made: ${(error as Error).message}.`);
  }
  const file = join(folder, 'sandbox.lock');
  const owner = { pid: process.pid, startedTicks: startTicks(process.pid) };
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(file, JSON.stringify(owner), { flag: 'wx', mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = lockHolder(file);
      if (holder !== undefined) {
        throw new StartRefused(
          `Another sandbox (process ${holder}) already runs in ${folder}: stop it first.`,
        );
      }
      rmSync(file, { force: true });
    }
  }
  throw new StartRefused(`Another sandbox is being started in ${folder} at this moment.`);
}

function lockHolder(file: string): number | undefined {
  let owner: { pid?: unknown; startedTicks?: unknown };
  try {
    owner = JSON.parse(readFileSync(file, 'utf8')) as typeof owner;
  } catch {
    return undefined;
  }
  if (typeof owner.pid !== 'number' || owner.pid === process.pid) return undefined;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  // After a kill -9 or a reboot the number may belong to somebody else; the start time tells them apart.
  const ticks = startTicks(owner.pid);
  return ticks !== null && owner.startedTicks !== ticks ? undefined : owner.pid;
}

/** When a process started, in clock ticks after boot (Linux only, null elsewhere). */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
