import { z } from 'zod';
import { parseDecimal } from './decimal.js';

/**
 * What of Greenfield's replies is read (OpenAPI of btcpayserver 2.x: InvoiceData, InvoicePaymentMethodDataModel,
 * read 2026-11). A status that is not listed makes the whole reply unreadable: it could mean anything.
 */
const decimal = z.string().transform((text, context) => {
  const value = parseDecimal(text);
  if (value !== undefined) return value;
  context.addIssue({ code: 'custom', message: 'is not a decimal' });
  return z.NEVER;
});
/** Seconds since the epoch, as milliseconds. */
const instant = z
  .int()
  .nonnegative()
  .transform((seconds) => seconds * 1000);
/** It goes into the path of the next call. */
const invoiceId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

export const invoiceSchema = z.object({
  id: invoiceId,
  storeId: z.string(),
  amount: decimal,
  /** Unconfirmed payments are in it. Not before 2.1. */
  paidAmount: decimal.nullish(),
  currency: z.string(),
  type: z.enum(['Standard', 'TopUp']),
  checkoutLink: z.string().nullish(),
  createdTime: instant,
  expirationTime: instant,
  monitoringExpiration: instant,
  status: z.enum(['New', 'Processing', 'Expired', 'Invalid', 'Settled']),
  additionalStatus: z.enum(['None', 'PaidLate', 'PaidPartial', 'Marked', 'Invalid', 'PaidOver']),
  metadata: z.object({ orderId: z.string().nullish() }),
});
export type Invoice = z.infer<typeof invoiceSchema>;
export const invoicesSchema = z.array(invoiceSchema);

const paymentSchema = z.object({
  id: z.string(),
  receivedDate: instant,
  value: decimal,
  /** What of `value` pays the payment method's own fee, not the order. */
  fee: decimal,
  status: z.enum(['Invalid', 'Processing', 'Settled']),
});
export type Payment = z.infer<typeof paymentSchema>;

const paymentMethodSchema = z.object({
  paymentMethodId: z.string(),
  currency: z.string().nullish(),
  destination: z.string().nullish(),
  paymentLink: z.string().nullish(),
  /** Units of the invoice's currency for one of the coin, locked when the invoice was made. */
  rate: decimal,
  /** What is still to be paid, in coins; negative where more came. */
  due: decimal,
  payments: z.array(paymentSchema),
});
export type PaymentMethod = z.infer<typeof paymentMethodSchema>;
export const paymentMethodsSchema = z.array(paymentMethodSchema);

export const refusalSchema = z.object({ code: z.string(), message: z.string().nullish() });
export const validationSchema = z.array(z.object({ path: z.string(), message: z.string() })).min(1);

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

export function forPeople(text: string, maxLength: number): string {
  return Array.from(text.replace(/\p{C}/gu, ' ')).slice(0, maxLength).join('');
}
