import { z } from 'zod';
import { entitlementStatuses } from '../db/entitlements.js';
import { webhookEventTypes } from '../domain/events.js';
import { operationKindLetters, type OperationKind } from '../domain/ids.js';
import { switchedOperations } from '../domain/kill-switch.js';
import { operationStatuses } from '../domain/operation.js';
import { cardFundings } from '../domain/outcome.js';
import { reviewReasons } from '../domain/payment-change.js';
import { paymentStatuses } from '../domain/payment.js';
import { productTypes } from '../domain/pricing.js';
import {
  executionErrors,
  httpProblems,
  type ExecutionErrorCode,
  type HttpProblemCode,
} from '../domain/problem-codes.js';
import { reviewStatuses } from '../domain/review-resource.js';
import { walletMovementKinds } from '../domain/wallet.js';

/** The answers as they are documented. Tests hold every answer of the API against these. */
export const instant = z.iso.datetime().describe('RFC 3339, UTC.');
export const amountMinor = z.int().min(0);
export const currency = z.string().regex(/^[A-Z]{3}$/);

/** An enumeration's type needs at least one name; a record's keys have more. */
function namesOf<Name extends string>(record: Readonly<Record<Name, unknown>>): [Name, ...Name[]] {
  return Object.keys(record) as [Name, ...Name[]];
}

const lastError = z.strictObject({
  code: z.enum(namesOf<ExecutionErrorCode>(executionErrors)),
  message: z.string(),
  provider: z.string(),
  provider_code: z.string().nullable(),
  retryable: z.boolean(),
  advice: z.string(),
});

const nextAction = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({
    type: z.literal('qr_code'),
    qr_code: z.strictObject({ data: z.string(), expires_at: instant }),
  }),
  z.strictObject({
    type: z.literal('redirect'),
    redirect: z.strictObject({
      url: z.string(),
      method: z.literal('POST').optional().describe('The page wants `fields` as a form sent by POST.'),
      fields: z.record(z.string(), z.string()).optional(),
      expires_at: instant,
    }),
  }),
  z.strictObject({
    type: z.literal('crypto_address'),
    crypto_address: z.strictObject({
      uri: z.string().describe('A payment URI (BIP 21).'),
      currency: z.string().optional(),
      network: z.string().optional(),
      address: z.string().optional(),
      amount: z.string().optional().describe('Decimal, in whole units of the digital currency.'),
      rate: z
        .string()
        .optional()
        .describe('Units of the payment’s currency for one of the digital currency.'),
      page_url: z.string().nullable().optional(),
      expires_at: instant,
    }),
  }),
]);

const card = z.strictObject({
  funding: z.enum(cardFundings),
  brand: z.string().nullable(),
  last4: z.string().nullable(),
  country: z.string().nullable(),
});

export const payment = z
  .strictObject({
    id: z.string().regex(/^pay_[0-9a-z]{25}$/),
    object: z.literal('payment'),
    status: z.enum(paymentStatuses),
    outcome: z
      .enum(['known', 'unknown', 'review'])
      .describe('Whether the money position is known; `review`: a person looks at it.'),
    amount: amountMinor,
    amount_received: amountMinor,
    amount_refunded: amountMinor,
    currency,
    method: z.string(),
    payer: z.strictObject({ id: z.string() }),
    order: z.strictObject({
      reference: z.string(),
      lines: z.array(z.strictObject({ product: z.string(), quantity: z.int().min(1), amount: amountMinor })),
    }),
    next_action: nextAction,
    last_error: lastError.nullable(),
    attempts: z.array(
      z.strictObject({
        id: z.string(),
        provider: z.string(),
        account: z.string(),
        kind: z.enum(namesOf<OperationKind>(operationKindLetters)),
        status: z.enum(operationStatuses),
        amount: amountMinor,
        last_error: lastError.nullable(),
      }),
    ),
    card: card.nullable().describe('What the provider said of the card that paid.'),
    routing: z
      .strictObject({ version: z.int(), rule: z.string().nullable() })
      .nullable()
      .describe('By which version and rule of your routing its accounts were chosen; null: by priority.'),
    metadata: z.record(z.string(), z.string()),
    sequence: z.int().describe('Grows with every change: the higher one is the newer one.'),
    created_at: instant,
    expires_at: instant,
  })
  .meta({ id: 'Payment' });

export const event = z
  .strictObject({
    id: z.string(),
    type: z.string(),
    sequence: z.int(),
    created_at: instant,
    data: z.looseObject({}),
  })
  .meta({ id: 'Event' });

