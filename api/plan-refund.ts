import type { z } from 'zod';
import type { PlannedRefund } from '../db/refunds.js';
import { planFollowUp } from '../domain/follow-up.js';
import { makeId } from '../domain/ids.js';
import { toMajorUnits } from '../domain/money.js';
import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import { refundableOf, type Refundable, type RefundFacts } from '../domain/payment-refunds.js';
import type { Connector } from '../providers/connector.js';
import { fieldProblem } from './problem-details.js';
import type { createRefundRequest } from './request-schemas/refunds.js';
import type { ApiContext } from './route.js';

export interface RefundToPlan {
  readonly payment: PaymentFacts;
  readonly facts: RefundFacts;
  readonly request: z.output<typeof createRefundRequest>;
  readonly nowMs: number;
}

/** The operation that carries a refund out, by what the ledger says can be given back. Throws a Problem. */
export function planRefund(
  { payment, facts, request, nowMs }: RefundToPlan,
  { connectors, random }: Pick<ApiContext, 'connectors' | 'random'>,
): PlannedRefund {
  const refundable = refundableOf(payment, facts);
  if (refundable.length === 0) throw notRefundable('Nothing was received that has not been given back.');
  const takers = refundable.filter(({ of }) => connectors.find(of.provider)?.refund);
  const { provider } = refundable[0]!.of;
  if (takers.length === 0) throw notRefundable(`Refunds at ${provider} cannot be ordered here.`);
  const inTime = takers.filter(({ of }) => isInTime(of, connectors.get(of.provider), nowMs));
  if (inTime.length === 0) throw notRefundable('The time in which its provider takes refunds is over.');
  const { of, leftMinor } = choose(payment, inTime, request.amount);
  const { capabilities: recovery } = connectors.get(of.provider);
  const amountMinor = request.amount ?? leftMinor;
  const operation = planFollowUp(payment, { kind: 'refund', of, amountMinor, recovery }, nowMs, random(10));
  if (!operation) throw notRefundable('The payment has had as many operations as one may have.');
  const terms = {
    id: makeId('refund', nowMs, random(10)),
    reason: request.reason ?? null,
    metadata: request.metadata ?? {},
    createdAtMs: nowMs,
  };
  return { terms, operation };
}

/** One refund is one act at one provider: it comes out of the money of one operation. */
function choose(
  payment: PaymentFacts,
  refundable: readonly Refundable[],
  amountMinor: number | undefined,
): Refundable {
  const chosen = refundable.find(({ leftMinor }) => leftMinor >= (amountMinor ?? 1));
  if (chosen) return chosen;
  const refundableMinor = Math.max(...refundable.map(({ leftMinor }) => leftMinor));
  const { currency } = payment.record;
  const most = `${currency} ${toMajorUnits({ amountMinor: refundableMinor, currency })}`;
  throw fieldProblem('refund_amount_exceeded', '/amount', `${most} can be refunded at most.`, {
    refundable: refundableMinor,
  });
}

/** The row's own age: the money came later, if anything. */
function isInTime(of: OperationFacts, { capabilities }: Connector, nowMs: number): boolean {
  const { refundWindowMs } = capabilities;
  return refundWindowMs === null || nowMs < of.plannedAtMs + refundWindowMs;
}

function notRefundable(detail: string) {
  return fieldProblem('payment_not_refundable', '/payment', detail);
}
