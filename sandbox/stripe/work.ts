import { randomBytes } from 'node:crypto';
import type { StripeJournalEntry } from './journal-port.js';
import type { ObjectStore } from '../object-store.js';

export interface EventToTell {
  readonly account: string;
  readonly type: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/**
 * One call's work: objects change at once, in one turn of the event loop; what is to be written down and told stands
 * here until the caller has done both.
 */
export class Work {
  readonly entries: StripeJournalEntry[] = [];
  readonly events: EventToTell[] = [];

  constructor(
    readonly store: ObjectStore,
    readonly account: string,
    readonly nowMs: number,
    readonly baseUrl: string,
    readonly searchLagMs: number,
  ) {}

  get nowSeconds(): number {
    return Math.floor(this.nowMs / 1000);
  }

  note(kind: StripeJournalEntry['kind'], reference: string | null, fields: Record<string, unknown>): void {
    this.entries.push({ provider: 'stripe', kind, reference, ...fields });
  }

  tell(type: string, object: Readonly<Record<string, unknown>>): void {
    this.events.push({ account: this.account, type, object: structuredClone(object) });
  }
}

/** As long as Stripe's: `pi_3` and twenty-odd letters and digits. */
export function newId(prefix: string): string {
  return `${prefix}_3${randomBytes(12).toString('hex')}`;
}
