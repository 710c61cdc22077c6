import { randomBytes } from 'node:crypto';
import type { NewJournalEntry } from '../journal.js';
import type { ObjectStore } from '../object-store.js';
import type { Amount } from './amounts.js';

/** One event of a payment, as a webhook tells it. */
export interface EventToTell {
  readonly account: string;
  readonly eventCode: string;
  readonly isSuccess: boolean;
  readonly pspReference: string;
  readonly originalReference?: string;
  readonly merchantReference: string;
  readonly amount: Amount;
  readonly reason: string;
  readonly additionalData?: Readonly<Record<string, string>>;
}

export type AdyenJournalEntry = NewJournalEntry & { readonly provider: 'adyen' };

/**
 * One call's work: objects change at once, in one turn of the event loop; what is to be written down and told stands
 * here until the caller has done both.
 */
export class Work {
  readonly entries: AdyenJournalEntry[] = [];
  readonly events: EventToTell[] = [];

  constructor(
    readonly store: ObjectStore,
    /** The merchant account. */
    readonly account: string,
    readonly nowMs: number,
    readonly baseUrl: string,
  ) {}

  note(kind: AdyenJournalEntry['kind'], reference: string, fields: Record<string, unknown>): void {
    this.entries.push({ provider: 'adyen', kind, reference, ...fields });
  }

  tell(event: Omit<EventToTell, 'account'>): void {
    this.events.push({ account: this.account, ...event });
  }
}

const letters = 'BCDFGHJKLMNPQRSTVWXZ23456789';

/** Sixteen capital letters and digits, as Adyen's are since 2020. */
export function newPspReference(): string {
  return Array.from(randomBytes(16), (byte) => letters[byte % letters.length]).join('');
}
