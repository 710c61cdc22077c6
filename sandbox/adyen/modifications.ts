import { moneyOf, type Amount } from './amounts.js';
import { getPayment, put, type Payment } from './payments.js';
import { newPspReference, type Work } from './work.js';

export type Change = 'captures' | 'cancels' | 'refunds';

interface Order {
  readonly change: Change;
  readonly paymentId: string;
  readonly reference: string | null;
  /** A cancel has none. */
  readonly amount: Amount | null;
}

const eventCodes = { captures: 'CAPTURE', cancels: 'CANCELLATION', refunds: 'REFUND' } as const;

/**
 * Received in any case: whether it could be done is told by the webhook alone
 * (https://docs.adyen.com/online-payments/capture, …/cancel, …/refund, read 2026-11).
 */
export function modify(work: Work, order: Order): Readonly<Record<string, unknown>> {
  const payment = getPayment(work, order.paymentId);
  const pspReference = newPspReference();
  const refusal = carryOut(work, payment, order, pspReference);
  const amount = order.amount ?? payment.amount;
  work.tell({
    eventCode: eventCodes[order.change],
    isSuccess: refusal === undefined,
    pspReference,
    originalReference: payment.id,
    merchantReference: order.reference ?? payment.reference,
    amount,
    reason: refusal ?? '',
  });
  return {
    merchantAccount: work.account,
    paymentPspReference: payment.id,
    pspReference,
    ...(order.reference === null ? {} : { reference: order.reference }),
    status: 'received',
    ...(order.amount ? { amount } : {}),
  };
}

/** Tells why not, or nothing. */
function carryOut(work: Work, payment: Payment, order: Order, pspReference: string): string | undefined {
  const { change, amount } = order;
  const reference = order.reference ?? payment.reference;
  const { value } = amount ?? payment.amount;
  if (payment.card.fails === eventCodes[change]) return 'Declined by the issuer';
  if (amount && amount.currency !== payment.amount.currency) return 'Currency differs from the authorisation';
  // What is let go of was held under the payment's own reference.
  const note = (kind: 'charge' | 'release' | 'refund', of: Amount) =>
    work.note(kind, kind === 'release' ? payment.reference : reference, {
      payment: payment.id,
      modification: pspReference,
      ...moneyOf(of),
    });
  switch (change) {
    case 'captures': {
      if (payment.status !== 'authorised') return 'Transaction is not authorised';
      if (value > payment.amount.value) return 'Insufficient balance on payment';
      put(work, { ...payment, status: 'captured', capturedValue: value });
      note('charge', { ...payment.amount, value });
      const rest = payment.amount.value - value;
      if (rest > 0) note('release', { ...payment.amount, value: rest });
      return undefined;
    }
    case 'cancels':
      if (payment.status !== 'authorised') return 'Transaction is not authorised';
      put(work, { ...payment, status: 'cancelled' });
      note('release', payment.amount);
      return undefined;
    case 'refunds': {
      const refundedValue = payment.refundedValue + value;
      if (payment.status !== 'captured') return 'Transaction has not been captured';
      if (refundedValue > payment.capturedValue) return 'Insufficient balance on payment';
      put(work, { ...payment, refundedValue });
      note('refund', { ...payment.amount, value });
      return undefined;
    }
  }
}