export const product = z
  .strictObject({
    id: z.string(),
    object: z.literal('product'),
    name: z.string(),
    type: z.enum(productTypes),
    price: z.strictObject({ amount: amountMinor, currency }),
    repeatable: z.boolean(),
    active: z.boolean(),
    created_at: instant,
  })
  .meta({ id: 'Product' });

export const entitlement = z
  .strictObject({
    id: z.string(),
    object: z.literal('entitlement'),
    payer: z.string(),
    product: z.string(),
    payment: z.string(),
    status: z.enum(entitlementStatuses),
    granted_at: instant,
    revoked_at: instant.nullable(),
  })
  .meta({ id: 'Entitlement' });

export const review = z
  .strictObject({
    id: z.string().regex(/^rev_[0-9a-z]{25}$/),
    object: z.literal('review'),
    payment: z.string(),
    operation: z.string().nullable(),
    reason: z.enum(reviewReasons),
    status: z.enum(reviewStatuses),
    evidence: z
      .array(z.looseObject({}))
      .describe('What was known when it was opened, then what came later; its members depend on the reason.'),
    created_at: instant,
    closed_at: instant.nullable(),
  })
  .meta({ id: 'Review' });

export const killSwitch = z
  .strictObject({
    id: z.string().regex(/^ksw_[0-9a-z]{25}$/),
    object: z.literal('kill_switch'),
    provider: z.string().nullable().describe('null: of every provider.'),
    method: z.string().nullable().describe('null: by every method.'),
    operation: z.enum(switchedOperations).nullable().describe('null: of every kind that collects.'),
    reason: z.string(),
    status: z.enum(['on', 'lifted']),
    created_at: instant,
    lifted_at: instant.nullable(),
  })
  .meta({ id: 'KillSwitch' });

export const wallet = z
  .strictObject({
    object: z.literal('wallet'),
    payer: z.string(),
    balances: z
      .array(
        z.strictObject({
          currency,
          balance: z.int().describe("The payer's own; below zero it is credit in use."),
          held: amountMinor.describe('Set aside for authorized payments; not in the balance.'),
          credit_limit: amountMinor,
          available: amountMinor.describe('Balance and credit: what the payer may spend.'),
        }),
      )
      .describe('One for each currency.'),
  })
  .meta({ id: 'Wallet' });

export const walletMovement = z
  .strictObject({
    id: z.string().regex(/^wmv_[0-9a-z]{25}$/),
    object: z.literal('wallet_movement'),
    type: z.enum(walletMovementKinds),
    payer: z.string(),
    currency,
    amount: z.int().describe('What the balance changed by.'),
    held: z.int().describe('What was set aside (above zero) or no longer is (below).'),
    payment: z.string().nullable().describe('The payment that did it; null: you did.'),
    description: z.string().nullable(),
    created_at: instant,
  })
  .meta({ id: 'WalletMovement' });

const endpointFields = {
  id: z.string(),
  object: z.literal('webhook_endpoint'),
  url: z.string(),
  enabled_events: z.array(z.enum(webhookEventTypes)),
  status: z.enum(['enabled', 'disabled']),
  created_at: instant,
};
export const webhookEndpoint = z.strictObject(endpointFields).meta({ id: 'WebhookEndpoint' });
export const createdWebhookEndpoint = z
  .strictObject({ ...endpointFields, secret: z.string().describe('Signs the webhooks; shown here only.') })
  .meta({ id: 'CreatedWebhookEndpoint' });
export const deletedWebhookEndpoint = z
  .strictObject({ id: z.string(), object: z.literal('webhook_endpoint'), deleted: z.literal(true) })
  .meta({ id: 'DeletedWebhookEndpoint' });

export function listOf(schema: z.ZodType, id: string) {
  return z
    .strictObject({ object: z.literal('list'), data: z.array(schema), has_more: z.boolean() })
    .meta({ id });
}

/** RFC 9457; extension members depend on the code. */
export const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(namesOf<HttpProblemCode>(httpProblems)),
    errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })),
    request_id: z.string(),
    payment: z.string().optional().describe('With `already_purchased`: the payment that has the product.'),
    retry_at: instant.optional().describe('With `attempt_open`: when to try again.'),
    routing_version: z.string().optional().describe('By which version of your routing rules it was refused.'),
    routing_rule: z.string().optional().describe('The rule of that version that matched.'),
    account: z.string().optional().describe('The account that came nearest to serving it.'),
  })
  .meta({ id: 'Problem' });
