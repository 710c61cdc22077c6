import { runMigrations } from '../db/migrate.js';

/** `npm run migrate`: brings the schema up to date as its owner (MIGRATION_DATABASE_URL). */
async function main(): Promise<void> {
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

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof UsageError ? 2 : 1);
});
