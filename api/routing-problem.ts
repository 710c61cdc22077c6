import { toMajorUnits } from '../domain/money.js';
import type { HttpProblemCode } from '../domain/problem-codes.js';
import type { LeftOutReason, RoutableAccount, RoutedPayment, Routing } from '../domain/routing.js';
import { fieldProblem, type Problem } from './problem-details.js';

/** Why a payment goes nowhere: the rule that refuses it, or what the accounts that came furthest lack. */
export function routingProblem(payment: RoutedPayment, routing: Routing): Problem {
  const { refusal, version, rule } = routing;
  const by = version === null ? {} : { routing_version: String(version) };
  if (refusal?.kind === 'rule') {
    const detail = `Rule ${refusal.rule} of your routing version ${version} refuses it: ${refusal.reason}`;
    return fieldProblem('routing_refused', pointerOfRule(routing), detail, {
      ...by,
      routing_rule: refusal.rule,
    });
  }
  const lacking = refusal?.lacking ?? 'method';
  const { code, pointer } = problems[lacking];
  const accounts = refusal?.accounts ?? [];
  const within =
    rule === null ? '' : ` (rule ${rule.id} of your routing version ${version} chose among them)`;
  const detail = `${explain(payment, lacking, accounts)}${within}.`;
  return fieldProblem(code, pointer, detail, {
    ...by,
    ...(rule === null ? {} : { routing_rule: rule.id }),
    ...(accounts[0] ? { account: accounts[0].id } : {}),
  });
}

const problems: Readonly<Record<LeftOutReason, { code: HttpProblemCode; pointer: string }>> = {
  not_in_rule: { code: 'method_unavailable', pointer: '/method' },
  method: { code: 'method_unavailable', pointer: '/method' },
  credential: { code: 'method_unavailable', pointer: '/method' },
  misconfigured: { code: 'method_unavailable', pointer: '/method' },
  stopped: { code: 'method_unavailable', pointer: '/method' },
  currency: { code: 'currency_unsupported', pointer: '/currency' },
  country: { code: 'country_unsupported', pointer: '/payer/country' },
  amount_too_small: { code: 'amount_too_small', pointer: '/amount' },
  amount_too_large: { code: 'amount_limit_exceeded', pointer: '/amount' },
  operation: { code: 'capture_unsupported', pointer: '/capture' },
  flow: { code: 'invalid_field', pointer: '/flow' },
  payer_ip_missing: { code: 'missing_field', pointer: '/payer/ip' },
  token_not_taken: { code: 'invalid_field', pointer: '/payment_token' },
  token_missing: { code: 'missing_field', pointer: '/payment_token' },
  attempts: { code: 'method_unavailable', pointer: '/method' },
};

/** What a route may answer with because of them, beside what any route may. */
export const routingProblems: readonly HttpProblemCode[] = [
  'routing_refused',
  ...new Set(Object.values(problems).map(({ code }) => code)),
];

/** What each account lacks, for the dry run, and for a refusal where all of them lack the same. */
export function explain(
  payment: RoutedPayment,
  lacking: LeftOutReason,
  accounts: readonly RoutableAccount[],
): string {
  const { method, currency, country, flow } = payment;
  const [account] = accounts;
  const reach = account?.reach;
  const names = accounts.map(({ id, provider }) => `${id} (${provider})`).join(', ');
  const major = (minor = 0) => `${currency} ${toMajorUnits({ amountMinor: minor, currency })}`;
  switch (lacking) {
    case 'not_in_rule':
      return `The rule that matched does not name ${names}`;
    case 'method':
      return `No account of yours takes ${method}`;
    case 'credential':
      return `The credential of ${names} is missing, or is of the other mode`;
    case 'misconfigured':
      return `${names} is set up wrongly, as its provider says`;
    case 'stopped':
      return `Payments by ${method} are stopped for now at ${names}`;
    case 'currency':
      return `No account of yours takes ${currency} by ${method}: not ${names}`;
    case 'country':
      return `${names} serves no payers in ${country}`;
    case 'amount_too_small':
      return `${method} takes ${major(reach?.minAmountMinor)} at least at ${names}`;
    case 'amount_too_large':
      return `${method} takes ${major(reach?.maxAmountMinor)} at most at ${names}`;
    case 'operation':
      return `${names} cannot ${payment.kind === 'authorize' ? 'authorize now and capture later' : 'charge at once'}`;
    case 'flow':
      return `${method} takes ${reach?.flows.join(' or ') || 'no flow'} at ${names}, not ${flow}`;
    case 'payer_ip_missing':
      return `${names} needs the payer's IP address for this flow of ${method}`;
    case 'token_not_taken':
      return `${method} takes no token at ${names}`;
    case 'token_missing':
      return `${method} needs a token, made for one of these: ${names}`;
    case 'attempts':
      return `As many accounts as a payment may be tried at come before ${names}`;
  }
}

/** The first condition of the rule is what the caller may change. */
function pointerOfRule({ rule }: Routing): string {
  const when = rule?.when;
  if (when?.cardFunding) return '/card/funding';
  if (when?.countries) return '/payer/country';
  if (when?.amount) return '/amount';
  if (when?.currencies) return '/currency';
  return '/method';
}
