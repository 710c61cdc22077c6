import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { seconds } from './set-up/progress.js';
import { repositoryRoot } from './set-up/repository-root.js';

interface Check {
  name: string;
  script: string;
  args: readonly string[];
}

const SOURCES = 'domain workflows activities providers db worker api config sandbox scripts bench'.split(' ');

/** `npm run check`: what people and CI run alike; all of it, even when an early part fails. */
export function main(args: readonly string[]): number {
  if (args.length > 0) {
    process.stderr.write(`Unknown argument: ${args[0]}\n\nUsage: npm run check\n`);
    return 2;
  }
  const root = repositoryRoot();
  const results = checks(root).map((check) => ({ name: check.name, ...runCheck(root, check) }));
  process.stdout.write('\n');
  for (const { name, passed, durationMs } of results)
    process.stdout.write(`  ${passed ? '✓' : '✗'} ${name} (${seconds(durationMs)})\n`);
  const failed = results.filter((result) => !result.passed);
  process.stdout.write(
    failed.length === 0
      ? '\nAll checks passed.\n'
      : `\n${failed.length} of ${results.length} checks failed.\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

function checks(root: string): Check[] {
  const bin = (path: string) => join(root, 'node_modules', path);
  const ours = (name: string) => join(root, 'dist', 'scripts', `${name}.js`);
  const folders = SOURCES.filter((folder) => existsSync(join(root, folder)));
  return [
    {
      name: 'format',
      script: bin('prettier/bin/prettier.cjs'),
      args: ['--check', '--log-level', 'warn', '.'],
    },
    { name: 'types', script: bin('typescript/bin/tsc'), args: ['--noEmit'] },
    { name: 'lint', script: bin('eslint/bin/eslint.js'), args: ['.'] },
    {
      name: 'boundaries',
      script: bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      args: ['--config', '.dependency-cruiser.cjs', ...folders],
    },
    { name: 'schema dump', script: ours('dump-schema'), args: ['--check'] },
    { name: "documents' links", script: ours('check/check-doc-links'), args: [] },
  ];
}

function runCheck(root: string, check: Check): { passed: boolean; durationMs: number } {
  process.stdout.write(`\n── ${check.name}\n`);
  const startedAt = Date.now();
  const result = spawnSync(process.execPath, [check.script, ...check.args], { cwd: root, stdio: 'inherit' });
  return { passed: result.status === 0, durationMs: Date.now() - startedAt };
}
