import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPostgresBinaries } from './postgres/postgres-binaries.js';
import { SetupError, withProgress } from './set-up/progress.js';
import { repositoryRoot } from './set-up/repository-root.js';
import { skippedLines, summaryLine, type TestCounts } from './check/summary-reporter.js';
import { findTemporalBinary } from './temporal/temporal-server.js';

/** `npm test`: the set-up of `npm start`, then vitest; the last line is the count. */
export async function main(args: readonly string[]): Promise<number> {
  const root = repositoryRoot();
  try {
    findPostgresBinaries(root);
    await findTemporalBinary({ progress: withProgress });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), 'quittance-test-'));
  const countsFile = join(folder, 'counts.json');
  try {
    const code = await runVitest(root, args, countsFile);
    const counts = readCounts(countsFile);
    if (counts === undefined) process.stderr.write('vitest ended before it had a result: see above.\n');
    const told = counts ?? { passed: 0, failed: 1, skipped: 0, reasons: [] };
    for (const line of [...skippedLines(told), summaryLine(told)]) process.stdout.write(`${line}\n`);
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(root: string, args: readonly string[], countsFile: string): Promise<number> {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = args.some((argument) => argument.startsWith('--reporter')) ? [] : ['--reporter=default'];
  reporters.push(`--reporter=${join(root, 'dist', 'scripts', 'check', 'summary-reporter.js')}`);
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, QUITTANCE_TEST_COUNTS: countsFile },
  });
  // Ctrl-C reaches vitest too, which then ends in order; we only have to outlive it.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

function readCounts(file: string): TestCounts | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as TestCounts;
  } catch {
    return undefined;
  }
}
