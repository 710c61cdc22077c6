import { replayWindowMs } from '../domain/follow-up.js';
import { planOperation, type CollectingKind, type PlannedOperation } from '../domain/plan-operation.js';
import type { AttemptTerms } from '../domain/attempt-terms.js';
import type { ChosenAccount, ChosenAccounts } from './choose-account.js';
import type { ApiSettings } from './dependencies.js';

export interface AttemptPlan {
  readonly paymentId: string;
  readonly number: number;
  readonly kind: CollectingKind;
  readonly accounts: ChosenAccounts;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** The operation with which an attempt begins, as the account's connector can carry it out, and what may come after it. */
export function planAttempt(
  plan: AttemptPlan,
  settings: ApiSettings,
  random: (bytes: number) => Buffer,
): PlannedOperation {
  const { accounts, nowMs, ...rest } = plan;
  const { kind } = plan;
  const { first, others, refusedFunding } = accounts;
  const fallbacks = others.map((account) => termsOf(account, kind, settings));
  const operation = { ...rest, refusedFunding, fallbacks, ...termsOf(first, kind, settings) } as const;
  return planOperation(operation, nowMs, random(10));
}

function termsOf(
  { id: accountId, provider, capabilities, flow, paymentToken }: ChosenAccount,
  kind: CollectingKind,
  settings: ApiSettings,
): AttemptTerms {
  return {
    provider,
    accountId,
    flow,
    paymentToken,
    offerLifetimeMs: settings.offerLifetimeMs ?? capabilities.offerLifetimeMs,
    conclusiveMarginMs: settings.conclusiveMarginMs ?? capabilities.conclusiveMarginMs,
    graceMs: settings.graceMs ?? capabilities.graceMs,
    replayForMs: replayWindowMs(capabilities, kind),
  };
}
