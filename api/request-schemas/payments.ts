import { z } from 'zod';
import { paymentMethodOf, paymentMethods } from '../../domain/methods.js';
import { offerFlows } from '../../domain/outcome.js';
import { captureModes, paymentStatuses } from '../../domain/payment.js';
import { amount, cardFunding, country, currency, page, payerId, productId, text } from './fields.js';

export const method = z
  .string()
  .max(32, 'must have at most 32 characters')
  .refine((name) => paymentMethodOf(name) !== undefined, `must be one of ${paymentMethods.join(', ')}`)
  .describe(`One of ${paymentMethods.join(', ')}, in any case.`);

const orderReference = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 visible ASCII characters without spaces');

const returnUrl = text(1, 2048).describe('https, or http on loopback with a test key.');

/** Card data that a browser has encrypted for Adyen takes three thousand characters. */
const token = text(1, 8192).regex(/^[\x21-\x7e]+$/, 'must be visible ASCII without spaces');

export const paymentToken = z
  .union([token, z.record(text(1, 64), token)], {
    error: "must be a token, or an object of account ids and each one's token",
  })
  .nullable()
  .describe(
    "The token that the provider's client-side library made of the payer's card, or one for each of your accounts.",
  );

export const flow = z
  .enum(offerFlows)
  .describe("How the payer is led to pay; the provider's usual way by default.");

const payerIp = z
  .union([z.ipv4(), z.ipv6()], { error: 'must be an IP address' })
  .describe("Of the payer's browser; WeChat Pay's redirect needs it.");

export const payerCountry = country.describe(
  'Where the payer is, ISO 3166-1 alpha-2; routing rules and some providers depend on it.',
);

export const cardHint = z
  .strictObject({ funding: cardFunding })
  .describe("What the provider's client-side library said of the card; only routing rules use it.");

const line = z.strictObject({
  product: productId,
  quantity: z.int('must be a whole number').min(1, 'must be at least 1').max(1000, 'must be at most 1000'),
});

const order = z.strictObject({
  reference: orderReference.optional().describe("Unique for ever per merchant; the payment's id by default."),
  lines: z
    .array(line)
    .min(1, 'must not be empty')
    .max(100, 'must have at most 100 lines')
    .optional()
    .describe('What is bought: prices the order, which `amount` must equal, and says what is granted.'),
});

export const metadata = z
  .record(text(1, 40), text(0, 500))
  .refine((entries) => Object.keys(entries).length <= 50, 'must have at most 50 entries')
  .describe('Up to 50 entries of your own.');

export const createPaymentRequest = z
  .strictObject({
    amount,
    currency: currency.optional().describe("ISO 4217, upper-case; the merchant's own by default."),
    method,
    payer: z.strictObject({ id: payerId, ip: payerIp.optional(), country: payerCountry.optional() }),
    merchant: z
      .strictObject({ id: text(1, 64) })
      .optional()
      .describe("Must be the API key's own."),
    order: order.optional(),
    capture: z
      .enum(captureModes)
      .optional()
      .describe('`manual`: the money is only held, until you capture it; `automatic` by default.'),
    payment_token: paymentToken.optional(),
    card: cardHint.optional(),
    flow: flow.optional(),
    return_url: returnUrl.optional(),
    expires_in: z
      .int('must be a whole number of seconds')
      .min(10, 'must be at least 10')
      .max(86_400, 'must be at most 86400')
      .optional()
      .describe('Seconds, 900 by default.'),
    metadata: metadata.optional(),
  })
  .meta({ id: 'CreatePayment' });
export type CreatePaymentRequest = z.output<typeof createPaymentRequest>;

export const confirmPaymentRequest = z
  .strictObject({
    method,
    return_url: returnUrl.optional(),
    payment_token: paymentToken.optional(),
    card: cardHint.optional(),
    flow: flow.optional(),
  })
  .meta({ id: 'ConfirmPayment' });

export const capturePaymentRequest = z
  .strictObject({
    amount: amount.optional().describe('All that was authorized by default; what is left is let go.'),
  })
  .meta({ id: 'CapturePayment' });

export const cancelPaymentRequest = z.strictObject({}).meta({ id: 'CancelPayment' });

export const getPaymentQuery = z.strictObject({
  wait: z
    .string()
    .regex(/^(?:\d|1\d|20)$/, 'must be a number of seconds from 0 to 20')
    .transform(Number)
    .optional()
    .describe('Seconds for which the answer is held while the status does not change, 0 to 20.'),
  status: z
    .enum(paymentStatuses)
    .optional()
    .describe('The status that is waited out; the present one by default.'),
});

export const listPaymentsQuery = z.strictObject({ ...page, order_reference: orderReference.optional() });
