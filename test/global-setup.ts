import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { runMigrations } from '../db/migrate.js';
import { APP_ROLE, prepareDatabase } from '../scripts/postgres/prepare-database.js';
import { withProgress } from '../scripts/set-up/progress.js';
import { startPostgres } from '../scripts/postgres/postgres.js';
import { findTemporalBinary, startTemporalDevServer } from '../scripts/temporal/temporal-server.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser's URL of the shared cluster. */
    superuserUrl: string;
    ownerPassword: string;
    appPassword: string;
    temporalAddress: string;
    temporalBinary: string;
  }
}

/** Each test file clones this database, which costs a tenth of a second instead of all migrations. */
export const TEMPLATE_DATABASE = 'quittance_template';

/** One real PostgreSQL and one real Temporal server for the whole run, in a folder of their own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'quittance-test-'));
  const postgres = await startPostgres({ directory: join(folder, 'postgres') });
  const [ownerPassword, appPassword] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const { superuserUrl } = postgres;
  const template = await prepareDatabase({
    superuserUrl,
    ownerPassword,
    appPassword,
    database: TEMPLATE_DATABASE,
  });
  await runMigrations({ ownerUrl: template.ownerUrl, appRole: APP_ROLE });
  const binary = await findTemporalBinary({ progress: withProgress });
  const temporal = await startTemporalDevServer({
    binary,
    databaseFile: join(folder, 'temporal.db'),
    logFile: join(folder, 'temporal.log'),
  });
  project.provide('superuserUrl', superuserUrl);
  project.provide('ownerPassword', ownerPassword);
  project.provide('appPassword', appPassword);
  project.provide('temporalAddress', temporal.address);
  project.provide('temporalBinary', binary);
  return async () => {
    await temporal.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
