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
