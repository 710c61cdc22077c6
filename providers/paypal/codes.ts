import type { FailureReason } from '../../domain/outcome.js';

/**
 * What PayPal's issues mean (https://developer.paypal.com/api/rest/reference/orders/v2/errors/ and the payments v2
 * page beside it, read 2026-11). One that is not in its table is unknown.
 */
type CodeTable = ReadonlyMap<string, FailureReason>;

function table(entries: Readonly<Partial<Record<FailureReason, string>>>): CodeTable {
  const pairs = Object.entries(entries) as [FailureReason, string][];
  return new Map(pairs.flatMap(([reason, codes]) => codes.split(' ').map((code) => [code, reason])));
}

const payee =
  'PAYEE_ACCOUNT_INVALID PAYEE_ACCOUNT_LOCKED_OR_CLOSED PAYEE_ACCOUNT_NOT_VERIFIED PAYEE_ACCOUNT_RESTRICTED';

/** Making an order moves no money, whatever is said about it. */
export const createCodes: CodeTable = table({
  invalid:
    'AMOUNT_MISMATCH CANNOT_BE_NEGATIVE CANNOT_BE_ZERO_OR_NEGATIVE DECIMALS_NOT_SUPPORTED DECIMAL_PRECISION ' +
    'INCOMPATIBLE_PARAMETER_VALUE INVALID_CURRENCY_CODE INVALID_PARAMETER_SYNTAX INVALID_PARAMETER_VALUE ' +
    'INVALID_STRING_LENGTH MALFORMED_REQUEST_JSON MAX_VALUE_EXCEEDED MISSING_REQUIRED_PARAMETER NOT_SUPPORTED ' +
    'UNSUPPORTED_INTENT UNSUPPORTED_PAYMENT_INSTRUCTION',
  config: `AUTH_CAPTURE_NOT_ENABLED ${payee}`,
  declined:
    'COMPLIANCE_VIOLATION DOMESTIC_TRANSACTION_REQUIRED PAYEE_BLOCKED_TRANSACTION PAYER_ACCOUNT_LOCKED_OR_CLOSED ' +
    'PAYER_ACCOUNT_RESTRICTED PAYER_CANNOT_PAY TRANSACTION_BLOCKED_BY_PAYEE TRANSACTION_LIMIT_EXCEEDED ' +
    'TRANSACTION_RECEIVING_LIMIT_EXCEEDED TRANSACTION_REFUSED',
});

/** Of an approved order that is to be captured or authorized: it lives on, and is closed before another way. */
export const advanceCodes: CodeTable = table({
  declined:
    'CARD_EXPIRED COMPLIANCE_VIOLATION DECLINED_DUE_TO_RELATED_TXN DOMESTIC_TRANSACTION_REQUIRED ' +
    'INSTRUMENT_DECLINED MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED PAYEE_BLOCKED_TRANSACTION ' +
    'PAYER_ACCOUNT_LOCKED_OR_CLOSED PAYER_ACCOUNT_RESTRICTED PAYER_CANNOT_PAY ' +
    'REDIRECT_PAYER_FOR_ALTERNATE_FUNDING TRANSACTION_BLOCKED_BY_PAYEE TRANSACTION_LIMIT_EXCEEDED ' +
    'TRANSACTION_RECEIVING_LIMIT_EXCEEDED TRANSACTION_REFUSED',
  config: `AUTH_CAPTURE_NOT_ENABLED ${payee}`,
  expired: 'ORDER_EXPIRED',
});

/** The payer has not done their part, or has to do it again. */
export const payerCodes: ReadonlySet<string> = new Set(['ORDER_NOT_APPROVED', 'PAYER_ACTION_REQUIRED']);

/** Another call with this order is under way; this one did nothing. */
export const busyCodes: ReadonlySet<string> = new Set([
  'ORDER_COMPLETION_IN_PROGRESS',
  'PREVIOUS_REQUEST_IN_PROGRESS',
]);

/** Of an authorization that is to be captured. */
export const captureCodes: CodeTable = table({
  declined:
    'AUTHORIZATION_DENIED INSTRUMENT_DECLINED PAYER_ACCOUNT_LOCKED_OR_CLOSED PAYER_ACCOUNT_RESTRICTED ' +
    'PAYER_CANNOT_PAY TRANSACTION_REFUSED',
  conflict: 'AUTHORIZATION_VOIDED PREVIOUSLY_CAPTURED PREVIOUSLY_VOIDED',
  expired: 'AUTHORIZATION_EXPIRED',
  invalid:
    'CURRENCY_MISMATCH CURRENCY_NOT_SUPPORTED_FOR_COUNTRY DECIMALS_NOT_SUPPORTED DECIMAL_PRECISION ' +
    'INVALID_CURRENCY_CODE MAX_CAPTURE_AMOUNT_EXCEEDED',
  config: payee,
});

export const voidCodes: CodeTable = table({
  conflict: 'AUTHORIZATION_ALREADY_CAPTURED PREVIOUSLY_CAPTURED',
  expired: 'AUTHORIZATION_EXPIRED',
});

export const refundCodes: CodeTable = table({
  invalid:
    'CANNOT_BE_NEGATIVE CANNOT_BE_ZERO_OR_NEGATIVE CURRENCY_MISMATCH DECIMALS_NOT_SUPPORTED DECIMAL_PRECISION ' +
    'INVALID_CURRENCY_CODE REFUND_AMOUNT_TOO_LOW REFUND_CAPTURE_CURRENCY_MISMATCH',
  not_refundable:
    'CAPTURE_FULLY_REFUNDED MAX_NUMBER_OF_REFUNDS_EXCEEDED PARTIAL_REFUND_NOT_ALLOWED REFUND_AMOUNT_EXCEEDED ' +
    'REFUND_IS_RESTRICTED REFUND_NOT_ALLOWED REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK REFUND_TIME_LIMIT_EXCEEDED ' +
    'TRANSACTION_DISPUTED',
  config: 'PAYEE_ACCOUNT_LOCKED_OR_CLOSED PAYEE_ACCOUNT_RESTRICTED',
});

/** The same key again later: the account's balance does not suffice yet, or the capture is not through. */
export const laterCodes: ReadonlySet<string> = new Set([
  'REFUND_FAILED_INSUFFICIENT_FUNDS',
  'PENDING_CAPTURE',
]);
