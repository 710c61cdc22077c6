import type { FailureReason, SoftRefusal } from '../../domain/outcome.js';

/**
 * What Stripe's codes mean (https://docs.stripe.com/error-codes and https://docs.stripe.com/declines/codes, read
 * 2026-11, beside the union types of stripe-node 23.1.0). A code that is not in its table is unknown. Only these
 * tables, and a PaymentIntent that Stripe itself says is canceled, make `failed`.
 */
type CodeTable = ReadonlyMap<string, FailureReason>;

function table(entries: Readonly<Partial<Record<FailureReason, string>>>): CodeTable {
  const pairs = Object.entries(entries) as [FailureReason, string][];
  return new Map(pairs.flatMap(([reason, codes]) => codes.split(' ').map((code) => [code, reason])));
}

/** Of a card: `decline_code` where there is one, else the error's `code`. The PaymentIntent lives on. */
export const declineCodes: CodeTable = table({
  declined:
    'approve_with_id authentication_not_handled authentication_required call_issuer card_declined ' +
    'card_decline_rate_limit_exceeded card_not_supported card_velocity_exceeded currency_not_supported do_not_honor ' +
    'do_not_try_again duplicate_transaction expired_card fraudulent generic_decline highest_risk_level ' +
    'incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip invalid_account invalid_amount ' +
    'invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card ' +
    'merchant_blacklist mobile_device_authentication_required new_account_information_available no_action_taken ' +
    'not_permitted offline_pin_required online_or_offline_pin_required payment_intent_authentication_failure ' +
    'payment_intent_payment_attempt_expired payment_intent_payment_attempt_failed payment_method_customer_decline ' +
    'payment_method_provider_decline pickup_card pin_try_exceeded processing_error reenter_transaction ' +
    'restricted_card revocation_of_all_authorizations revocation_of_authorization security_violation ' +
    'service_not_allowed stolen_card stop_payment_order testmode_decline transaction_not_allowed try_again_later',
  insufficient_funds: 'insufficient_funds withdrawal_count_limit_exceeded',
});

/** Of those, what another acquirer may not share: the rest is about the card or its holder. */
export const softDeclines: ReadonlyMap<string, SoftRefusal> = new Map(
  (
    [
      ['declined_without_reason', 'card_declined do_not_honor generic_decline no_action_taken'],
      ['issuer_unavailable', 'issuer_not_available reenter_transaction try_again_later'],
      ['processing_error', 'processing_error'],
      ['unsupported_here', 'card_not_supported currency_not_supported'],
    ] as const
  ).flatMap(([kind, codes]) => codes.split(' ').map((code): [string, SoftRefusal] => [code, kind])),
);

const invalidParameters =
  'parameter_invalid_empty parameter_invalid_integer parameter_invalid_string_blank parameter_invalid_string_empty ' +
  'parameter_missing parameter_unknown parameters_exclusive';

/**
 * Of POST /v1/payment_intents, where the answer names no PaymentIntent: this call made nothing. Parameters are checked
 * before the idempotency layer, the rest is answered from it
 * (https://docs.stripe.com/error-low-level#idempotency, read 2026-11).
 */
export const createCodes: CodeTable = table({
  invalid:
    `${invalidParameters} amount_too_large amount_too_small country_code_invalid invalid_charge_amount ` +
    'payment_method_currency_mismatch payment_method_unsupported_type resource_missing token_already_used url_invalid',
  config: 'livemode_mismatch testmode_charges_only',
});

/** Of a capture whose PaymentIntent is seen to be uncaptured afterwards. */
export const captureCodes: CodeTable = table({
  invalid: `${invalidParameters} amount_too_large amount_too_small`,
  expired: 'capture_charge_authorization_expired charge_expired_for_capture',
});

/** Of a refund that the PaymentIntent is seen not to have afterwards. */
export const refundCodes: CodeTable = table({
  invalid: `${invalidParameters} amount_too_large amount_too_small`,
  not_refundable: 'charge_already_refunded charge_disputed charge_not_refundable refund_disputed_payment',
  insufficient_funds: 'balance_insufficient',
});

/** 429 that is documented to come before anything is performed. */
export const limitCodes: ReadonlySet<string> = new Set(['lock_timeout', 'rate_limit']);
