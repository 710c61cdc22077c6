import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { StartRefused } from './state-folder.js';

/** `hold` and `release` are an authorization's; a `charge` took money, by a sale or by a capture. */
export type JournalKind =
  'offer' | 'scan' | 'hold' | 'release' | 'charge' | 'refund' | 'close' | 'notification' | 'webhook';

/** One line of the journal. Amounts are integers in minor units, times RFC 3339 in UTC. */
export interface JournalEntry {
  readonly seq: number;
  readonly at: string;
  readonly provider: string;
  readonly kind: JournalKind;
  readonly reference: string | null;
  readonly [field: string]: unknown;
}

export interface NewJournalEntry {
  readonly provider: string;
  readonly kind: JournalKind;
  readonly reference: string | null;
  readonly [field: string]: unknown;
}

export interface ReferenceSummary {
  reference: string;
  currency: string | null;
  offers: number;
  charges: number;
  charged_minor: number;
  refunds: number;
  refunded_minor: number;
  closes: number;
  notifications: number;
}

interface Waiter {
  resolve: () => void;
  reject: (reason: Error) => void;
}

/**
 * The append-only record of what really happened to the payer's money. Nobody is answered before the lines that
 * explain the answer are on the disk; concurrent appends share one fsync, so safety does not cost throughput.
 */
export class Journal {
  readonly #handle: FileHandle;
  readonly #isFsyncOn: boolean;
  /** Start of each line in the file (index = seq - 1) plus, last, the end of the file. Lines stay on the disk. */
  readonly #offsets = [0];
  readonly #seqsByKey = new Map<string, number[]>();
  readonly #summaries = new Map<string, ReferenceSummary>();
  #pending: string[] = [];
  #waiters: Waiter[] = [];
  #isDraining = false;
  #lastNeedingSync = 0;
  #lastSynced = 0;
  #failure: Error | undefined;

  private constructor(
    readonly file: string,
    handle: FileHandle,
    isFsyncOn: boolean,
  ) {
    this.#handle = handle;
    this.#isFsyncOn = isFsyncOn;
  }

  static async open(file: string, isFsyncOn: boolean): Promise<Journal> {
    return new Journal(file, await open(file, 'a+', 0o600), isFsyncOn);
  }

  /** Before anything is appended: hands every whole line to `replay`. A line torn by a crash is cut off. */
  async load(replay: (entry: JournalEntry) => void): Promise<void> {
    let damagedSeq: number | undefined;
    for await (const text of createInterface({ input: createReadStream(this.file), crlfDelay: Infinity })) {
      if (damagedSeq !== undefined) {
        throw new StartRefused(
          `Line ${damagedSeq} of the journal ${this.file} is damaged: move the file away.`,
        );
      }
      const entry = parseEntry(text);
      if (entry?.seq !== this.lastSeq + 1) {
        damagedSeq = this.lastSeq + 1;
        continue;
      }
      this.#offsets.push(this.#end + Buffer.byteLength(text) + 1);
      this.#index(entry);
      replay(entry);
    }
    await this.#mendLastLine(damagedSeq !== undefined);
    this.#lastSynced = this.lastSeq;
  }

  get lastSeq(): number {
    return this.#offsets.length - 1;
  }

  /** Takes the effect down. It is durable only once `durable()` has resolved; `lazy` lines do not wait for that. */
  append(entry: NewJournalEntry, options: { lazy?: boolean } = {}): JournalEntry {
    const { provider, kind, reference, ...rest } = entry;
    const seq = this.lastSeq + 1;
    const line: JournalEntry = { seq, at: new Date().toISOString(), provider, kind, reference, ...rest };
    // Some line readers break at U+2028 and U+2029, which JSON leaves as they are.
    const text = `${JSON.stringify(line)
      .replace(/\u2028/g, '\\u2028')
      .replace(/\u2029/g, '\\u2029')}\n`;
    this.#offsets.push(this.#end + Buffer.byteLength(text));
    this.#index(line);
    this.#pending.push(text);
    if (!options.lazy) this.#lastNeedingSync = seq;
    void this.#drain();
    return line;
  }

  /** Resolves when everything appended so far, lazy lines aside, would survive a power cut. */
  async durable(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#lastSynced >= this.#lastNeedingSync) return;
    await this.#barrier();
  }

  summary(reference: string): ReferenceSummary | undefined {
    return this.#summaries.get(reference);
  }

