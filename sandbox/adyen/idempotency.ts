import type { ObjectStore } from '../object-store.js';
import { Refusal } from './refusal.js';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface KeyedCall {
  readonly account: string;
  readonly key: string;
}

const LIFETIME_MS = 7 * 24 * 3_600_000;

interface Kept {
  readonly id: string;
  readonly atMs: number;
  readonly answer: Answer;
}

/**
 * The first answer under a key, for a week at least (https://docs.adyen.com/development-resources/api-idempotency, read
 * 2026-11). What was transient is not kept; bodies are not compared.
 */
export class IdempotencyKeys {
  readonly #running = new Set<string>();

  constructor(
    private readonly store: ObjectStore,
    private readonly now: () => number,
  ) {}

  /** The answer first given under this key, or undefined; then `end` must be called. */
  begin(call: KeyedCall): Answer | undefined {
    const id = idOf(call);
    if (this.#running.has(id)) throw inProgress();
    const kept = this.store.get('idempotency_key', id) as Kept | undefined;
    const isAlive = kept && kept.atMs + LIFETIME_MS > this.now();
    if (isAlive) return kept.answer;
    this.#running.add(id);
    return undefined;
  }

  /** Without an answer nothing is kept: the call may be made again. */
  end(call: KeyedCall, answer?: Answer): void {
    const id = idOf(call);
    this.#running.delete(id);
    const kept: Kept | undefined = answer && { id, atMs: this.now(), answer };
    if (kept) this.store.put('idempotency_key', { ...kept });
  }

  /** As if it had been used longer ago than it lives. */
  forget(call: KeyedCall): void {
    const kept = this.store.get('idempotency_key', idOf(call));
    if (kept) this.store.put('idempotency_key', { ...kept, atMs: 0 });
  }
}

export function inProgress(): Refusal {
  return new Refusal(422, '704', 'request already processed or in progress');
}

function idOf({ account, key }: KeyedCall): string {
  return `${account}/${key}`;
}
