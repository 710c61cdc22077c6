/** The account that a call goes to. An operation's row names it. */
export interface CalledAccount {
  readonly provider: string;
  readonly accountId: string;
  readonly credential: string;
}

/**
 * Why a call was not made. `breaker_open`: the account's last answers were all unclear. `no_permit`: too many calls
 * are under way. `rate_limit`: ours, of calls a second. `retry_after`: the provider asked for a pause (429).
 */
export const heldBackReasons = ['breaker_open', 'no_permit', 'rate_limit', 'retry_after'] as const;
export type HeldBackReason = (typeof heldBackReasons)[number];

/** Nothing was called. Not a fault: the activity is to be tried again in `retryInMs`. */
export class HeldBackError extends Error {
  override readonly name = 'HeldBackError';

  constructor(
    { provider, accountId }: CalledAccount,
    reason: HeldBackReason,
    readonly retryInMs: number,
  ) {
    super(`calls to ${provider} for ${accountId} are held back: ${reason}`);
  }
}
