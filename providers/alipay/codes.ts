import type { FailureReason } from '../../domain/outcome.js';

/**
 * What Alipay's codes mean, per operation: the sub_codes that the official Java SDK's v3 error enums list
 * (alipay/alipay-sdk-java-all, OpenAPI document of 2026-09-23), classified here. A code that is not in its
 * operation's table is unknown. Only these tables make `failed`.
 */
type CodeTable<Meaning> = ReadonlyMap<string, Meaning>;

/** Alipay's word for "I do not know what happened", under whatever gateway code it comes. */
export const unknownCodes: ReadonlySet<string> = new Set([
  'ACQ.SYSTEM_ERROR',
  'aop.ACQ.SYSTEM_ERROR',
  'isp.unknow-error',
  'aop.unknow-error',
]);

/** The gateway refused the app, its signature or its permission before any trade was looked at. */
export const configGatewayCodes: ReadonlySet<string> = new Set(['20001', '40001', '40002', '40003', '40006']);

export const precreateCodes: CodeTable<FailureReason | 'query'> = new Map<string, FailureReason | 'query'>([
  ['ACQ.TRADE_HAS_SUCCESS', 'query'],
  ['ACQ.TRADE_HAS_CLOSE', 'query'],
  ['ACQ.CONTEXT_INCONSISTENT', 'query'],
  // Speaks of a trade that already has a buyer: were it `failed`, that buyer could still pay it.
  ['ACQ.TRADE_BUYER_NOT_MATCH', 'query'],
  ['ACQ.INVALID_PARAMETER', 'invalid'],
  ['ACQ.EXIST_FORBIDDEN_WORD', 'invalid'],
  ['ACQ.TOTAL_FEE_EXCEED', 'invalid'],
  ['ACQ.SUB_GOODS_SIZE_MAX_COUNT', 'invalid'],
  ['ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR', 'expired'],
  ['ACQ.BUYER_SELLER_EQUAL', 'declined'],
  ['ACQ.BUYER_ENABLE_STATUS_FORBID', 'declined'],
  ['ACQ.BUYER_NOT_EXIST', 'declined'],
  ['ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR', 'declined'],
  ['ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR', 'declined'],
  ['ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT', 'declined'],
  ['ACQ.BEYOND_PAY_RESTRICTION', 'declined'],
  ['ACQ.BEYOND_PER_RECEIPT_RESTRICTION', 'declined'],
  ['ACQ.BEYOND_PER_RECEIPT_DAY_RESTRICTION', 'declined'],
  ['ACQ.BEYOND_PER_RECEIPT_SINGLE_RESTRICTION', 'declined'],
  ['ACQ.MERCHANT_PERM_RECEIPT_SUSPEND_LIMIT', 'declined'],
  ['ACQ.MERCHANT_PERM_RECEIPT_SINGLE_LIMIT', 'declined'],
  ['ACQ.MERCHANT_PERM_RECEIPT_DAY_LIMIT', 'declined'],
  ['ACQ.ACCESS_FORBIDDEN', 'config'],
  ['ACQ.PARTNER_ERROR', 'config'],
  ['ACQ.SELLER_BEEN_BLOCKED', 'config'],
  ['ACQ.SELLER_NOT_EXIST', 'config'],
  ['ACQ.INVALID_STORE_ID', 'config'],
  ['ACQ.INVALID_RECEIVE_ACCOUNT', 'config'],
  ['ACQ.APPLY_PC_MERCHANT_CODE_ERROR', 'config'],
  ['ACQ.MERCHANT_STATUS_NOT_NORMAL', 'config'],
  ['ACQ.RISK_MERCHANT_IP_NOT_EXIST', 'config'],
  ['ACQ.TRADE_SETTLE_ERROR', 'config'],
  ['ACQ.DEFAULT_SETTLE_RULE_NOT_EXIST', 'config'],
  ['ACQ.SECONDARY_MERCHANT_STATUS_ERROR', 'config'],
  ['ACQ.SECONDARY_MERCHANT_ID_INVALID', 'config'],
  ['ACQ.SECONDARY_MERCHANT_ID_BLANK', 'config'],
  ['ACQ.SECONDARY_MERCHANT_ISV_PUNISH_INDIRECT', 'config'],
  ['ACQ.SECONDARY_MERCHANT_ALIPAY_ACCOUNT_INVALID', 'config'],
  ['ACQ.SECONDARY_MERCHANT_NOT_MATCH', 'config'],
]);

