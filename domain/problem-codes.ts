/**
 * The catalogue of problems: the code of an HTTP problem document (RFC 9457) or of a payment's `last_error`.
 * A code is on the wire for ever. `docs/problems/<code>.md` has the cause and the remedy of each.
 */
export const httpProblems = {
  missing_field: { status: 400, title: 'A required field is missing' },
  malformed_json: { status: 400, title: 'The body is not the JSON that is expected' },
  invalid_field: { status: 400, title: 'A field has a value that is not allowed' },
  unknown_field: { status: 400, title: 'A field is not known' },
  idempotency_key_missing: { status: 400, title: 'The Idempotency-Key header is missing' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used with another request' },
  order_reference_used: { status: 409, title: 'The order reference was used before' },
  amount_mismatch: { status: 422, title: 'The amount is not the price of the order' },
  already_purchased: { status: 409, title: 'The payer has, or is buying, this product already' },
  attempt_open: { status: 409, title: 'An earlier attempt can still be paid' },
  payment_ended: { status: 409, title: 'The payment has ended' },
  already_exists: { status: 409, title: 'An object with this id exists already' },
  object_limit_reached: { status: 422, title: 'No more objects of this kind may be made' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not application/json' },
  unauthenticated: { status: 401, title: 'No valid API key was given' },
  forbidden: { status: 403, title: 'This API key may not do that' },
  not_found: { status: 404, title: 'There is no such object' },
  method_not_allowed: { status: 405, title: 'This path does not take this method' },
  rate_limited: { status: 429, title: 'Too many requests' },
  amount_limit_exceeded: { status: 422, title: "The amount is above the merchant's limit for one payment" },
  daily_limit_exceeded: { status: 422, title: "The amount would exceed the merchant's limit for the day" },
  payer_blocked: { status: 422, title: 'The payer is blocked' },
  payer_invalid: { status: 422, title: 'The payer is not valid' },
  insufficient_balance: { status: 422, title: "The payer's balance does not suffice" },
  insufficient_credit: { status: 422, title: "The payer's credit does not suffice" },
  request_expired: { status: 422, title: 'The request has expired' },
  method_unavailable: { status: 422, title: 'The payment method is not available' },
  capture_unsupported: { status: 422, title: 'This way to pay cannot be captured later' },
  payment_not_capturable: { status: 409, title: 'The payment has nothing to capture' },
  capture_amount_exceeded: { status: 422, title: 'The amount is more than was authorized' },
  payment_not_refundable: { status: 409, title: 'The payment cannot be refunded' },
  refund_amount_exceeded: { status: 422, title: 'The amount is more than can be refunded' },
  currency_unsupported: { status: 422, title: 'The currency is not supported' },
  country_unsupported: { status: 422, title: "The payer's country is not served" },
  amount_too_small: { status: 422, title: 'The amount is below what any account takes' },
  routing_refused: { status: 422, title: "A rule of the merchant's routing refuses the payment" },
  internal_error: { status: 500, title: 'An error of ours; nothing of this request was kept' },
  service_unavailable: { status: 503, title: 'A part of the service cannot be reached; try again' },
} as const;

export type HttpProblemCode = keyof typeof httpProblems;

/** Codes that a payment's `last_error` may have, with what the merchant can do about each. */
export const executionErrors = {
  declined: { retryable: true, advice: 'Ask the payer to try again or to choose another way to pay.' },
  insufficient_funds: { retryable: true, advice: 'Ask the payer to choose another way to pay.' },
  authentication_failed: { retryable: true, advice: 'Ask the payer to try again.' },
  expired: { retryable: true, advice: 'Confirm the payment again to give the payer a new offer.' },
  provider_unavailable: {
    retryable: true,
    advice: 'Confirm the payment again, or offer another way to pay.',
  },
  provider_misconfigured: { retryable: false, advice: "Check the provider account's settings." },
  network_error: { retryable: true, advice: 'Confirm the payment again.' },
  outcome_unknown: { retryable: false, advice: 'Wait: the provider is being asked. Do not charge again.' },
  capture_refused: {
    retryable: true,
    advice: 'Nothing was taken. Capture again before `capture_before`, or cancel the payment.',
  },
  void_refused: {
    retryable: false,
    advice: 'A person looks at it; the provider is asked again each day to let the money go.',
  },
  refund_refused: {
    retryable: true,
    advice: 'Nothing was given back. Correct what is told, and refund again.',
  },
  amount_differs: { retryable: false, advice: 'A person looks at it; the money lies in suspense.' },
  under_review: { retryable: false, advice: 'A person looks at it.' },
} as const;

export type ExecutionErrorCode = keyof typeof executionErrors;

/** A payment's `last_error`, as stored and as answered. */
export interface PaymentError {
  readonly code: ExecutionErrorCode;
  readonly message: string;
  readonly provider: string;
  readonly provider_code: string | null;
  readonly retryable: boolean;
  readonly advice: string;
}

export function paymentError(
  code: ExecutionErrorCode,
  provider: string,
  message: string,
  providerCode: string | null,
): PaymentError {
  return { code, message, provider, provider_code: providerCode, ...executionErrors[code] };
}

/** It is not the payer whom the provider refuses, but what it was asked for: no repetition goes better. */
export function refusedAsAsked(error: PaymentError): PaymentError {
  return {
    ...error,
    retryable: false,
    advice:
      'The provider refuses the request, not the payer. Correct what is told, or offer another way to pay.',
  };
}
