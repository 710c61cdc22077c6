import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { problemRemedies } from '../../api/problem-remedies.js';
import { MAX_BODY_BYTES, MAX_NOTIFICATION_BYTES } from '../../api/request-body.js';
import { apiCrashPoints, workerCrashPoints } from '../../domain/crash-points.js';
import { operationStatuses, transition, type OperationEvent } from '../../domain/operation.js';
import { executionErrors, httpProblems } from '../../domain/problem-codes.js';

const read = (file: string) => readFileSync(file, 'utf8');
const markdownBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file));
const documents = [
  'README.md',
  'README.zh-CN.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...markdownBelow('docs'),
];
const isCode = (text: string | undefined): text is string => text !== undefined;

describe('problem codes', () => {
  const codes = [...Object.keys(httpProblems), ...Object.keys(executionErrors)];

  test('each has its page, and each page its code', () => {
    const pages = readdirSync('docs/problems').map((file) => file.replace(/\.md$/, ''));
    expect(pages.filter((page) => page !== 'README').sort()).toEqual([...codes].sort());
  });

  test.each(Object.entries(httpProblems))(
    'the page of %s says its status and title',
    (code, { status, title }) => {
      const page = read(`docs/problems/${code}.md`);
      expect(page).toContain(`# ${code}\n`);
      expect(page).toContain(`HTTP ${status}: ${title}`);
      expect(read('docs/problems/README.md')).toContain(title);
    },
  );

  test('the page of body_too_large says what a body may have, a merchant’s and a provider’s', () => {
    const inKb = (bytes: number) => `${bytes / 1024} KB`;
    for (const told of [read('docs/problems/body_too_large.md'), problemRemedies.body_too_large]) {
      expect(told).toContain(inKb(MAX_BODY_BYTES));
      expect(told).toContain(inKb(MAX_NOTIFICATION_BYTES));
    }
  });

  test.each(Object.entries(executionErrors))(
    'the page of %s gives its advice',
    (code, { retryable, advice }) => {
      const page = read(`docs/problems/${code}.md`);
      expect(page).toContain(`retryable: ${retryable ? 'yes' : 'no'}`);
      expect(page).toContain(advice);
    },
  );
});

describe('docs/configuration.md', () => {
  const text = read('docs/configuration.md');
  const section = text.slice(text.indexOf('## API and worker'), text.indexOf('## Provider accounts'));
  const inTable = [...section.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, name]) => name).filter(isCode);

  test('lists every variable that API and worker read, and no other', () => {
    const source = read('config/environment.ts');
    const schema = source.slice(source.indexOf('const schema'), source.indexOf('export type Environment'));
    const variables = [...schema.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name).filter(isCode);
    expect(variables).toContain('DATABASE_URL');
    expect([...inTable].sort()).toEqual([...variables].sort());
  });

  test('gives the defaults of the schema', () => {
    const source = read('config/environment.ts');
    const defaults = [...source.matchAll(/^ {2}([A-Z_]+):[^;]*?\.default\(('[^']*'|[\w]+)\)/gms)].filter(
      ([whole]) => !/\n {2}[A-Z_]+:/.test(whole),
    );
    expect(defaults.length).toBeGreaterThan(8);
    for (const [, name, given] of defaults) {
      const row = section.split('\n').find((line) => line.startsWith(`| \`${name}\` `));
      const wanted = (given ?? '').replaceAll("'", '').replaceAll('_', '');
      expect(row, name).toContain(wanted);
    }
  });

  test("lists the sandbox's variables", () => {
    const names = [...read('sandbox/settings.ts').matchAll(/'(SANDBOX_[A-Z_]+)'/g)].map(([, name]) => name);
    for (const name of new Set(names)) expect(text).toContain(`| \`${name}\` `);
  });
});

describe('docs/payment-model.md', () => {
  const text = read('docs/payment-model.md');
  const section = text.slice(text.indexOf('## Operation states'), text.indexOf('## Rules'));
  const rows = [...section.matchAll(/^\| `(\w+)` +\| (`[^|]+`) +\| `(\w+)` +\|$/gm)];
  const documented = new Map(
    rows.flatMap(([, event = '', from = '', to = '']) =>
      [...from.matchAll(/`(\w+)`/g)].map(([, status = '']) => [`${status} ${event}`, to] as const),
    ),
  );
  const events = [...new Set(rows.map(([, event = '']) => event))] as OperationEvent[];

  test('has the operation machine as the code has it', () => {
    const source = read('domain/operation.ts');
    const known = [...source.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, event]) => event);
    expect([...events].sort()).toEqual([...known].sort());
    const actual = new Map(
      operationStatuses.flatMap((status) =>
        events.flatMap((event) => {
          const to = transition(status, event);
          return to ? [[`${status} ${event}`, to] as const] : [];
        }),
      ),
    );
    expect(Object.fromEntries([...documented].sort())).toEqual(Object.fromEntries([...actual].sort()));
  });
});

describe('what documents name exists', () => {
  /** What a pattern finds in all documents and `isKnown` does not know, with the file it stands in. */
  function unknown(pattern: RegExp, isKnown: (name: string) => boolean): string[] {
    return documents.flatMap((file) =>
      [...read(file).matchAll(pattern)]
        .map(([, name = '']) => name)
        .filter((name) => !isKnown(name))
        .map((name) => `${file}: ${name}`),
    );
  }

  test('crash points', () => {
    const known: readonly string[] = [...apiCrashPoints, ...workerCrashPoints];
    const isHost = (name: string) => name.endsWith('.com');
    expect(
      unknown(/`((?:api|worker)\.[a-z]+\.[a-z_]+)`/g, (name) => known.includes(name) || isHost(name)),
    ).toEqual([]);
  });

  test('npm scripts', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(unknown(/npm run ([a-z][a-z:-]*)/g, (name) => name in scripts)).toEqual([]);
  });

  test('source files', () => {
    const folders =
      'api|activities|bench|config|db|domain|providers|sandbox|scripts|test|tools|worker|workflows';
    const path = new RegExp(`\`((?:${folders})/[\\w./-]+\\.(?:ts|mjs))\``, 'g');
    expect(unknown(path, (file) => existsSync(file))).toEqual([]);
  });

  test('JSON in documents and in curl commands parses', () => {
    const parses = (json: string) => {
      try {
        JSON.parse(json);
        return true;
      } catch {
        return false;
      }
    };
    expect(unknown(/```json\n([\s\S]*?)```/g, parses)).toEqual([]);
    expect(unknown(/ -d '([^']*)'/g, parses)).toEqual([]);
  });

  test('both READMEs have the same commands', () => {
    const shell = (file: string) =>
      [...read(file).matchAll(/```sh\n([\s\S]*?)```/g)].map(([, code = '']) => code.replace(/ *#.*$/gm, ''));
    expect(shell('README.zh-CN.md')).toEqual(shell('README.md'));
  });
});