export const queryCodes: CodeTable<'not_found' | 'unknown'> = new Map<string, 'not_found' | 'unknown'>([
  ['ACQ.TRADE_NOT_EXIST', 'not_found'],
  ['ACQ.INVALID_PARAMETER', 'unknown'],
]);

export const closeCodes: CodeTable<'not_found' | 'query' | 'unknown'> = new Map<
  string,
  'not_found' | 'query' | 'unknown'
>([
  ['ACQ.TRADE_NOT_EXIST', 'not_found'],
  ['ACQ.TRADE_STATUS_ERROR', 'query'],
  ['ACQ.REASON_TRADE_STATUS_INVALID', 'query'],
  ['ACQ.REASON_ILLEGAL_STATUS', 'query'],
  ['ACQ.TRADE_HAS_SUCCESS', 'query'],
  ['ACQ.TRADE_HAS_FINISHED', 'query'],
  ['ACQ.TRADE_HAS_CLOSE', 'query'],
  ['ACQ.INVALID_PARAMETER', 'unknown'],
]);

/** `query`: an earlier call may have done it; `retry`: refused for now, under the same out_request_no. */
export const refundCodes: CodeTable<FailureReason | 'query' | 'retry'> = new Map<
  string,
  FailureReason | 'query' | 'retry'
>([
  ['ACQ.TRADE_HAS_CLOSE', 'query'],
  ['ACQ.TRADE_HAS_FINISHED', 'query'],
  ['ACQ.TRADE_STATUS_ERROR', 'query'],
  ['ACQ.REASON_TRADE_STATUS_INVALID', 'query'],
  ['ACQ.DISCORDANT_REPEAT_REQUEST', 'query'],
  ['ACQ.SELLER_BALANCE_NOT_ENOUGH', 'retry'],
  ['ACQ.REFUND_CHARGE_ERROR', 'retry'],
  ['ACQ.REASON_TRADE_BEEN_FREEZEN', 'retry'],
  ['ACQ.TRADE_SETTLE_ERROR', 'retry'],
  ['ACQ.INVALID_PARAMETER', 'invalid'],
  ['ACQ.CURRENCY_NOT_SUPPORT', 'invalid'],
  ['ACQ.ALLOC_AMOUNT_VALIDATE_ERROR', 'invalid'],
  ['ACQ.REFUND_AMT_NOT_EQUAL_TOTAL', 'not_refundable'],
  ['ACQ.TRADE_NOT_EXIST', 'not_refundable'],
  ['ACQ.REASON_TRADE_REFUND_FEE_ERR', 'not_refundable'],
  ['ACQ.TRADE_NOT_ALLOW_REFUND', 'not_refundable'],
  ['ACQ.REFUND_FEE_ERROR', 'not_refundable'],
  ['ACQ.NOT_ALLOW_PARTIAL_REFUND', 'not_refundable'],
  ['ACQ.ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND', 'not_refundable'],
  ['ACQ.BUYER_NOT_EXIST', 'declined'],
  ['ACQ.BUYER_ENABLE_STATUS_FORBID', 'declined'],
  ['ACQ.BUYER_ERROR', 'declined'],
  ['ACQ.CUSTOMER_VALIDATE_ERROR', 'declined'],
  ['ACQ.USER_NOT_MATCH_ERR', 'config'],
  ['ACQ.ENTERPRISE_PAY_BIZ_ERROR', 'declined'],
  ['ACQ.OVERDRAFT_ASSIGN_ACCOUNT_INVALID', 'config'],
  ['ACQ.OVERDRAFT_AGREEMENT_NOT_MATCH', 'config'],
  ['ACQ.REFUND_ACCOUNT_NOT_EXIST', 'config'],
  ['ACQ.REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST', 'config'],
  ['ACQ.REFUNDALLOC_UNAUTH_LIMIT', 'config'],
]);

export const refundQueryCodes: CodeTable<'not_found'> = new Map<string, 'not_found'>([
  ['ACQ.TRADE_NOT_EXIST', 'not_found'],
  ['TRADE_NOT_EXIST', 'not_found'],
]);
