/** Which of a merchant's provider accounts a payment goes to: a pure function of its rules, its accounts and the payment. */
import type { OperationKind } from './ids.js';
import { cardFundings, type CardFunding, type OfferFlow } from './outcome.js';
import {
  DEFAULT_MAX_ATTEMPTS,
  missedCondition,
  type ActiveRules,
  type RoutingRule,
  type RoutingSubject,
  type RuleAccount,
  type RuleCondition,
} from './routing-rules.js';
import { weightedOrder } from './weighted-order.js';

/** What an account's connector says of itself, as far as routing asks. */
export interface AccountReach {
  readonly methods: readonly string[];
  readonly currencies: readonly string[];
  readonly countries: readonly string[] | null;
  readonly minAmountMinor: number;
  readonly maxAmountMinor: number;
  readonly operations: readonly OperationKind[];
  readonly flows: readonly OfferFlow[];
  readonly needsToken: boolean;
  readonly flowsByPayerIp?: readonly OfferFlow[];
}

export interface RoutableAccount {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
  readonly currencies: readonly string[];
  /** Configuration has its credential, and of the payment's mode. */
  readonly hasCredential: boolean;
  readonly isMisconfigured: boolean;
  /** A kill switch stops its charges. */
  readonly isStopped: boolean;
  /** Null where there is no connector for its provider. */
  readonly reach: AccountReach | null;
}

export interface RoutedPayment extends RoutingSubject {
  readonly kind: 'sale' | 'authorize';
  readonly flow: OfferFlow | undefined;
  /** `expected` where nobody pays yet: whatever token is needed will come. */
  readonly tokens: PaymentTokens;
  /** Absent where nobody pays yet: it will be told. */
  readonly hasPayerIp?: boolean;
  /** The payment's id: the weighted choice depends on it alone. */
  readonly seed: string;
}

/** A token works only where it was made: a single one is the first account's. */
export type PaymentTokens =
  | { readonly kind: 'none' | 'expected' }
  | { readonly kind: 'single'; readonly token: string }
  | { readonly kind: 'by_account'; readonly tokens: Readonly<Record<string, string>> };

/**
 * Why an account does not get a payment. In the order in which they are looked at: a refusal names what the account
 * that came furthest lacks.
 */
export const leftOutReasons = [
  'not_in_rule',
  'method',
  'credential',
  'misconfigured',
  'stopped',
  'currency',
  'country',
  'amount_too_small',
  'amount_too_large',
  'operation',
  'flow',
  'payer_ip_missing',
  'token_not_taken',
  'token_missing',
  'attempts',
] as const;
export type LeftOutReason = (typeof leftOutReasons)[number];

export interface ConsideredAccount {
  readonly account: RoutableAccount;
  /** Null for one that the payment may be tried at. */
  readonly leftOut: LeftOutReason | null;
}

export interface ConsideredRule {
  readonly id: string;
  /** Null for the one that matched. */
  readonly missed: RuleCondition | null;
}

export interface Routing {
  readonly version: number | null;
  /** Null where no rule matched, or there is none. */
  readonly rule: RoutingRule | null;
  readonly rules: readonly ConsideredRule[];
  /** Every account, those that serve the payment first and in their order. */
  readonly accounts: readonly ConsideredAccount[];
  /** Where the payment is tried, in this order; empty where it is refused. */
  readonly chosen: readonly RoutableAccount[];
  readonly refusedFunding: readonly CardFunding[];
  readonly maxAttempts: number;
  readonly refusal: RoutingRefusal | null;
}

export type RoutingRefusal =
  | { readonly kind: 'rule'; readonly rule: string; readonly reason: string }
  /** No account serves it; `accounts` came furthest, and all lack this. */
  | {
      readonly kind: 'accounts';
      readonly lacking: LeftOutReason;
      readonly accounts: readonly RoutableAccount[];
    };

/** `accounts` come by their own priority, best first. */
export function route(
  payment: RoutedPayment,
  rules: ActiveRules | null,
  accounts: readonly RoutableAccount[],
): Routing {
  const matched = matchRules(payment, rules);
  const { rule } = matched;
  const base = {
    version: rules?.version ?? null,
    ...matched,
    maxAttempts:
      (rule?.then.kind === 'accounts' ? rule.then.maxAttempts : null) ??
      rules?.maxAttempts ??
      DEFAULT_MAX_ATTEMPTS,
  };
  if (rule?.then.kind === 'refuse') {
    const considered = accounts.map((account) => ({ account, leftOut: 'not_in_rule' as const }));
    const refusal = { kind: 'rule', rule: rule.id, reason: rule.then.reason } as const;
    return { ...base, accounts: considered, chosen: [], refusal };
  }
  const considered = consider(payment, inOrder(accounts, rule, payment.seed), base.maxAttempts);
  const chosen = considered.filter(({ leftOut }) => leftOut === null).map(({ account }) => account);
  const refusal = chosen.length > 0 ? null : refusalOf(considered);
  return { ...base, accounts: considered, chosen, refusal };
}

/**
 * The first rule that matches. What a refusing rule says of a card's funding is asked of the provider as well, because a
 * checkout may not know the card, or may say what is not so.
 */
