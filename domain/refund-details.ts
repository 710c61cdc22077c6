import { applyChange, type PaymentChange } from './payment-change.js';
import type { OperationFacts, PaymentFacts } from './payment-facts.js';
import { toRefundResource } from './refund-resource.js';

/** Events of a refund carry the refund as it is after the change; `decide…` names them, and this tells them in full. */
export function withRefundDetails(
  payment: PaymentFacts,
  operation: OperationFacts,
  change: PaymentChange,
): PaymentChange {
  const after = applyChange(payment, change).operations.find(({ id }) => id === operation.id);
  const resource = after && refundResourceOf(payment, after);
  if (!resource) return change;
  const events = change.events.map((event) =>
    event.type.startsWith('refund.') ? { ...event, detail: resource } : event,
  );
  return { ...change, events };
}

/** Undefined for an operation that no request for a refund is behind. */
export function refundResourceOf(payment: PaymentFacts, operation: OperationFacts) {
  const { refund, amountMinor, currency, status, posted, lastError } = operation;
  if (!refund) return undefined;
  return toRefundResource({
    terms: refund,
    paymentId: payment.record.id,
    amountMinor,
    currency,
    operationStatus: status,
    posted,
    lastError,
  });
}
