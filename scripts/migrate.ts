import { runMigrations } from '../db/migrate.js';

const usage = `Usage: npm run migrate

Brings the schema up to date as its owner, and prints which migrations it applied.

Needs MIGRATION_DATABASE_URL, and DATABASE_URL for the role that is given its rights.
`;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return console.log(usage);
  if (args.length > 0) throw new UsageError(usage);
  const ownerUrl = requireUrl('MIGRATION_DATABASE_URL');
  const appRole = decodeURIComponent(requireUrl('DATABASE_URL').username);
  if (appRole === '') throw new UsageError('DATABASE_URL must name the role of the application.');
  if (decodeURIComponent(ownerUrl.username) === appRole) {
    throw new UsageError(
      'MIGRATION_DATABASE_URL and DATABASE_URL must name two roles: the owner of the tables is not the application.',
    );
  }
  const applied = await runMigrations({ ownerUrl: ownerUrl.href, appRole });
  console.log(JSON.stringify({ applied }));
}

class UsageError extends Error {}

function requireUrl(variable: string): URL {
  const text = process.env[variable] ?? '';
  const isPostgres = URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol);
  if (!isPostgres) throw new UsageError(`${variable} must be a postgres:// URL; see docs/configuration.md`);
  return new URL(text);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof UsageError ? 2 : 1);
});
