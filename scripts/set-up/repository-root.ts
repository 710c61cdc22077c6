import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The clone's root, from the sources as well as from `dist`: both lie below the one package.json of ours. */
export function repositoryRoot(from: string = import.meta.dirname): string {
  for (let directory = from; ; directory = dirname(directory)) {
    const manifest = join(directory, 'package.json');
    if (existsSync(manifest) && /"name":\s*"quittance"/.test(readFileSync(manifest, 'utf8')))
      return directory;
    if (dirname(directory) === directory) throw new Error(`No Quittance package.json above ${from}`);
  }
}
