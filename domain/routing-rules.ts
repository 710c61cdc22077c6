import type { CardFunding } from './outcome.js';

/**
 * A merchant's routing, one version of it. Rules are looked at in order and the first one that matches decides; where
 * none does, all accounts that serve the payment are candidates, by their own priority.
 */
export interface RuleSet {
  readonly rules: readonly RoutingRule[];
  /** How many accounts one payment may be tried at; null leaves it at `DEFAULT_MAX_ATTEMPTS`. */
  readonly maxAttempts: number | null;
  /** Cards funded so are refused, whichever rule decides. */
  readonly refusedFunding: readonly CardFunding[];
}

/** A version as it is in force. */
export interface ActiveRules extends RuleSet {
  readonly version: number;
}

export interface RoutingRule {
  /** The merchant's own name for it, unique in its version. */
  readonly id: string;
  readonly when: RuleConditions;
  readonly then: RuleResult;
}

/** All of them must hold; null is no condition. */
export interface RuleConditions {
  readonly methods: readonly string[] | null;
  readonly currencies: readonly string[] | null;
  /** Of the payer, ISO 3166-1 alpha-2. A payer whose country is not given is in none. */
  readonly countries: readonly string[] | null;
  /** Both ends belong to it; minor units. */
  readonly amount: { readonly minMinor: number | null; readonly maxMinor: number | null } | null;
  /** As far as the checkout knows it. Of a refusing rule it holds at the provider too. */
  readonly cardFunding: readonly CardFunding[] | null;
}

export type RuleResult =
  | {
      readonly kind: 'accounts';
      readonly accounts: readonly RuleAccount[];
      readonly maxAttempts: number | null;
      readonly refusedFunding: readonly CardFunding[];
    }
  | { readonly kind: 'refuse'; readonly reason: string };

export interface RuleAccount {
  readonly account: string;
  /** The lowest comes first. */
  readonly priority: number;
  /** Among those of one priority: how many of the payments it comes first for, against the others' weights. */
  readonly weight: number;
}

/** One account beside the first. A checkout waits, and a payer who is declined twice has better ways to pay. */
export const DEFAULT_MAX_ATTEMPTS = 2;
export const MOST_ATTEMPTS = 5;

/** What a payment is routed by. */
export interface RoutingSubject {
  readonly method: string;
  readonly currency: string;
  readonly amountMinor: number;
  readonly country: string | null;
  readonly cardFunding: CardFunding | null;
}

export const ruleConditions = ['method', 'currency', 'country', 'amount', 'card_funding'] as const;
export type RuleCondition = (typeof ruleConditions)[number];

/** The first condition of a rule that a payment does not meet; undefined where it meets all of them. */
export function missedCondition(rule: RoutingRule, subject: RoutingSubject): RuleCondition | undefined {
  const { when } = rule;
  if (isOutside(when.methods, subject.method)) return 'method';
  if (isOutside(when.currencies, subject.currency)) return 'currency';
  if (isOutside(when.countries, subject.country)) return 'country';
  const { minMinor, maxMinor } = when.amount ?? { minMinor: null, maxMinor: null };
  if (minMinor !== null && subject.amountMinor < minMinor) return 'amount';
  if (maxMinor !== null && subject.amountMinor > maxMinor) return 'amount';
  if (isOutside(when.cardFunding, subject.cardFunding)) return 'card_funding';
  return undefined;
}

function isOutside(allowed: readonly string[] | null, value: string | null): boolean {
  return allowed !== null && (value === null || !allowed.includes(value));
}
