import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export type StoredObject = Readonly<Record<string, unknown>> & { readonly id: string };

/**
 * Every object in its latest form, in memory and, where there is a folder, in a log that is on the disk before
 * anything is answered: a sandbox that is killed knows afterwards what it has said.
 */
export class ObjectStore {
  readonly #tables = new Map<string, Map<string, StoredObject>>();
  readonly #file: number | undefined;

  constructor(folder: string | undefined) {
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'objects.jsonl');
    if (existsSync(path)) this.#load(path);
    this.#file = openSync(path, 'a', 0o600);
  }

  get(table: string, id: string): StoredObject | undefined {
    return this.#tables.get(table)?.get(id);
  }

  /** Newest first, as Stripe lists. */
  all(table: string): StoredObject[] {
    return [...(this.#tables.get(table)?.values() ?? [])].reverse();
  }

  put(table: string, object: StoredObject): void {
    this.#keep(table, object);
    if (this.#file === undefined) return;
    writeSync(this.#file, `${JSON.stringify([table, object])}\n`);
    fsyncSync(this.#file);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  #keep(table: string, object: StoredObject): void {
    const objects = this.#tables.get(table) ?? new Map<string, StoredObject>();
    objects.set(object.id, object);
    this.#tables.set(table, objects);
  }

  /** A last line without its end was never acknowledged. */
  #load(path: string): void {
    const content = readFileSync(path);
    const end = content.lastIndexOf(0x0a) + 1;
    if (end < content.length) truncateSync(path, end);
    for (const line of content.subarray(0, end).toString('utf8').split('\n')) {
      if (line === '') continue;
      const [table, object] = JSON.parse(line) as [string, StoredObject];
      this.#keep(table, object);
    }
  }
}
