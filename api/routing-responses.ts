import { z } from 'zod';
import { cardFundings, offerFlows } from '../domain/outcome.js';
import { ruleConditions } from '../domain/routing-rules.js';
import { leftOutReasons } from '../domain/routing.js';
import { amountMinor, currency, instant } from './response-schemas.js';
import { accountStatuses } from './routing-resource.js';

/** The answers about routing as they are documented; tests hold every answer against these. */
const ruleConditionsShown = z.strictObject({
  method: z.array(z.string()).optional(),
  currency: z.array(currency).optional(),
  country: z.array(z.string()).optional(),
  amount: z.strictObject({ min: z.int().optional(), max: z.int().optional() }).optional(),
  card_funding: z.array(z.enum(cardFundings)).optional(),
});

export const routingRules = z
  .strictObject({
    object: z.literal('routing_rules'),
    version: z.int().min(1),
    active: z.boolean(),
    rules: z.array(
      z.strictObject({
        id: z.string(),
        when: ruleConditionsShown,
        accounts: z
          .array(z.strictObject({ account: z.string(), priority: z.int(), weight: z.int() }))
          .optional(),
        refuse: z.string().optional(),
        max_attempts: z.int().optional(),
        refused_card_funding: z.array(z.enum(cardFundings)).optional(),
      }),
    ),
    max_attempts: z.int().nullable().describe('null: 2.'),
    refused_card_funding: z.array(z.enum(cardFundings)),
    note: z.string().nullable(),
    created_by: z.string().describe("An API key's id, or `operator`."),
    created_at: instant,
    activated_at: instant.nullable().describe('When it was last put in force.'),
  })
  .meta({ id: 'RoutingRules' });

export const routingState = z
  .strictObject({ object: z.literal('routing'), active_version: z.int().nullable() })
  .meta({ id: 'RoutingState' });

export const routingDryRun = z
  .strictObject({
    object: z.literal('routing_dry_run'),
    version: z.int().nullable().describe('null: no rules are in force, or they came with the request.'),
    rule: z.string().nullable().describe('The rule that matched; null: accounts go by their priority.'),
    rules: z.array(
      z.strictObject({
        id: z.string(),
        matched: z.boolean(),
        missed: z.enum(ruleConditions).nullable().describe('The first condition that does not hold.'),
      }),
    ),
    accounts: z.array(
      z.strictObject({
        account: z.string(),
        provider: z.string(),
        method: z.string(),
        attempt: z.int().nullable().describe('1: tried first; 2: the payment may go on to it, and so on.'),
        left_out: z.enum(leftOutReasons).nullable(),
        why: z.string().nullable(),
      }),
    ),
    max_attempts: z.int(),
    refused_card_funding: z.array(z.enum(cardFundings)),
    refusal: z
      .strictObject({ code: z.string(), status: z.int(), detail: z.string() })
      .nullable()
      .describe('With what the payment would be refused.'),
  })
  .meta({ id: 'RoutingDryRunResult' });

export const method = z
  .strictObject({
    object: z.literal('method'),
    method: z.string(),
    flows: z
      .array(z.enum(offerFlows))
      .describe('How the payer may be led to pay; none where nothing is needed.'),
    payment_token: z.strictObject({
      required: z.boolean(),
      accounts: z
        .array(z.strictObject({ id: z.string(), provider: z.string() }))
        .describe('Where tokens are to come from: one for each account that the payment may go on to.'),
    }),
    min_amount: amountMinor,
    max_amount: amountMinor,
    refused_card_funding: z.array(z.enum(cardFundings)),
  })
  .meta({ id: 'Method' });

export const providerAccount = z
  .strictObject({
    id: z.string(),
    object: z.literal('provider_account'),
    provider: z.string(),
    method: z.string(),
    currencies: z.array(currency),
    priority: z.int().describe('The lowest comes first, where no rule says otherwise.'),
    status: z.enum(accountStatuses),
    misconfigured: z
      .strictObject({ code: z.string(), message: z.string(), at: instant })
      .nullable()
      .describe('What the provider said of its settings; the account is routed around.'),
    created_at: instant,
  })
  .meta({ id: 'ProviderAccount' });
