/**
 * What really happened to the payer's money: `hold` and `release` of an authorization, `charge` where it was taken
 * (by a sale or a capture), `refund` where it went back.
 */
export interface StripeJournalEntry {
  readonly provider: 'stripe';
  readonly kind: 'offer' | 'hold' | 'release' | 'charge' | 'refund' | 'close' | 'notification';
  /** The merchant's own, from the object's metadata. */
  readonly reference: string | null;
  readonly [field: string]: unknown;
}

/** Resolves once the entry is safe: nobody is answered before. */
export type WriteJournal = (entry: StripeJournalEntry) => void | Promise<void>;
