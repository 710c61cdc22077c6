/** What a provider call told us, as a value. Anything that is not proven is `unknown` (payment model, Outcomes). */
export type FailureReason =
  'declined' | 'invalid' | 'conflict' | 'expired' | 'config' | 'insufficient_funds' | 'not_refundable';

export type PendingReason = 'user_action' | 'processing' | 'accepted' | 'retry_same_key';

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
  readonly merchant: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly refundedMinor: number;
  readonly providerReference: string;
  readonly paidAtMs: number | null;
}

/** Something the payer can act on. `endsAtMs` is absolute: after it (and a margin) nobody can pay any more. */
export interface Offer {
  readonly type: 'qr_code' | 'redirect';
  readonly data: string;
  readonly endsAtMs: number;
}

export interface Succeeded {
  readonly kind: 'succeeded';
  readonly paid: PaidEvidence;
}
export interface Pending {
  readonly kind: 'pending';
  readonly why: PendingReason;
  readonly offer?: Offer;
}
export interface Failed {
  readonly kind: 'failed';
  readonly reason: FailureReason;
  readonly error: ProviderError;
}
export interface NotExecuted {
  readonly kind: 'not_executed';
  readonly error: ProviderError;
  readonly retryAfterMs?: number;
}
export interface Unknown {
  readonly kind: 'unknown';
  readonly recover: 'query' | 'replay';
  readonly error: ProviderError;
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
