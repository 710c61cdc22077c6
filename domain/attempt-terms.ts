import type { OfferFlow } from './outcome.js';

/** How an account's connector carries an attempt out, and how long each part of it lasts. */
export interface AttemptTerms {
  readonly provider: string;
  readonly accountId: string;
  readonly flow: OfferFlow | null;
  /** A secret: in no log, no payload, no answer. */
  readonly paymentToken: string | null;
  readonly offerLifetimeMs: number;
  readonly conclusiveMarginMs: number;
  readonly graceMs: number;
  readonly replayForMs: number | null;
}

/** An account that a payment may go on to, with the token that came for it. */
export type Fallback = AttemptTerms;
