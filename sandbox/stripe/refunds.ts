import { moneyOf } from './amounts.js';
import { getCharge, putCharge, type Charge } from './charges.js';
import type { Intent } from './intent-object.js';
import { invalid, missing } from './refusal.js';
import { testCards } from './test-cards.js';
import { newId, type Work } from './work.js';

export interface Refund {
  readonly id: string;
  readonly account: string;
  readonly intent: string;
  readonly body: RefundBody;
}

interface RefundBody extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled';
}

export interface RefundTerms {
  readonly amount: number | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly reason: string | null;
}

export function createRefund(work: Work, intent: Intent, terms: RefundTerms): Refund {
  if (intent.body.status !== 'succeeded') {
    throw invalid('This PaymentIntent does not have a successful charge to refund.');
  }
  const charge = getCharge(work, intent);
  const left = intent.body.amount_received - refundedOf(work, intent.id);
  if (left <= 0) {
    const details = { code: 'charge_already_refunded' };
    throw invalid(`Charge ${charge.id} has already been refunded.`, details);
  }
  const amount = terms.amount ?? left;
  if (amount <= 0)
    throw invalid('Invalid positive integer', { code: 'parameter_invalid_integer', param: 'amount' });
  if (amount > left) {
    throw invalid('Refund amount is greater than unrefunded amount on charge', { param: 'amount' });
  }
  const body: RefundBody = {
    id: newId('re'),
    object: 'refund',
    amount,
    charge: charge.id,
    created: work.nowSeconds,
    currency: intent.body.currency,
    failure_reason: null,
    metadata: terms.metadata,
    payment_intent: intent.id,
    reason: terms.reason,
    status: testCards[charge.token]?.refunds === 'pending' ? 'pending' : 'succeeded',
  };
  const refund = put(work, { id: body.id, account: work.account, intent: intent.id, body });
  note(work, refund, amount);
  work.tell('refund.created', body);
  countRefund(work, charge, amount);
  return refund;
}

/** A pending refund ends; one that had succeeded can still come back from the bank. */
export function settleRefund(work: Work, id: string, status: 'succeeded' | 'failed'): Refund {
  const refund = getRefund(work, id);
  if (refund.body.status === 'failed' || refund.body.status === status) {
    throw invalid(`The refund ${id} is ${refund.body.status} already`);
  }
  const reason = status === 'failed' ? 'expired_or_canceled_card' : null;
  const settled = put(work, { ...refund, body: { ...refund.body, status, failure_reason: reason } });
  work.tell(status === 'failed' ? 'refund.failed' : 'refund.updated', settled.body);
  if (status === 'failed') {
    note(work, settled, -refund.body.amount);
    const charge = work.store.get('charge', String(refund.body['charge'])) as Charge | undefined;
    if (charge) countRefund(work, charge, -refund.body.amount);
  }
  return settled;
}

export function getRefund(work: Work, id: string): Refund {
  const refund = work.store.get('refund', id) as Refund | undefined;
  if (refund?.account !== work.account) throw missing('refund', id, 'id');
  return refund;
}

export function refundsOf({ store, account }: Work, intentId: string | undefined): Refund[] {
  return store
    .all('refund')
    .map((object) => object as unknown as Refund)
    .filter((refund) => refund.account === account && (intentId ?? refund.intent) === refund.intent);
}

function refundedOf(work: Work, intentId: string): number {
  return refundsOf(work, intentId)
    .filter(({ body }) => body.status === 'succeeded' || body.status === 'pending')
    .reduce((sum, { body }) => sum + body.amount, 0);
}

function countRefund(work: Work, charge: Charge, amount: number): void {
  const refundedAmount = charge.body.amount_refunded + amount;
  const refunded = refundedAmount >= charge.body.amount;
  const body = { ...charge.body, amount_refunded: refundedAmount, refunded };
  putCharge(work, { ...charge, body });
  if (amount > 0) work.tell('charge.refunded', body);
}

function note(work: Work, { id, intent, body }: Refund, amount: number): void {
  const reference = body.metadata['quittance_reference'] ?? Object.values(body.metadata)[0] ?? null;
  work.note('refund', reference, { refund: id, intent, ...moneyOf(amount, body.currency) });
}

function put({ store }: Work, refund: Refund): Refund {
  store.put('refund', { ...refund });
  return refund;
}
