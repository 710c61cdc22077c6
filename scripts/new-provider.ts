import { NameRefused, writeProvider } from './new-provider/write-provider.js';
import { repositoryRoot } from './set-up/repository-root.js';

const usage = `Usage: npm run new:provider NAME

Writes providers/NAME, its line in providers/registry.ts and its call of the conformance suite. NAME is the provider's
name on the wire, as in wechat_pay.
`;

/** The skeleton says of everything that it does not know; the suite is red until it does. */
export function main(args: readonly string[]): number {
  const [name, ...more] = args;
  if (name === '--help' && more.length === 0) {
    process.stdout.write(usage);
    return 0;
  }
  if (name === undefined || name.startsWith('-') || more.length > 0) {
    process.stderr.write(usage);
    return 2;
  }
  try {
    const written = writeProvider(repositoryRoot(), name);
    process.stdout.write(`${written.map((path) => `  wrote ${path}`).join('\n')}\n\n${nextSteps(name)}`);
    return 0;
  } catch (error) {
    if (!(error instanceof NameRefused)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}`);
    return 1;
  }
}

function nextSteps(name: string): string {
  return `npm run check passes. The connector answers "unknown" to everything and serves no method, so that nobody can be
charged through it. npm test -- test/conformance/${name}.test.ts is red until the provider is played and mapped:
  1. sandbox/${name}/ and its line in sandbox/registry.ts: a stand-in that shares no code with the connector
  2. providers/${name}/: capabilities, codes (a whitelist), mapping, signatures of notifications
  3. docs/providers.md: what it was held against, and what could not be checked
CONTRIBUTING.md, "A new provider", has the rest.
`;
}
