import type { AcceptanceFacts, AccountChoice } from '../db/acceptance-facts.js';
import type { CardFunding, OfferFlow } from '../domain/outcome.js';
import type { RoutingChoice } from '../domain/payment-resource.js';
import type { CollectingKind } from '../domain/plan-operation.js';
import {
  route,
  tokenFor,
  type PaymentTokens,
  type RoutableAccount,
  type RoutedPayment,
  type Routing,
} from '../domain/routing.js';
import type { Mode } from '../domain/tenant.js';
import type { Capabilities } from '../providers/connector.js';
import type { Connectors } from '../providers/registry.js';
import { routingProblem } from './routing-problem.js';

/** Where a payment is tried first, and where it may go on to. */
export interface ChosenAccounts {
  readonly first: ChosenAccount;
  readonly others: readonly ChosenAccount[];
  readonly routing: RoutingChoice | null;
  readonly refusedFunding: readonly CardFunding[];
}

export interface ChosenAccount {
  readonly id: string;
  readonly provider: string;
  readonly capabilities: Capabilities;
  readonly flow: OfferFlow | null;
  readonly paymentToken: string | null;
}

export interface Wanted {
  /** The payment's id: by it the weighted choice is made. */
  readonly paymentId: string;
  readonly mode: Mode;
  readonly method: string;
  readonly currency: string;
  readonly amountMinor: number;
  readonly kind: CollectingKind;
  /** Of the payer, ISO 3166-1 alpha-2. */
  readonly country: string | null;
  readonly cardFunding: CardFunding | null;
  readonly flow: OfferFlow | undefined;
  readonly hasPayerIp: boolean;
  readonly paymentToken: PaymentToken;
}

/** One token for whichever account, or one for each: a token works only where it was made. */
export type PaymentToken = string | Readonly<Record<string, string>> | null | undefined;

export interface AccountDependencies {
  readonly connectors: Connectors;
  readonly credentialMode: (name: string) => Mode | undefined;
}

/**
 * The accounts for a payment, as the merchant's rules have it. An account whose credential is missing or is of the
 * other mode serves nothing: test and live never meet. Throws a Problem that names what none of them serves.
 */
export function chooseAccounts(
  facts: Pick<AcceptanceFacts, 'accounts' | 'rules'>,
  wanted: Wanted,
  dependencies: AccountDependencies,
): ChosenAccounts {
  const accounts = facts.accounts.map((account) => routable(account, wanted.mode, dependencies));
  const payment = routedPayment(wanted);
  const routing = route(payment, facts.rules, accounts);
  const [first, ...others] = routing.chosen.map((account) => withMeans(account, payment, dependencies));
  if (!first) throw routingProblem(payment, routing);
  const { refusedFunding } = routing;
  return { first, others, routing: routingChoice(routing), refusedFunding };
}

export function routable(
  account: AccountChoice,
  mode: Mode,
  { connectors, credentialMode }: AccountDependencies,
): RoutableAccount {
  return {
    ...account,
    hasCredential: credentialMode(account.credential) === mode,
    reach: connectors.find(account.provider)?.capabilities ?? null,
  };
}

function routedPayment(wanted: Wanted): RoutedPayment {
  const { paymentId, mode: _mode, paymentToken, ...rest } = wanted;
  return { ...rest, seed: paymentId, tokens: paymentTokens(paymentToken) };
}

export function paymentTokens(token: PaymentToken): PaymentTokens {
  if (token === undefined || token === null) return { kind: 'none' };
  return typeof token === 'string' ? { kind: 'single', token } : { kind: 'by_account', tokens: token };
}

function routingChoice({ version, rule }: Routing): RoutingChoice | null {
  return version === null ? null : { version, rule: rule?.id ?? null };
}

/** How the payer pays there: the flow, and the token where the provider takes one. */
function withMeans(
  { id, provider }: RoutableAccount,
  { flow, tokens }: RoutedPayment,
  { connectors }: AccountDependencies,
): ChosenAccount {
  const { capabilities } = connectors.get(provider);
  return {
    id,
    provider,
    capabilities,
    flow: flow ?? capabilities.flows[0] ?? null,
    paymentToken: tokenFor(tokens, id),
  };
}
