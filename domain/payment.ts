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

/** Whether the money is taken at once, or only held until the merchant takes it. */
export const captureModes = ['automatic', 'manual'] as const;
export type CaptureMode = (typeof captureModes)[number];
