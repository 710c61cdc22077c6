import type { ActiveRules, RoutingRule, RuleAccount } from '../../domain/routing-rules.js';
import type { RoutableAccount } from '../../domain/routing.js';

export function accountOf(id: string, change: Partial<RoutableAccount> = {}): RoutableAccount {
  return {
    id,
    provider: 'stripe',
    method: 'card',
    currencies: ['EUR', 'USD'],
    hasCredential: true,
    isMisconfigured: false,
    isStopped: false,
    reach: {
      methods: ['card'],
      currencies: ['EUR', 'USD', 'CNY'],
      countries: null,
      minAmountMinor: 50,
      maxAmountMinor: 1_000_000,
      operations: ['sale', 'refund'],
      flows: ['redirect'],
      needsToken: true,
    },
    ...change,
  };
}

export const anywhere: RoutingRule['when'] = {
  methods: null,
  currencies: null,
  countries: null,
  amount: null,
  cardFunding: null,
};

export function rulesOf(rules: readonly RoutingRule[], change: Partial<ActiveRules> = {}): ActiveRules {
  return { version: 3, rules, maxAttempts: null, refusedFunding: [], ...change };
}

export function toAccounts(...accounts: RuleAccount[]): RoutingRule['then'] {
  return { kind: 'accounts', accounts, maxAttempts: null, refusedFunding: [] };
}
