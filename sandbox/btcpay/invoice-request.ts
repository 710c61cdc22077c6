import { z } from 'zod';
import { minorDigits, parseFixed } from './coin-amounts.js';

/**
 * A request to make an invoice. The real server passes over members it does not know; here they are refused, so that
 * a misspelt one does not pass for a setting that took effect.
 */
const wholeMinutes = z
  .int('must be a whole number of minutes')
  .min(1, 'must be at least 30 seconds')
  .max(525_600);
const createSchema = z.strictObject({
  amount: z.string(),
  currency: z.string().regex(/^[A-Z]{3}$/),
  metadata: z.record(z.string(), z.unknown()).default({}),
  checkout: z
    .strictObject({
      speedPolicy: z.enum(['HighSpeed', 'MediumSpeed', 'LowMediumSpeed', 'LowSpeed']).default('MediumSpeed'),
      paymentMethods: z.array(z.literal('BTC-CHAIN', 'Invalid PaymentMethodId')).min(1).optional(),
      defaultPaymentMethod: z.literal('BTC-CHAIN').optional(),
      lazyPaymentMethods: z.literal(false, 'is not played here').optional(),
      expirationMinutes: wholeMinutes.default(15),
      monitoringMinutes: wholeMinutes.default(1440),
      paymentTolerance: z.number().min(0).max(100).default(0),
      redirectURL: z.string().max(2000).nullish(),
      redirectAutomatically: z.boolean().optional(),
      defaultLanguage: z.string().max(20).nullish(),
    })
    .prefault({}),
  receipt: z.record(z.string(), z.unknown()).optional(),
  additionalSearchTerms: z.array(z.string()).optional(),
});
export type CreateRequest = z.infer<typeof createSchema> & { readonly amountMinor: bigint };

export interface ValidationError {
  readonly path: string;
  readonly message: string;
}

export function readCreateRequest(body: unknown): CreateRequest | ValidationError[] {
  const parsed = createSchema.safeParse(body);
  if (!parsed.success) return toValidationErrors(parsed.error);
  const amountMinor = parseFixed(parsed.data.amount, minorDigits(parsed.data.currency));
  if (!amountMinor) return [{ path: 'amount', message: 'The amount should be a decimal above 0.' }];
  return { ...parsed.data, amountMinor };
}

const markSchema = z.strictObject({ status: z.enum(['Invalid', 'Settled']) });

export function readMarkRequest(body: unknown): 'Invalid' | 'Settled' | ValidationError[] {
  const parsed = markSchema.safeParse(body);
  return parsed.success ? parsed.data.status : toValidationErrors(parsed.error);
}

const updateSchema = z.strictObject({ metadata: z.record(z.string(), z.unknown()) });

export function readUpdateRequest(body: unknown): Readonly<Record<string, unknown>> | ValidationError[] {
  const parsed = updateSchema.safeParse(body);
  return parsed.success ? parsed.data.metadata : toValidationErrors(parsed.error);
}

const webhookSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string().min(1).max(200).nullish(),
  enabled: z.boolean().default(true),
  automaticRedelivery: z.boolean().default(true),
  authorizedEvents: z
    .strictObject({ everything: z.boolean().default(true), specificEvents: z.array(z.string()).default([]) })
    .prefault({}),
});
export type WebhookRequest = z.infer<typeof webhookSchema>;

export function readWebhookRequest(body: unknown): WebhookRequest | ValidationError[] {
  const parsed = webhookSchema.safeParse(body);
  return parsed.success ? parsed.data : toValidationErrors(parsed.error);
}

function toValidationErrors(error: z.ZodError): ValidationError[] {
  return error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
}
