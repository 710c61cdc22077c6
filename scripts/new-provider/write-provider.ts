import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Nothing was written. */
export class NameRefused extends Error {
  override readonly name = 'NameRefused';
}

const REGISTRY = join('providers', 'registry.ts');
const TEMPLATES = join('scripts', 'new-provider', 'templates');
const LAST_ENTRY = /\n\} as const satisfies Record<string, ConnectorFactory>;/;
const MAX_NAME_LENGTH = 30;

/**
 * Writes a provider's folder, its line in the registry and its call of the conformance suite, formatted as the rest.
 * Returns what it wrote, relative to `root`. Throws NameRefused before it writes anything.
 */
export function writeProvider(root: string, name: string): string[] {
  refuseBadName(root, name);
  const files = readdirSync(join(root, TEMPLATES)).map((template) => {
    const own = template.replace(/\.txt$/, '');
    const path =
      own === 'conformance.test.ts'
        ? join('test', 'conformance', `${name}.test.ts`)
        : join('providers', name, own);
    return { path, text: fill(readFileSync(join(root, TEMPLATES, template), 'utf8'), name) };
  });
  const registry = { path: REGISTRY, text: register(readFileSync(join(root, REGISTRY), 'utf8'), name) };
  const written = [...files, registry];
  for (const { path, text } of written) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  const paths = written.map(({ path }) => path);
  format(root, paths);
  return paths;
}

/** The name goes into paths, code and URLs, and stays on the wire for ever. */
function refuseBadName(root: string, name: string): void {
  if (name.length > MAX_NAME_LENGTH || !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) {
    throw new NameRefused(
      `"${name}" is no name for a provider: lower-case words of letters and digits, joined by "_", ` +
        `at most ${MAX_NAME_LENGTH} characters, as in wechat_pay.`,
    );
  }
  if (name in {}) throw new NameRefused(`"${name}" is a name that JavaScript's own objects have.`);
  const taken = [join('providers', name), join('providers', `${name}.ts`), join('sandbox', name)];
  const found = taken.find((path) => existsSync(join(root, path)));
  if (found !== undefined) throw new NameRefused(`${found} is there already.`);
}

function fill(template: string, name: string): string {
  return template
    .replaceAll('__Pascal__', pascalCase(name))
    .replaceAll('__kebab__', name.replaceAll('_', '-'))
    .replaceAll('__name__', name);
}

function register(registry: string, name: string): string {
  const factory = `create${pascalCase(name)}Connector`;
  if (!LAST_ENTRY.test(registry))
    throw new Error(`${REGISTRY} is not written as expected: add the line by hand.`);
  return (
    `import { ${factory} } from './${name}/index.js';\n` +
    registry.replace(LAST_ENTRY, (end) => `\n  ${name}: ${factory},${end}`)
  );
}

function pascalCase(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** How long a line is depends on the name. */
function format(root: string, paths: readonly string[]): void {
  const prettier = join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs');
  const { status, stderr } = spawnSync(process.execPath, [prettier, '--write', ...paths], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prettier failed: ${stderr}`);
}
