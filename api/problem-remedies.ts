import type { HttpProblemCode } from '../domain/problem-codes.js';

/** What the caller can do about each problem: served at the problem's `type`. */
export const problemRemedies: Readonly<Record<HttpProblemCode, string>> = {
  missing_field: 'Add the field that `errors[].pointer` names.',
  malformed_json:
    'Send one JSON object in UTF-8: no name twice, no more than 32 levels, no NUL and no half surrogate pair in a string.',
  invalid_field: 'Correct the field that `errors[].pointer` names; `errors[].detail` says what is allowed.',
  unknown_field: 'Remove the field that `errors[].pointer` names, or correct its spelling.',
  idempotency_key_missing:
    'Send an Idempotency-Key header with a value that is unique to this request, and the same one when you repeat it.',
  idempotency_key_reused:
    'Take a new Idempotency-Key for a new request; repeat a request with the very same body.',
  order_reference_used:
    'Look the payment up with GET /v1/payments?order_reference=…, or use another reference.',
  amount_mismatch: "Make `amount` equal the price of the order's lines.",
  already_purchased:
    'The member `payment` is the id of the payment in which the payer has bought the product.',
  attempt_open: 'Confirm again after `retry_at`: until then the last offer can be paid.',
  payment_ended: 'Make a new payment.',
  already_exists: 'Use another id, or change the object that has it.',
  object_limit_reached: 'Delete one that you no longer need.',
  body_too_large: 'Send at most 64 KB; only a provider’s notification may have 256 KB.',
  unsupported_media_type: 'Send `Content-Type: application/json`, in UTF-8, without a Content-Encoding.',
  unauthenticated: 'Send `Authorization: Bearer` and an API key that is neither expired nor revoked.',
  forbidden: 'Use an API key of the merchant itself, or leave `merchant` out.',
  not_found: 'Check the id, and that the API key is of the same merchant and mode.',
  method_not_allowed: 'The Allow header lists the methods of this path.',
  rate_limited:
    'Wait as long as the Retry-After header says, then send it again with the same Idempotency-Key.',
  amount_limit_exceeded: 'Split the order, or have the limit raised.',
  daily_limit_exceeded: "Try again tomorrow in the merchant's time zone, or have the limit raised.",
  payer_blocked: 'Unblock the payer, if that is right.',
  payer_invalid: "Check the payer's id.",
  insufficient_balance: 'Ask the payer to top up, or to pay another way.',
  insufficient_credit: 'Ask the payer to pay another way.',
  request_expired: 'Make a new payment.',
  method_unavailable:
    'Offer the payer another way to pay, or connect a provider account that serves this one.',
  capture_unsupported: 'Leave `capture` out, or offer the payer a way to pay that can be captured later.',
  payment_not_capturable: 'Read the payment: only one whose `status` is `requires_capture` can be captured.',
  capture_amount_exceeded: 'Capture at most what was authorized; what is left of it is let go.',
  payment_not_refundable:
    'Read the payment and its refunds: something has to be received and not yet given back, by a provider that takes refunds and still does.',
  refund_amount_exceeded:
    'Refund at most `refundable`, which counts the refunds under way; leave `amount` out to refund all of it.',
  currency_unsupported: 'Use a currency that one of your provider accounts takes.',
  country_unsupported:
    'Offer the payer another way to pay; the member `account` is the account that would have taken the rest of it.',
  amount_too_small: 'Offer a way to pay that takes small amounts; GET /v1/methods lists them.',
  routing_refused:
    'The members `routing_version` and `routing_rule` name the rule; POST /v1/routing/dry_run explains it.',
  internal_error: 'Try again with the same Idempotency-Key; if it stays, report the `request_id`.',
  service_unavailable: 'Try again with the same Idempotency-Key after as many seconds as Retry-After says.',
};
