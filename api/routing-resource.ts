import type { AccountRecord } from '../db/provider-accounts.js';
import type { RoutingVersion } from '../db/routing.js';
import { toInstant } from '../domain/payment-resource.js';
import type { RoutingRule } from '../domain/routing-rules.js';

/** A version as the API answers it: what was sent, and what became of it. */
export function toRoutingResource({ version, rules: set, ...known }: RoutingVersion) {
  return {
    object: 'routing_rules' as const,
    version,
    active: known.isActive,
    rules: set.rules.map(toRuleResource),
    max_attempts: set.maxAttempts,
    refused_card_funding: set.refusedFunding,
    note: known.note,
    created_by: known.createdBy,
    created_at: toInstant(known.createdAtMs),
    activated_at: known.activatedAtMs === null ? null : toInstant(known.activatedAtMs),
  };
}

function toRuleResource({ id, when, then }: RoutingRule) {
  const { amount } = when;
  const conditions = {
    ...(when.methods ? { method: when.methods } : {}),
    ...(when.currencies ? { currency: when.currencies } : {}),
    ...(when.countries ? { country: when.countries } : {}),
    ...(amount ? { amount: rangeOf(amount) } : {}),
    ...(when.cardFunding ? { card_funding: when.cardFunding } : {}),
  };
  if (then.kind === 'refuse') return { id, when: conditions, refuse: then.reason };
  return {
    id,
    when: conditions,
    accounts: then.accounts,
    ...(then.maxAttempts === null ? {} : { max_attempts: then.maxAttempts }),
    ...(then.refusedFunding.length === 0 ? {} : { refused_card_funding: then.refusedFunding }),
  };
}

function rangeOf({ minMinor, maxMinor }: NonNullable<RoutingRule['when']['amount']>) {
  return {
    ...(minMinor === null ? {} : { min: minMinor }),
    ...(maxMinor === null ? {} : { max: maxMinor }),
  };
}

/** An account as its merchant sees it: nothing of its credential. */
export function toAccountResource(account: AccountRecord) {
  const { misconfiguredAtMs, misconfiguredBecause } = account;
  return {
    id: account.id,
    object: 'provider_account' as const,
    provider: account.provider,
    method: account.method,
    currencies: account.currencies,
    priority: account.priority,
    status: statusOf(account),
    misconfigured:
      misconfiguredAtMs === null || misconfiguredBecause === null
        ? null
        : {
            code: misconfiguredBecause.code,
            message: misconfiguredBecause.message,
            at: toInstant(misconfiguredAtMs),
          },
    created_at: toInstant(account.createdAtMs),
  };
}

export const accountStatuses = ['enabled', 'stopped', 'misconfigured', 'disabled'] as const;

function statusOf(account: AccountRecord): (typeof accountStatuses)[number] {
  if (account.isDisabled) return 'disabled';
  if (account.misconfiguredAtMs !== null) return 'misconfigured';
  return account.isStopped ? 'stopped' : 'enabled';
}
