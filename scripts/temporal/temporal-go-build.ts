import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from '../processes/processes.js';
import { SetupError, type ProgressReporter } from '../set-up/progress.js';

const PACKAGE = 'github.com/temporalio/cli/cmd/temporal';
const VERSION_VARIABLE = 'github.com/temporalio/cli/internal/temporalcli.Version';

/** Builds the CLI of tools/temporal into the cache; false, with the reason added, when that fails. */
export async function buildFromGoModule(
  root: string,
  version: string,
  target: string,
  progress: ProgressReporter,
  reasons: string[],
): Promise<boolean> {
  const cwd = join(root, 'tools', 'temporal');
  if (!(await hasGo(cwd))) {
    reasons.push('build from source: there is no `go` on PATH');
    return false;
  }
  const draft = `${target}.${process.pid}.build`;
  try {
    await progress(`building Temporal CLI ${version} with Go (once, 3 to 10 minutes)`, async (step) => {
      let fetched = 0;
      const packages = await go(cwd, ['list', '-deps', PACKAGE], (line) => {
        if (line.includes('downloading')) step.update(`fetching modules, ${(fetched += 1)} so far`);
      });
      const total = packages.stdout.split('\n').length;
      let compiled = 0;
      step.update(`compiling, ${total} packages`);
      const flags = [
        '-trimpath',
        '-buildvcs=false',
        '-v',
        `-ldflags=-s -w -X ${VERSION_VARIABLE}=${version}`,
      ];
      await go(cwd, ['build', ...flags, '-o', draft, PACKAGE], () => {
        step.update(`compiled ${(compiled += 1)} of at most ${total} packages`);
      });
      renameSync(draft, target);
    });
    return true;
  } catch (error) {
    rmSync(draft, { force: true });
    reasons.push(`build from source: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function hasGo(cwd: string): Promise<boolean> {
  try {
    return (
      (await runToEnd({ name: 'go', command: 'go', args: ['version'], cwd, env: goEnvironment() })).code === 0
    );
  } catch {
    return false;
  }
}

async function go(cwd: string, args: string[], onLine: (line: string) => void) {
  const name = `go ${args[0]}`;
  const result = await runToEnd({
    name,
    command: 'go',
    args,
    cwd,
    env: goEnvironment(),
    onStderrLine: onLine,
  });
  if (result.code === 0) return result;
  const tail = result.stderr.trimEnd().split('\n').slice(-10).join('\n    ');
  throw new SetupError(`${name} failed with ${result.signal ?? `exit code ${result.code}`}\n    ${tail}`);
}

/** Go needs some home for its caches; where there is none (a service's user) the temporary directory does. */
function goEnvironment(): NodeJS.ProcessEnv {
  const home = process.env['HOME'];
  const fallback = process.env['TMPDIR'] ?? '/tmp';
  return { ...process.env, GOWORK: 'off', ...(home === undefined || home === '' ? { HOME: fallback } : {}) };
}
