import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../scripts/new-provider.js';
import { NameRefused, writeProvider } from '../../scripts/new-provider/write-provider.js';

const here = resolve('.');
let root: string;
let written: string[];

/** A copy of what a connector is checked with, so that nothing is written into this clone. */
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'quittance-new-provider-'));
  for (const folder of ['domain', 'providers', 'sandbox', 'scripts', 'test']) {
    cpSync(join(here, folder), join(root, folder), {
      recursive: true,
      filter: (path) => !path.includes('histories'),
    });
  }
  const settings = [
    'package.json',
    'tsconfig.json',
    'eslint.config.js',
    '.dependency-cruiser.cjs',
    '.prettierrc.json',
  ];
  for (const file of settings) cpSync(join(here, file), join(root, file));
  symlinkSync(join(here, 'node_modules'), join(root, 'node_modules'), 'dir');
  written = writeProvider(root, 'acme_pay');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function run(script: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(here, 'node_modules', script), ...args],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  return status === 0 ? 'passed' : `${script}: ${stdout}${stderr}`;
}

describe('npm run new:provider', () => {
  test('--help tells how to use it, and is no mistake', () => {
    const told = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const code = main(['--help']);
    const [[text]] = told.mock.calls as [[string]];
    told.mockRestore();
    expect([code, text]).toEqual([0, expect.stringContaining('Usage: npm run new:provider NAME')]);
  });

  test('writes the folder, the registry line and the call of the suite', () => {
    const folder = ['client.ts', 'codes.ts', 'credentials.ts', 'index.ts', 'mapping.ts', 'notification.ts'];
    expect(readdirSync(join(root, 'providers', 'acme_pay')).sort()).toEqual(folder);
    const registry = readFileSync(join(root, 'providers', 'registry.ts'), 'utf8');
    expect(registry.match(/^ {2}acme_pay: createAcmePayConnector,$/gm)).toHaveLength(1);
    const call = readFileSync(join(root, 'test', 'conformance', 'acme_pay.test.ts'), 'utf8');
    expect(call).toMatch(/^describeConformance\(\{\s*provider: 'acme_pay'/m);
    for (const path of written) {
      expect(readFileSync(join(root, path), 'utf8')).not.toMatch(/__\w+__|not implemented/i);
    }
  });

  test(
    'what it writes has the format, the types, the lint and the borders of the rest',
    { timeout: 240_000 },
    () => {
      expect(run('prettier/bin/prettier.cjs', ['--check', ...written])).toBe('passed');
      const project = {
        extends: './tsconfig.json',
        include: ['providers', 'test/conformance/acme_pay.test.ts'],
      };
      writeFileSync(join(root, 'tsconfig.acme.json'), JSON.stringify(project));
      expect(run('typescript/bin/tsc', ['--noEmit', '-p', 'tsconfig.acme.json'])).toBe('passed');
      expect(run('eslint/bin/eslint.js', written)).toBe('passed');
      const cruise = ['--config', '.dependency-cruiser.cjs', 'providers'];
      expect(run('dependency-cruiser/bin/dependency-cruise.mjs', cruise)).toBe('passed');
    },
  );

  test.each([
    'alipay',
    'Acme',
    'acme-pay',
    '__proto__',
    'constructor',
    'connector',
    '../acme',
    'acme/pay',
    'acme.pay',
    '',
    '_acme',
    '1acme',
    'acme__pay',
    'ａcme',
    'a'.repeat(31),
  ])('refuses the name "%s", and writes nothing', (name) => {
    const before = readFileSync(join(root, 'providers', 'registry.ts'), 'utf8');
    const folders = readdirSync(join(root, 'providers'));
    expect(() => writeProvider(root, name)).toThrow(NameRefused);
    expect(readFileSync(join(root, 'providers', 'registry.ts'), 'utf8')).toBe(before);
    expect(readdirSync(join(root, 'providers'))).toEqual(folders);
  });
});
