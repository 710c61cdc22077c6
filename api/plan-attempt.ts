import type { PlannedOperation } from '../domain/renew-attempt.js';
import { makeId, providerKey } from '../domain/ids.js';
import type { ChosenAccount } from './choose-account.js';
import type { ApiSettings } from './dependencies.js';

export interface AttemptPlan {
  readonly paymentId: string;
  readonly number: number;
  readonly account: ChosenAccount;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/**
 * The operation with which an attempt begins. Its instants are fixed here and repeated byte for byte ever
 * after; the offer's end is a whole second, because providers know no finer ones.
 */
export function planAttempt(
  plan: AttemptPlan,
  settings: ApiSettings,
  random: (bytes: number) => Buffer,
): PlannedOperation {
  const { paymentId, number, account, nowMs, expiresAtMs } = plan;
  const { capabilities } = account;
  const lifetimeMs = settings.offerLifetimeMs ?? capabilities.offerLifetimeMs;
  const offerEndsAtMs = Math.floor(Math.min(expiresAtMs, nowMs + lifetimeMs) / 1000) * 1000;
  const conclusiveAfterMs = offerEndsAtMs + (settings.conclusiveMarginMs ?? capabilities.conclusiveMarginMs);
  return {
    id: makeId('operation', nowMs, random(10)),
    number,
    kind: 'sale',
    provider: account.provider,
    accountId: account.id,
    providerKey: providerKey(paymentId, 'sale', number),
    offerEndsAtMs,
    conclusiveAfterMs,
    deadlineMs: conclusiveAfterMs + (settings.graceMs ?? capabilities.graceMs),
  };
}
