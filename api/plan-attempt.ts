import { planOperation, type AttemptTerms, type PlannedOperation } from '../domain/plan-operation.js';
import type { Capabilities } from '../providers/connector.js';
import type { ChosenAccount, ChosenAccounts } from './choose-account.js';
import type { ApiSettings } from './dependencies.js';

export interface AttemptPlan {
  readonly paymentId: string;
  readonly number: number;
  readonly accounts: ChosenAccounts;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** A provider forgets a key exactly when it likes to: no repetition comes as late as this before its end. */
const KEY_MARGIN_MS = 5 * 60_000;

/** The operation with which an attempt begins, as the account's connector can carry it out, and what may come after it. */
export function planAttempt(
  plan: AttemptPlan,
  settings: ApiSettings,
  random: (bytes: number) => Buffer,
): PlannedOperation {
  const { accounts, nowMs, ...rest } = plan;
  const { first, others, refusedFunding } = accounts;
  const kind = 'sale';
  const fallbacks = others.map((account) => termsOf(account, kind, settings));
  const operation = { ...rest, kind, refusedFunding, fallbacks, ...termsOf(first, kind, settings) } as const;
  return planOperation(operation, nowMs, random(10));
}

function termsOf(
  { id: accountId, provider, capabilities, flow, paymentToken }: ChosenAccount,
  kind: 'sale',
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
    replayForMs: capabilities.recovery[kind] === 'replay' ? replayForMs(capabilities) : 0,
  };
}

function replayForMs({ keyLifetimeMs }: Capabilities): number | null {
  return keyLifetimeMs === null ? null : Math.max(0, keyLifetimeMs - KEY_MARGIN_MS);
}
