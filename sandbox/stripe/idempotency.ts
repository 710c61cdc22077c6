import { createHash } from 'node:crypto';
import { Refusal } from './refusal.js';
import type { ObjectStore } from '../object-store.js';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface KeyedCall {
  readonly account: string;
  readonly key: string;
  readonly route: string;
  readonly content: string;
}

const LIFETIME_MS = 24 * 3_600_000;

interface Kept {
  readonly id: string;
  readonly fingerprint: string;
  readonly atMs: number;
  readonly answer: Answer;
}

/**
 * One answer per key for a day, whatever it was, from the moment in which a call began to run
 * (https://docs.stripe.com/api/idempotent_requests, read 2026-11).
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
    if (this.#running.has(id)) {
      const message = `There is currently another in-progress request using this Idempotent Key (${call.key}).`;
      const details = { code: 'idempotency_key_in_use' };
      throw new Refusal(409, 'invalid_request_error', message, details);
    }
    const kept = this.store.get('idempotency_key', id) as Kept | undefined;
    if (!kept || kept.atMs + LIFETIME_MS <= this.now()) {
      this.#running.add(id);
      return undefined;
    }
    if (kept.fingerprint === fingerprintOf(call)) return kept.answer;
    const message =
      `Keys for idempotent requests can only be used with the same parameters they were first used with. ` +
      `Try using a key other than '${call.key}'.`;
    throw new Refusal(400, 'idempotency_error', message);
  }

  forget(call: KeyedCall): void {
    const id = idOf(call);
    const kept = this.store.get('idempotency_key', id);
    if (kept) this.store.put('idempotency_key', { ...kept, atMs: 0 });
  }

  /** Without an answer nothing is kept: the call never began to run. */
  end(call: KeyedCall, answer?: Answer): void {
    const id = idOf(call);
    this.#running.delete(id);
    if (!answer) return;
    const kept: Kept = { id, fingerprint: fingerprintOf(call), atMs: this.now(), answer };
    this.store.put('idempotency_key', { ...kept });
  }
}

function idOf({ account, key }: KeyedCall): string {
  return `${account}/${key}`;
}

function fingerprintOf({ route, content }: KeyedCall): string {
  return createHash('sha256').update(`${route}\n${content}`).digest('hex');
}
