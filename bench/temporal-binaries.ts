import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../scripts/set-up/lock.js';
import { runToEnd } from '../scripts/processes/processes.js';
import { SetupError, type Progress, type ProgressReporter } from '../scripts/set-up/progress.js';
import { repositoryRoot } from '../scripts/set-up/repository-root.js';

export interface TemporalBinaries {
  /** The server itself. */
  readonly server: string;
  /** Makes and updates the server's tables; the schema is inside it. */
  readonly sqlTool: string;
  readonly version: string;
}

const MODULE = 'go.temporal.io/server';
const PACKAGES = { server: `${MODULE}/cmd/server`, sqlTool: `${MODULE}/cmd/tools/sql` } as const;

/** The Temporal server of tools/temporal-server, built with Go into the cache the first time. */
export async function findTemporalServer(progress: ProgressReporter): Promise<TemporalBinaries> {
  const root = repositoryRoot();
  const source = join(root, 'tools', 'temporal-server');
  const version = pinnedVersion(source);
  const cache = join(root, '.quittance', 'cache', 'bin');
  const fileOf = (name: string) => join(cache, `${name}-${version}-${process.platform}-${process.arch}`);
  const binaries = { server: fileOf('temporal-server'), sqlTool: fileOf('temporal-sql-tool'), version };
  if (isBuilt(binaries)) return binaries;
  mkdirSync(cache, { recursive: true });
  await withLock(`${binaries.server}.lock`, async () => {
    if (isBuilt(binaries)) return;
    await progress(
      `building Temporal server ${version} with Go (once, two minutes and more)`,
      async (step) => {
        await build(source, PACKAGES.server, binaries.server, step);
        await build(source, PACKAGES.sqlTool, binaries.sqlTool, step);
      },
    );
  });
  return binaries;
}

function isBuilt(binaries: TemporalBinaries): boolean {
  return existsSync(binaries.server) && existsSync(binaries.sqlTool);
}

function pinnedVersion(source: string): string {
  const found = /go\.temporal\.io\/server v(\S+)/.exec(readFileSync(join(source, 'go.mod'), 'utf8'));
  if (!found?.[1]) throw new SetupError(`${source}/go.mod does not name the version of ${MODULE}.`);
  return found[1];
}

async function build(source: string, packageName: string, target: string, step: Progress): Promise<void> {
  const draft = `${target}.${process.pid}.build`;
  const what = packageName.slice(MODULE.length + 1);
  let lines = 0;
  const flags = ['-trimpath', '-buildvcs=false', '-v', '-ldflags=-s -w', '-o', draft];
  try {
    await go(source, ['build', ...flags, packageName], (line) => {
      const doing = line.includes('downloading') ? 'modules fetched and packages' : 'packages';
      step.update(`${what}, ${(lines += 1)} ${doing} compiled`);
    });
    renameSync(draft, target);
  } finally {
    rmSync(draft, { force: true });
  }
}

async function go(cwd: string, args: string[], onStderrLine: (line: string) => void): Promise<void> {
  const env = { ...process.env, GOWORK: 'off', HOME: process.env['HOME'] ?? process.env['TMPDIR'] ?? '/tmp' };
  const result = await runToEnd({ name: 'go', command: 'go', args, cwd, env, onStderrLine }).catch(
    (error: unknown) => {
      throw new SetupError(
        'The benchmark runs on a Temporal server built from source, which needs Go 1.26 or later on PATH ' +
          `(https://go.dev/dl): ${error instanceof Error ? error.message : String(error)}`,
      );
    },
  );
  if (result.code === 0) return;
  const tail = result.stderr.trimEnd().split('\n').slice(-10).join('\n    ');
  throw new SetupError(`go ${args[0] ?? ''} failed in ${cwd}\n    ${tail}`);
}