  summaries(): ReferenceSummary[] {
    return [...this.#summaries.values()];
  }

  async read(sinceSeq: number): Promise<JournalEntry[]> {
    const from = this.#offsets[Math.min(Math.max(sinceSeq, 0), this.lastSeq)] ?? 0;
    const until = this.#end;
    await this.#barrier();
    return parseLines(await this.#readBytes(from, until));
  }

  /** The entries of one reference (an out_trade_no), or of one merchant endpoint with `endpointKey`. */
  async readKey(key: string, sinceSeq = 0): Promise<JournalEntry[]> {
    const seqs = (this.#seqsByKey.get(key) ?? []).filter((seq) => seq > sinceSeq);
    await this.#barrier();
    const texts = await Promise.all(
      seqs.map((seq) => this.#readBytes(this.#offsets[seq - 1] ?? 0, this.#offsets[seq] ?? 0)),
    );
    return texts.flatMap(parseLines);
  }

  async close(): Promise<void> {
    await this.#barrier();
    await this.#handle.close();
  }

  get #end(): number {
    return this.#offsets[this.lastSeq] ?? 0;
  }

  #barrier(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#isDraining) return;
    this.#isDraining = true;
    // Whoever comes while a batch is being written and synced joins the next batch: this is the group commit.
    while (this.#pending.length > 0 || this.#waiters.length > 0) {
      const lines = this.#pending;
      const waiters = this.#waiters;
      this.#pending = [];
      this.#waiters = [];
      const upTo = this.lastSeq;
      const mustSync = this.#isFsyncOn && this.#lastSynced < this.#lastNeedingSync;
      try {
        if (lines.length > 0) await this.#handle.appendFile(lines.join(''));
        if (mustSync) await this.#handle.datasync();
        if (mustSync || !this.#isFsyncOn) this.#lastSynced = upTo;
        for (const waiter of waiters) waiter.resolve();
      } catch (cause) {
        // An answer without its line would be a lie, so from here on everything fails until a person looks.
        this.#failure = new Error(`The journal ${this.file} cannot be written; restart the sandbox.`, {
          cause,
        });
        for (const waiter of waiters) waiter.reject(this.#failure);
      }
    }
    this.#isDraining = false;
  }

  #index(entry: JournalEntry): void {
    const endpoint = entry['endpoint'];
    const key = entry.reference ?? (typeof endpoint === 'string' ? endpointKey(endpoint) : undefined);
    if (key === undefined) return;
    const seqs = this.#seqsByKey.get(key);
    if (seqs) seqs.push(entry.seq);
    else this.#seqsByKey.set(key, [entry.seq]);
    if (entry.reference !== null) addToSummary(entry, entry.reference, this.#summaries);
  }

  /** A crash can lose half of the last line, or only its line feed: the first is cut off, the second is put back. */
  async #mendLastLine(isDamaged: boolean): Promise<void> {
    const { size } = await this.#handle.stat();
    if (isDamaged) await this.#handle.truncate(this.#end);
    else if (size === this.#end - 1) await this.#handle.appendFile('\n');
    if (size !== this.#end) await this.#handle.datasync();
  }

  async #readBytes(from: number, until: number): Promise<string> {
    if (until <= from) return '';
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(until - from), 0, until - from, from);
    return buffer.toString('utf8', 0, bytesRead);
  }
}

export function endpointKey(name: string): string {
  return `endpoint:${name}`;
}

function parseEntry(text: string): JournalEntry | undefined {
  try {
    return JSON.parse(text) as JournalEntry;
  } catch {
    return undefined;
  }
}

function parseLines(text: string): JournalEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JournalEntry);
}

function addToSummary(
  entry: JournalEntry,
  reference: string,
  summaries: Map<string, ReferenceSummary>,
): void {
  const summary = summaries.get(reference) ?? emptySummary(reference);
  summaries.set(reference, summary);
  const amountMinor = typeof entry['amount_minor'] === 'number' ? entry['amount_minor'] : 0;
  if (typeof entry['currency'] === 'string') summary.currency = entry['currency'];
  if (entry.kind === 'offer') summary.offers += 1;
  if (entry.kind === 'close') summary.closes += 1;
  if (entry.kind === 'notification') summary.notifications += 1;
  if (entry.kind === 'charge') {
    summary.charges += 1;
    summary.charged_minor += amountMinor;
  }
  if (entry.kind === 'refund') {
    summary.refunds += 1;
    summary.refunded_minor += amountMinor;
  }
}

function emptySummary(reference: string): ReferenceSummary {
  return {
    reference,
    currency: null,
    offers: 0,
    charges: 0,
    charged_minor: 0,
    refunds: 0,
    refunded_minor: 0,
    closes: 0,
    notifications: 0,
  };
}
