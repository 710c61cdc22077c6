import type { AccountChoice } from '../db/accept-payment.js';
import { toMajorUnits } from '../domain/money.js';
import type { OfferFlow } from '../domain/outcome.js';
import type { Mode } from '../domain/tenant.js';
import type { Capabilities } from '../providers/connector.js';
import type { Connectors } from '../providers/registry.js';
import { fieldProblem } from './problem-details.js';

export interface ChosenAccount {
  readonly id: string;
  readonly provider: string;
  readonly capabilities: Capabilities;
  readonly flow: OfferFlow | null;
  readonly paymentToken: string | null;
}

export interface Wanted {
  readonly mode: Mode;
  readonly method: string;
  readonly currency: string;
  readonly amountMinor: number;
  readonly flow: OfferFlow | undefined;
  readonly paymentToken: PaymentToken;
}

/** One token for whichever account, or one for each: a token works only where it was made. */
export type PaymentToken = string | Readonly<Record<string, string>> | null | undefined;

export interface AccountDependencies {
  readonly connectors: Connectors;
  readonly credentialMode: (name: string) => Mode | undefined;
}

/**
 * The first of the merchant's accounts, best first, that serves method, currency and amount. An account whose
 * credential is missing or is of the other mode serves nothing: test and live never meet. Throws a Problem
 * that names what none of them serves.
 */
export function chooseAccount(
  accounts: readonly AccountChoice[],
  wanted: Wanted,
  { connectors, credentialMode }: AccountDependencies,
): ChosenAccount {
  const { method, currency, amountMinor } = wanted;
  const candidates = accounts
    .filter((account) => credentialMode(account.credential) === wanted.mode)
    .flatMap((account) => {
      const capabilities = connectors.find(account.provider)?.capabilities;
      return capabilities?.methods.includes(method) ? [{ ...account, capabilities }] : [];
    });
  if (candidates.length === 0) {
    throw fieldProblem('method_unavailable', '/method', `No account of yours takes ${method}.`);
  }
  const running = candidates.filter((account) => !account.isStopped);
  if (running.length === 0) {
    throw fieldProblem('method_unavailable', '/method', `Payments by ${method} are stopped for now.`);
  }
  const inCurrency = running.filter(
    ({ currencies, capabilities }) =>
      currencies.includes(currency) && capabilities.currencies.includes(currency),
  );
  if (inCurrency.length === 0) {
    throw fieldProblem(
      'currency_unsupported',
      '/currency',
      `No account of yours takes ${currency} by ${method}.`,
    );
  }
  const chosen = inCurrency.find(
    ({ capabilities }) =>
      amountMinor >= capabilities.minAmountMinor && amountMinor <= capabilities.maxAmountMinor,
  );
  if (!chosen) throw amountNotServed(wanted, inCurrency[0]!.capabilities);
  return withMeans(chosen, wanted);
}

/** How the payer pays there: the flow, and the token where the provider takes one. */
function withMeans(
  { id, provider, capabilities }: Pick<ChosenAccount, 'id' | 'provider' | 'capabilities'>,
  { method, flow, paymentToken }: Wanted,
): ChosenAccount {
  if (flow && !capabilities.flows.includes(flow)) {
    const known = capabilities.flows.join(' or ') || 'no flow';
    throw fieldProblem('invalid_field', '/flow', `${method} takes ${known} here.`);
  }
  const token = typeof paymentToken === 'object' ? paymentToken?.[id] : paymentToken;
  if (capabilities.needsToken && token === undefined) {
    throw fieldProblem(
      'missing_field',
      '/payment_token',
      `${method} needs a token of ${provider} for ${id}.`,
    );
  }
  if (!capabilities.needsToken && token !== undefined) {
    throw fieldProblem('invalid_field', '/payment_token', `${method} takes no token here.`);
  }
  return {
    id,
    provider,
    capabilities,
    flow: flow ?? capabilities.flows[0] ?? null,
    paymentToken: token ?? null,
  };
}

function amountNotServed(wanted: Wanted, { minAmountMinor, maxAmountMinor }: Capabilities) {
  const { amountMinor, currency, method } = wanted;
  const major = (minor: number) => `${currency} ${toMajorUnits({ amountMinor: minor, currency })}`;
  return amountMinor < minAmountMinor
    ? fieldProblem('invalid_field', '/amount', `${method} takes ${major(minAmountMinor)} at least.`)
    : fieldProblem('amount_limit_exceeded', '/amount', `${method} takes ${major(maxAmountMinor)} at most.`);
}
