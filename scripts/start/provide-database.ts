import { join } from 'node:path';
import { APP_ROLE, prepareDatabase } from '../postgres/prepare-database.js';
import { startPostgres } from '../postgres/postgres.js';
import { ownFolder } from '../postgres/postgres-binaries.js';
import { SetupError, withProgress } from '../set-up/progress.js';
import { randomPassword, rememberPort, withoutPassword } from './instance-settings.js';
import {
  readRemembered,
  readSecrets,
  sharedFolderFor,
  writeRemembered,
  writeSecrets,
  type StateFolder,
} from '../set-up/state-folder.js';
import type { Supervisor } from '../processes/supervisor.js';

export interface Database {
  appUrl: string;
  /** Undefined when the caller gave DATABASE_URL alone: then the schema is theirs to keep. */
  ownerUrl: string | undefined;
  appRole: string;
  /** Tells this database from others: our own cluster may change its port, never its content. */
  name: string;
}

/** The caller's PostgreSQL, or our own in the state folder with its two roles. */
export async function provideDatabase(state: StateFolder, supervisor: Supervisor): Promise<Database> {
  const given = givenDatabase();
  if (given !== undefined) return given;
  const directory = postgresDirectory(state);
  const logFile = join(state.logs, 'postgres.log');
  return withProgress('starting PostgreSQL', async () => {
    let port = readRemembered(state).ports.postgres;
    const running = await supervisor.start('PostgreSQL', 0, async () => {
      const postgres = await startPostgres({ directory, logFile, ...(port === undefined ? {} : { port }) });
      // Its clients keep the first address: a restart must come back at the same port or not at all.
      if (supervisor.hasServed('PostgreSQL') && postgres.port !== port) {
        await postgres.stop();
        throw new SetupError(`PostgreSQL's port ${port} was taken by another program meanwhile.`);
      }
      return postgres;
    });
    port = running.port;
    rememberPort(state, 'postgres', port);
    const secrets = readSecrets(state);
    const ownerPassword = secrets.ownerPassword ?? randomPassword();
    const appPassword = secrets.appPassword ?? randomPassword();
    writeSecrets(state, { ...secrets, ownerPassword, appPassword });
    const urls = await prepareDatabase({ superuserUrl: running.superuserUrl, ownerPassword, appPassword });
    return { ...urls, appRole: APP_ROLE, name: 'own cluster' };
  });
}

export async function migrateDatabase(database: Database, print: (line: string) => void): Promise<void> {
  const { ownerUrl, appRole } = database;
  if (ownerUrl === undefined) {
    print('  ! MIGRATION_DATABASE_URL is not set: the schema behind DATABASE_URL is taken as it is.');
    return;
  }
  await withProgress('migrating the database', async (step) => {
    const { runMigrations } = await import('../../db/migrate.js');
    const applied = await runMigrations({ ownerUrl, appRole });
    step.update(`${applied.length} applied`);
  });
}

function givenDatabase(): Database | undefined {
  const appUrl = process.env['DATABASE_URL'];
  const ownerUrl = process.env['MIGRATION_DATABASE_URL'];
  if (appUrl === undefined || appUrl === '') {
    if (ownerUrl !== undefined && ownerUrl !== '')
      throw new SetupError('MIGRATION_DATABASE_URL is set and DATABASE_URL is not: set both, or neither.');
    return undefined;
  }
  return {
    appUrl,
    ownerUrl: ownerUrl === '' ? undefined : ownerUrl,
    appRole: roleOf(appUrl),
    name: withoutPassword(appUrl),
  };
}

export function roleOf(url: string): string {
  try {
    return decodeURIComponent(new URL(url).username);
  } catch {
    throw new SetupError('DATABASE_URL is not a URL such as postgres://role:password@host:5432/database.');
  }
}

/** Remembered, because another TMPDIR at the next start must not look like an empty database. */
function postgresDirectory(state: StateFolder): string {
  const remembered = readRemembered(state);
  const isRoot = process.getuid?.() === 0;
  const fresh = isRoot ? join(sharedFolderFor(state.root), 'postgres') : join(state.directory, 'postgres');
  const directory = remembered.postgresDirectory ?? fresh;
  if (isRoot) ownFolder(join(directory, '..'));
  writeRemembered(state, { ...remembered, postgresDirectory: directory });
  return directory;
}
