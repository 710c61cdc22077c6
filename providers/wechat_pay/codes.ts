import type { FailureReason } from '../../domain/outcome.js';

/**
 * What WeChat Pay's error codes mean, per operation, from the tables at the end of each operation's page
 * (https://pay.weixin.qq.com/doc/v3/merchant: 4012791877 Native, 4012791834 H5, 4013070356 query, 4012556398 close,
 * 4012587971 refund, 4012556562 refund query; read 2026-11), classified here. They count only in a signed reply with
 * a 4xx. A code that is not in its operation's table is unknown. Only these tables make `failed`.
 */
type CodeTable<Meaning> = ReadonlyMap<string, Meaning>;

/** `ask`: something may be there already; the reason, where there is one, counts only if it is not. */
export interface Refusal {
  readonly reason?: FailureReason;
  readonly ask?: true;
}

/** "The request was not accepted, lower the frequency": the gateway's two words for it. */
export const limitCodes: ReadonlySet<string> = new Set(['FREQUENCY_LIMITED', 'RATELIMIT_EXCEEDED']);

/** The merchant, its app or its permission was refused before any order was looked at. */
export const configCodes: ReadonlySet<string> = new Set([
  'SIGN_ERROR',
  'NO_AUTH',
  'MCH_NOT_EXISTS',
  'APPID_MCHID_NOT_MATCH',
]);

export const startCodes: CodeTable<Refusal> = new Map<string, Refusal>([
  ['OUT_TRADE_NO_USED', { ask: true }],
  ['ORDER_CLOSED', { ask: true }],
  ['TRADE_ERROR', { ask: true }],
  // Also the word for "the same number with other parameters", which means that there is an order.
  ['INVALID_REQUEST', { ask: true, reason: 'invalid' }],
  ['PARAM_ERROR', { reason: 'invalid' }],
  ['RULE_LIMIT', { reason: 'declined' }],
  ...[...configCodes].map((code): [string, Refusal] => [code, { reason: 'config' }]),
]);

export const queryCodes: CodeTable<'not_found'> = new Map<string, 'not_found'>([
  ['ORDER_NOT_EXIST', 'not_found'],
]);

/**
 * FREQUENCY_LIMITED is also what a close gets while the payer's password is being checked
 * (https://developers.weixin.qq.com/community/develop/doc/00024ef66683385500b216e3060000, 2025-01).
 */
export const closeCodes: CodeTable<'not_found' | 'ask'> = new Map<string, 'not_found' | 'ask'>([
  ['ORDER_NOT_EXIST', 'not_found'],
  ['ORDER_CLOSED', 'ask'],
  ['ORDER_PAID', 'ask'],
  ['ORDERPAID', 'ask'],
  ['USER_PAYING', 'ask'],
  ['TRADE_ERROR', 'ask'],
  ['INVALID_REQUEST', 'ask'],
  ['FREQUENCY_LIMITED', 'ask'],
]);

/**
 * A refusal now says nothing about an earlier call under the same number that may have been accepted, so that each
 * of them asks. NOT_ENOUGH is no refusal for good: the same number is to be sent again.
 */
export const refundCodes: CodeTable<Refusal> = new Map<string, Refusal>([
  ['INVALID_REQUEST', { ask: true }],
  ['PARAM_ERROR', { ask: true, reason: 'invalid' }],
  ['RESOURCE_NOT_EXISTS', { ask: true, reason: 'not_refundable' }],
  ['USER_ACCOUNT_ABNORMAL', { ask: true, reason: 'not_refundable' }],
  ...[...configCodes].map((code): [string, Refusal] => [code, { ask: true, reason: 'config' }]),
]);

export const refundQueryCodes: CodeTable<'not_found'> = new Map<string, 'not_found'>([
  ['RESOURCE_NOT_EXISTS', 'not_found'],
]);
