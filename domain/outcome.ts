import type { WalletMovement } from './wallet.js';

/** What a provider call told us, as a value. Anything that is not proven is `unknown` (payment model, Outcomes). */
export type FailureReason =
  'declined' | 'invalid' | 'conflict' | 'expired' | 'config' | 'insufficient_funds' | 'not_refundable';

/** `approved`: the payer did their part, and no money moves before we take it (the connector's `advance`). */
export type PendingReason = 'user_action' | 'approved' | 'processing' | 'accepted' | 'retry_same_key';

/** What a refusal may be about other than the card, its holder, the amount or the merchant's wish. */
export const softRefusals = [
  'declined_without_reason',
  'issuer_unavailable',
  'processing_error',
  'unsupported_here',
] as const;
export type SoftRefusal = (typeof softRefusals)[number];

/** The provider's own words for what happened, kept for people and never interpreted again. */
export interface ProviderError {
  readonly code: string;
  readonly message: string;
}

/**
 * What a provider confirms about money it has taken. `amountMinor` is what the order was worth to the merchant
 * (Alipay total_amount, WeChat amount.total), not what the payer's coupons left to pay.
 */
export interface PaidEvidence {
  readonly reference: string;
  /** The provider's number of the account that was paid, for people: the connector has compared it with ours. */
  readonly merchant: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly refundedMinor: number;
  readonly providerReference: string;
  readonly paidAtMs: number | null;
  /** Of an authorization: until then it can be captured, as the provider says. */
  readonly captureBeforeMs?: number | null;
  readonly card?: CardFacts;
}

/** How a card is funded: virtual and prepaid cards are cards too, but a merchant may refuse them. */
export const cardFundings = ['credit', 'debit', 'prepaid', 'unknown'] as const;
export type CardFunding = (typeof cardFundings)[number];

/** What the provider says of the card that paid. Never its number. */
export interface CardFacts {
  readonly funding: CardFunding;
  readonly brand: string | null;
  readonly last4: string | null;
  /** Of the issuer: ISO 3166-1 alpha-2. */
  readonly country: string | null;
}

/** What a provider confirms of a capture, a void or a refund. */
export interface MovedEvidence {
  readonly reference: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly providerReference: string;
  readonly movedAtMs: number | null;
  /** Of a capture: what of it went back, by whosever order; absent where the provider's answer does not tell. */
  readonly refundedMinor?: number;
}

/** How the payer is led to pay: by scanning, or by going to the provider's page. */
export const offerFlows = ['qr_code', 'redirect'] as const;
export type OfferFlow = (typeof offerFlows)[number];

/** Something the payer can act on. `endsAtMs` is absolute: after it (and a margin) nobody can pay any more. */
export interface Offer {
  readonly type: OfferFlow | 'crypto_address';
  /** The text of the code, the page's URL, or the payment URI (BIP 21) of a digital currency. */
  readonly data: string;
  readonly endsAtMs: number;
  /** Of a redirect that has to be a form sent by POST (UnionPay). */
  readonly fields?: Readonly<Record<string, string>>;
  readonly crypto?: CryptoTerms;
}

/** The locked terms of a payment in digital currency. */
export interface CryptoTerms {
  readonly currency: string;
  readonly network: string;
  readonly address: string;
  /** Decimal, in whole units of `currency`. */
  readonly amount: string;
  /** Decimal: units of the payment's currency for one of `currency`. */
  readonly rate: string;
  /** The provider's own page for this payment. */
  readonly pageUrl: string | null;
}

export interface Succeeded {
  readonly kind: 'succeeded';
  readonly paid: PaidEvidence;
  /** The money lies in our own books: true exactly if the statement that records it books this as well. */
  readonly movement?: WalletMovement;
}
export interface Pending {
  readonly kind: 'pending';
  readonly why: PendingReason;
  readonly offer?: Offer;
  /** The provider's own id of its object, as soon as it is known: some can be asked by nothing else. */
  readonly providerReference?: string;
}
/** A whitelisted code, and nothing else, says that no money moved. */
export interface Failed {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  readonly error: ProviderError;
  /** The provider's object lives on and could still be paid: it has to be closed first (payment model, rule 2). */
  readonly stillPayable?: true;
  /** Another account may accept what this one refused; absent where that is not known to be so. */
  readonly soft?: SoftRefusal;
  readonly providerReference?: string;
}
export interface NotExecuted {
  readonly kind: 'not_executed';
  readonly error: ProviderError;
  readonly retryAfterMs?: number;
  /** The account's own settings are at fault: no repetition can go better before somebody mends them. */
  readonly reason?: 'config';
}
export interface Unknown {
  readonly kind: 'unknown';
  readonly recover: 'query' | 'replay';
  readonly error: ProviderError;
  readonly providerReference?: string;
}
/** Of a capture, a void or a refund. */
export interface Moved {
  readonly kind: 'succeeded';
  readonly moved: MovedEvidence;
  /** As of `Succeeded`. */
  readonly movement?: WalletMovement;
}
/** The provider's object can no longer be paid, and never was. */
export interface Closed {
  readonly kind: 'closed';
}
/** Not known to the provider; counts as "never happened" only from the operation's `conclusiveAfter`. */
export interface NotFound {
  readonly kind: 'not_found';
}

export type StartOutcome = Succeeded | Pending | Failed | NotExecuted | Unknown;
export type QueryOutcome = Succeeded | Pending | Failed | NotExecuted | Unknown | Closed | NotFound;
export type CloseOutcome = Closed | NotFound | Succeeded | Pending | NotExecuted | Unknown;

/** An end that a provider without a look-up tells by its signed notifications alone. */
export type Told = Moved | Failed | Closed;

export type FollowUpOutcome = Moved | Pending | Failed | NotExecuted | Unknown;
export type FollowUpLookup = FollowUpOutcome | NotFound;
/** A harmless call that tells whether a provider's account can be reached and used. */
export type ProbeOutcome = { readonly kind: 'alive' } | Failed | NotExecuted | Unknown;

/** It tells nothing of the money: to be asked again, or tried again. */
export function isUnclear(outcome: { readonly kind: string }): outcome is NotExecuted | Unknown {
  return outcome.kind === 'unknown' || outcome.kind === 'not_executed';
}