function matchRules(payment: RoutedPayment, rules: ActiveRules | null) {
  const looked: ConsideredRule[] = [];
  const refused = new Set<CardFunding>(rules?.refusedFunding);
  for (const rule of rules?.rules ?? []) {
    const missed = missedCondition(rule, payment);
    if (rule.then.kind === 'refuse' && (missed === undefined || missed === 'card_funding')) {
      for (const funding of rule.when.cardFunding ?? []) refused.add(funding);
    }
    looked.push({ id: rule.id, missed: missed ?? null });
    if (missed !== undefined) continue;
    if (rule.then.kind === 'accounts') for (const funding of rule.then.refusedFunding) refused.add(funding);
    return { rule, rules: looked, refusedFunding: inWords(refused) };
  }
  return { rule: null, rules: looked, refusedFunding: inWords(refused) };
}

/** In one order always: it becomes part of a row that is repeated as it is. */
function inWords(refused: ReadonlySet<CardFunding>): CardFunding[] {
  return cardFundings.filter((funding) => refused.has(funding));
}

interface Candidate {
  readonly account: RoutableAccount;
  readonly isInRule: boolean;
}

/** As the rule says, and after that those which it does not name, for whoever wonders why. */
function inOrder(
  accounts: readonly RoutableAccount[],
  rule: RoutingRule | null,
  seed: string,
): readonly Candidate[] {
  if (rule?.then.kind !== 'accounts') return accounts.map((account) => ({ account, isInRule: true }));
  const known = new Map(accounts.map((account) => [account.id, account]));
  const named = byPriority(rule.then.accounts)
    .flatMap((group) => weightedOrder(group, `${seed}/${group[0]?.priority}`))
    .flatMap(({ account }) => known.get(account) ?? []);
  const others = accounts.filter((account) => !named.includes(account));
  return [
    ...named.map((account) => ({ account, isInRule: true })),
    ...others.map((account) => ({ account, isInRule: false })),
  ];
}

function byPriority(accounts: readonly RuleAccount[]): RuleAccount[][] {
  const priorities = [...new Set(accounts.map(({ priority }) => priority))].sort((a, b) => a - b);
  return priorities.map((priority) => accounts.filter((account) => account.priority === priority));
}

function consider(
  payment: RoutedPayment,
  candidates: readonly Candidate[],
  maxAttempts: number,
): ConsideredAccount[] {
  let found = 0;
  const considered = candidates.map(({ account, isInRule }) => {
    const leftOut = isInRule ? lackOf(payment, account, found, maxAttempts) : 'not_in_rule';
    if (leftOut === null) found += 1;
    return { account, leftOut };
  });
  return [
    ...considered.filter(({ leftOut }) => leftOut === null),
    ...considered.filter(({ leftOut }) => leftOut !== null),
  ];
}

/** The first thing that keeps an account from a payment; `found` accounts come before it. */
function lackOf(
  payment: RoutedPayment,
  account: RoutableAccount,
  found: number,
  maxAttempts: number,
): LeftOutReason | null {
  const { reach } = account;
  if (account.method !== payment.method || !reach?.methods.includes(payment.method)) return 'method';
  if (!account.hasCredential) return 'credential';
  if (account.isMisconfigured) return 'misconfigured';
  if (account.isStopped) return 'stopped';
  const { currency, country, amountMinor } = payment;
  if (!account.currencies.includes(currency) || !reach.currencies.includes(currency)) return 'currency';
  // A country that nobody has told refuses nobody.
  if (country !== null && reach.countries !== null && !reach.countries.includes(country)) return 'country';
  if (amountMinor < reach.minAmountMinor) return 'amount_too_small';
  if (amountMinor > reach.maxAmountMinor) return 'amount_too_large';
  if (!reach.operations.includes(payment.kind)) return 'operation';
  if (payment.flow !== undefined && !reach.flows.includes(payment.flow)) return 'flow';
  if (payment.hasPayerIp === false && needsPayerIp(payment, reach)) return 'payer_ip_missing';
  return tokenLack(payment.tokens, account.id, reach, found) ?? (found < maxAttempts ? null : 'attempts');
}

function needsPayerIp(payment: RoutedPayment, { flows, flowsByPayerIp = [] }: AccountReach): boolean {
  const flow = payment.flow ?? flows[0];
  return flow !== undefined && flowsByPayerIp.includes(flow);
}

function tokenLack(
  tokens: PaymentTokens,
  id: string,
  { needsToken }: AccountReach,
  found: number,
): LeftOutReason | undefined {
  if (tokens.kind === 'expected') return undefined;
  if (!needsToken) return tokenFor(tokens, id) === null ? undefined : 'token_not_taken';
  const isFirstOnly = tokens.kind === 'single' && found > 0;
  return tokenFor(tokens, id) === null || isFirstOnly ? 'token_missing' : undefined;
}

/** The token that came for an account. */
export function tokenFor(tokens: PaymentTokens, account: string): string | null {
  if (tokens.kind === 'single') return tokens.token;
  if (tokens.kind !== 'by_account' || !Object.hasOwn(tokens.tokens, account)) return null;
  return tokens.tokens[account] ?? null;
}

function refusalOf(considered: readonly ConsideredAccount[]): RoutingRefusal {
  const stages = considered.map(({ leftOut }) => (leftOut === null ? -1 : leftOutReasons.indexOf(leftOut)));
  const furthest = Math.max(leftOutReasons.indexOf('method'), ...stages);
  const lacking = leftOutReasons[furthest] ?? 'method';
  const accounts = considered.filter(({ leftOut }) => leftOut === lacking).map(({ account }) => account);
  return { kind: 'accounts', lacking, accounts };
}
