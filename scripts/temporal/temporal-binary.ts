import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { SetupError, type ProgressReporter } from '../set-up/progress.js';
import { repositoryRoot } from '../set-up/repository-root.js';
import { buildFromGoModule } from './temporal-go-build.js';
import { downloadRelease, platformName, type ReleaseChecksums } from './temporal-release.js';
import { withLock } from '../set-up/lock.js';

/**
 * A Temporal CLI that runs here: on PATH, from the cache, from the official release or built with Go, in this
 * order. The last two put it into the cache, so they happen once.
 */
export async function findTemporalBinary(options: { progress: ProgressReporter }): Promise<string> {
  const onPath = await supportedOnPath();
  if (onPath !== undefined) return onPath;
  const root = repositoryRoot();
  const pinned = readPinned(root);
  const cache = join(root, '.quittance', 'cache', 'bin');
  const cached = join(cache, `temporal-${pinned.version}-${platformName()}`);
  if (existsSync(cached)) return cached;
  mkdirSync(cache, { recursive: true });
  // `npm start` and `npm test` at the same time must not both build for four minutes.
  return withLock(`${cached}.lock`, async () => {
    if (existsSync(cached)) return cached;
    const reasons: string[] = [];
    if (await downloadRelease(pinned, cached, options.progress, reasons)) return cached;
    if (await buildFromGoModule(root, pinned.version, cached, options.progress, reasons)) return cached;
    throw new SetupError(
      `No Temporal server could be found or made:\n${reasons.map((reason) => `  - ${reason}`).join('\n')}\n` +
        'What helps, any one of: install the Temporal CLI 1.6 or later so that `temporal` is on PATH ' +
        '(https://docs.temporal.io/cli); install Go 1.26 or later (https://go.dev/dl) and start again; ' +
        'for npm start, set TEMPORAL_ADDRESS to a server of your own.',
    );
  });
}

function readPinned(root: string): ReleaseChecksums {
  const file = join(root, 'tools', 'temporal', 'release-checksums.json');
  return JSON.parse(readFileSync(file, 'utf8')) as ReleaseChecksums;
}

async function supportedOnPath(): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, 'temporal');
    if (directory === '' || !existsSync(candidate)) continue;
    try {
      const { stdout } = await promisify(execFile)(candidate, ['--version'], { timeout: 5_000 });
      if (isSupportedVersion(stdout)) return candidate;
    } catch {
      // Not a program that runs here.
    }
  }
  return undefined;
}

/**
 * `temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)`. A CLI built from source calls itself 0.0.0-DEV: then
 * the server inside decides (CLI 1.6 carries server 1.30).
 */
export function isSupportedVersion(versionOutput: string): boolean {
  const cli = /temporal version (\d+)\.(\d+)/.exec(versionOutput);
  if (cli === null) return false;
  const server = /Server (\d+)\.(\d+)/.exec(versionOutput);
  if (cli[1] === '0' && server !== null) return isAtLeast(server, 1, 30);
  return isAtLeast(cli, 1, 6);
}

function isAtLeast(match: RegExpExecArray, major: number, minor: number): boolean {
  const found = [Number(match[1]), Number(match[2])] as const;
  return found[0] > major || (found[0] === major && found[1] >= minor);
}
