import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { stopLeftovers } from './start/other-instance.js';
import { stopProcess } from './set-up/process-identity.js';
import { withProgress } from './set-up/progress.js';
import { repositoryRoot } from './set-up/repository-root.js';
import { readRemembered, readRunning, sharedFolderFor, type StateFolder } from './set-up/state-folder.js';

const USAGE = `Usage: npm run reset [-- --keep-cache]

Stops what runs from this clone and deletes all its data: the database, Temporal's history, keys, logs.

  --keep-cache   keep the Temporal server in .quittance/cache (building it anew takes minutes without a download)`;

export async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((argument) => !['--keep-cache', '--help'].includes(argument));
  if (unknown !== undefined || args.includes('--help')) {
    (unknown === undefined ? process.stdout : process.stderr).write(`${USAGE}\n`);
    return unknown === undefined ? 0 : 2;
  }
  const root = repositoryRoot();
  const directory = join(root, '.quittance');
  const state = { root, directory } as StateFolder;
  await stopInstance(state);
  const outside = outsideFolders(state);
  empty(directory, args.includes('--keep-cache') ? ['cache'] : []);
  for (const folder of outside) rmSync(folder, { recursive: true, force: true });
  for (const folder of [directory, ...outside]) process.stdout.write(`  ✓ emptied ${folder}\n`);
  return 0;
}

async function stopInstance(state: StateFolder): Promise<void> {
  const running = readRunning(state);
  if (running === undefined) return;
  // It stops its own children in order; they are looked for afterwards only in case it could not.
  await withProgress('stopping what runs', () => stopProcess(running.holder, 'SIGTERM', 60_000));
  const after = readRunning(state);
  if (after !== undefined)
    await stopLeftovers(state, after, (line) => void process.stdout.write(`${line}\n`));
}

/** The folder in the temporary directory, also when it was made under another TMPDIR; never anything else. */
function outsideFolders(state: StateFolder): string[] {
  const expected = sharedFolderFor(state.root);
  const remembered = readRemembered(state).postgresDirectory;
  const folders = new Set([expected]);
  if (remembered !== undefined && basename(dirname(remembered)) === basename(expected))
    folders.add(dirname(remembered));
  return [...folders].filter((folder) => existsSync(folder));
}

function empty(directory: string, kept: readonly string[]): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (!kept.includes(name)) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
