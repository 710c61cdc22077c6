import type { ObjectStore } from '../object-store.js';
import { Refusal } from './refusal.js';

/** What was done under a key: which object came of it, or how it was refused. */
export interface Done {
  readonly status: number;
  /** The object's id; its state is told as it is at the repetition. */
  readonly object?: string;
  readonly refusal?: Readonly<Record<string, unknown>>;
}

/**
 * A `PayPal-Request-Id` is known for 6 hours for orders, and for 45 days for what moves money; a repetition is told the
 * latest state of what came of the first call (https://developer.paypal.com/api/rest/reference/idempotency/, 2026-11).
 * Whether the terms are the same is not looked at.
 */
const lifetimesMs = { create: 6 * 3_600_000, other: 45 * 86_400_000 };

export class RequestIds {
  readonly #running = new Set<string>();

  constructor(
    private readonly store: ObjectStore,
    private readonly now: () => number,
  ) {}

  /** What was done under this key, or undefined; then `end` must be called. */
  begin(id: string): Done | undefined {
    if (this.#running.has(id)) {
      throw new Refusal(
        409,
        'PREVIOUS_REQUEST_IN_PROGRESS',
        'A previous request with this key is in progress.',
      );
    }
    const kept = this.store.get('request_id', id) as (Done & { atMs: number; id: string }) | undefined;
    const lifetimeMs = id.endsWith(' create') ? lifetimesMs.create : lifetimesMs.other;
    if (kept && this.now() < kept.atMs + lifetimeMs) return kept;
    this.#running.add(id);
    return undefined;
  }

  end(id: string, done: Done | undefined): void {
    this.#running.delete(id);
    if (done) this.store.put('request_id', { id, atMs: this.now(), ...done });
  }

  forget(id: string): void {
    const kept = this.store.get('request_id', id);
    if (kept) this.store.put('request_id', { ...kept, atMs: 0 });
  }
}
