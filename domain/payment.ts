import type { OperationStatus } from './operation.js';

/** Public payment states: Stripe's PaymentIntent names. */
export const paymentStatuses = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'succeeded',
  'canceled',
] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

/** Whether we know the payment's money position; an honest third state beside paid and not paid. */
export type PaymentOutcome = 'known' | 'unknown' | 'review';

export function isEnded(status: PaymentStatus): boolean {
  return status === 'succeeded' || status === 'canceled';
}

/**
 * The payment's public state, as its newest collecting operation says. A payment that has succeeded or was
 * canceled is not derived any more: those are facts of their own.
 */
export function paymentStateOf(operation: OperationStatus): {
  status: PaymentStatus;
  outcome: PaymentOutcome;
} {
  switch (operation) {
    case 'planned':
    case 'sent':
    case 'pending':
      return { status: 'processing', outcome: 'known' };
    case 'unknown':
      return { status: 'processing', outcome: 'unknown' };
    case 'review':
      return { status: 'processing', outcome: 'review' };
    case 'action_required':
      return { status: 'requires_action', outcome: 'known' };
    case 'succeeded':
      return { status: 'succeeded', outcome: 'known' };
    case 'rejected':
    case 'closed':
    case 'canceled':
      return { status: 'requires_payment_method', outcome: 'known' };
    case 'late_success':
      return { status: 'canceled', outcome: 'review' };
  }
}
