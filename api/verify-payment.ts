import type { AcceptanceFacts } from '../db/acceptance-facts.js';
import { toMajorUnits } from '../domain/money.js';
import { priceOrder, type OrderLine, type PricingProblem } from '../domain/pricing.js';
import { collectingKind } from '../domain/plan-operation.js';
import type { Tenant } from '../domain/tenant.js';
import { chooseAccounts, type AccountDependencies, type ChosenAccounts } from './choose-account.js';
import { fieldProblem, type Problem } from './problem-details.js';
import type { CreatePaymentRequest } from './request-schemas/payments.js';
import { requireCovered } from './require-covered.js';

export interface VerifiedPayment {
  readonly lines: readonly OrderLine[];
  readonly accounts: ChosenAccounts;
}

export interface PaymentToVerify {
  readonly paymentId: string;
  readonly tenant: Tenant;
  readonly request: CreatePaymentRequest;
  readonly method: string;
  readonly currency: string;
}

/** Whether what is asked for may be accepted, by the facts as one statement saw them. Pure; throws a Problem. */
export function verifyPayment(
  { paymentId, tenant, request, method, currency }: PaymentToVerify,
  facts: AcceptanceFacts,
  dependencies: AccountDependencies,
): VerifiedPayment {
  if (facts.payerBlocked) {
    throw fieldProblem('payer_blocked', '/payer/id', 'You have blocked this payer.');
  }
  const lines = priceLines(request, facts, currency);
  const perPaymentMinor = facts.limits?.perPaymentMinor ?? null;
  if (perPaymentMinor !== null && request.amount > perPaymentMinor) {
    const most = toMajorUnits({ amountMinor: perPaymentMinor, currency });
    throw fieldProblem('amount_limit_exceeded', '/amount', `One payment may be ${currency} ${most} at most.`);
  }
  const bought = lines.findIndex((line) => isClaimed(line, facts));
  if (bought !== -1) throw alreadyPurchased(lines, bought, facts);
  const wanted = {
    paymentId,
    country: request.payer.country ?? null,
    hasPayerIp: request.payer.ip !== undefined,
    cardFunding: request.card?.funding ?? null,
    mode: tenant.mode,
    method,
    currency,
    amountMinor: request.amount,
    kind: collectingKind(request.capture),
    flow: request.flow,
    paymentToken: request.payment_token,
  };
  const accounts = chooseAccounts(facts, wanted, dependencies);
  requireCovered(accounts.first, facts.wallet, request.amount, currency);
  return { lines, accounts };
}

function priceLines(
  request: CreatePaymentRequest,
  facts: AcceptanceFacts,
  currency: string,
): readonly OrderLine[] {
  const requested = request.order?.lines;
  if (requested === undefined) return [];
  const priced = priceOrder(requested, facts.products, currency);
  if (!priced.ok) throw pricingProblem(priced.problem);
  if (priced.totalMinor !== request.amount) {
    throw fieldProblem('amount_mismatch', '/amount', `The order's lines add up to ${priced.totalMinor}.`);
  }
  return priced.lines;
}

function pricingProblem(problem: PricingProblem): Problem {
  switch (problem.kind) {
    case 'product_unknown':
      return lineProblem(problem.line, 'product', 'There is no such product.');
    case 'product_not_for_sale':
      return lineProblem(problem.line, 'product', 'This product is not for sale.');
    case 'currency_differs':
      return lineProblem(problem.line, 'product', `This product is priced in ${problem.currency}.`);
    case 'not_repeatable':
      return lineProblem(
        problem.line,
        'quantity',
        'This product can be bought only once; the quantity must be 1.',
      );
    case 'duplicate_line':
      return lineProblem(problem.line, 'product', 'This product has a line already; raise its quantity.');
    case 'too_large':
      return fieldProblem(
        'invalid_field',
        '/order/lines',
        'The lines add up to more than one payment may be.',
      );
  }
}

function lineProblem(line: number, field: 'product' | 'quantity', detail: string): Problem {
  return fieldProblem('invalid_field', `/order/lines/${line}/${field}`, detail);
}

function isClaimed(line: OrderLine, facts: AcceptanceFacts): boolean {
  return !line.product.repeatable && facts.claims.some((claim) => claim.product === line.product.id);
}

function alreadyPurchased(lines: readonly OrderLine[], line: number, facts: AcceptanceFacts): Problem {
  const product = lines[line]?.product.id ?? '';
  const payment = facts.claims.find((claim) => claim.product === product)?.paymentId;
  return fieldProblem(
    'already_purchased',
    `/order/lines/${line}/product`,
    `The payer has ${product}, or is buying it; the member \`payment\` says where.`,
    payment === undefined ? {} : { payment },
  );
}
