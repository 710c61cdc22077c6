import type { FailureReason } from '../../domain/outcome.js';

/**
 * What UnionPay's response codes mean: the appendix of its interface specification (part 5, as public code quotes it,
 * read 2026-11), classified here. Their tens do not make classes: 42, 74 and 75 say that the card was charged, and 70
 * and 83 that it still may be. A code that is not listed is unknown. Only `refusals` makes `failed`.
 */
const successes: ReadonlySet<string> = new Set(['00', 'A6']);

/** Accepted, and waiting for the payer: what an order says while its page is open. */
const payerMayActCodes: ReadonlySet<string> = new Set(['05', '70']);

/** "Timed out", "state not clear", "the issuer is at it": ask again. */
const underWayCodes: ReadonlySet<string> = new Set(['03', '04', '83']);

const refusals: ReadonlyMap<string, FailureReason> = new Map<string, FailureReason>([
  ['01', 'declined'],
  ['10', 'invalid'],
  ['11', 'config'],
  ['13', 'invalid'],
  ['30', 'declined'],
  ['31', 'config'],
  ['32', 'config'],
  ['33', 'declined'],
  ['36', 'invalid'],
  ['38', 'declined'],
  ['39', 'invalid'],
  ['40', 'declined'],
  ['43', 'config'],
  ['44', 'declined'],
  ['60', 'declined'],
  ['61', 'declined'],
  ['62', 'declined'],
  ['63', 'declined'],
  ['64', 'insufficient_funds'],
  ['65', 'declined'],
  ['66', 'declined'],
  ['67', 'declined'],
  ['68', 'declined'],
  ['69', 'declined'],
  ['71', 'declined'],
  ['72', 'declined'],
  ['73', 'declined'],
  ['77', 'declined'],
  ['78', 'declined'],
  ['80', 'declined'],
  ['81', 'declined'],
  ['84', 'declined'],
  ['86', 'declined'],
]);

/** The merchant, its certificate or its permission was refused before any order was looked at. */
const configCodes: ReadonlySet<string> = new Set(['11', '31', '32', '43']);

export const NOT_FOUND = '34';
export const DUPLICATE = '12';

export type Meaning =
  | { readonly kind: 'success' | 'payer_may_act' | 'under_way' | 'unlisted' }
  | { readonly kind: 'refusal'; readonly reason: FailureReason };

export function meaningOf(code: string): Meaning {
  if (successes.has(code)) return { kind: 'success' };
  if (payerMayActCodes.has(code)) return { kind: 'payer_may_act' };
  if (underWayCodes.has(code)) return { kind: 'under_way' };
  const reason = refusals.get(code);
  return reason === undefined ? { kind: 'unlisted' } : { kind: 'refusal', reason };
}

export function isMisconfigured(code: string): boolean {
  return configCodes.has(code);
}
