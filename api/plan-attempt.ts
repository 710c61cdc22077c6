import { planOperation, type PlannedOperation } from '../domain/plan-operation.js';
import type { OfferFlow } from '../domain/outcome.js';
import type { Capabilities } from '../providers/connector.js';
import type { ChosenAccount } from './choose-account.js';
import type { ApiSettings } from './dependencies.js';

export interface AttemptPlan {
  readonly paymentId: string;
  readonly number: number;
  readonly account: ChosenAccount;
  readonly flow: OfferFlow | null;
  readonly paymentToken: string | null;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** A provider forgets a key exactly when it likes to: no repetition comes as late as this before its end. */
const KEY_MARGIN_MS = 5 * 60_000;

/** The operation with which an attempt begins, as the account's connector can carry it out. */
export function planAttempt(
  plan: AttemptPlan,
  settings: ApiSettings,
  random: (bytes: number) => Buffer,
): PlannedOperation {
  const { account, nowMs, ...rest } = plan;
  const { id: accountId, provider, capabilities } = account;
  const kind = 'sale';
  return planOperation(
    {
      ...rest,
      kind,
      provider,
      accountId,
      offerLifetimeMs: settings.offerLifetimeMs ?? capabilities.offerLifetimeMs,
      conclusiveMarginMs: settings.conclusiveMarginMs ?? capabilities.conclusiveMarginMs,
      graceMs: settings.graceMs ?? capabilities.graceMs,
      replayForMs: capabilities.recovery[kind] === 'replay' ? replayForMs(capabilities) : 0,
    },
    nowMs,
    random(10),
  );
}

function replayForMs({ keyLifetimeMs }: Capabilities): number | null {
  return keyLifetimeMs === null ? null : Math.max(0, keyLifetimeMs - KEY_MARGIN_MS);
}
