import { z } from 'zod';
import { captureModes } from '../../domain/payment.js';
import { paymentMethods } from '../../domain/methods.js';
import { MOST_ATTEMPTS, type RoutingRule, type RuleSet } from '../../domain/routing-rules.js';
import { amount, cardFunding, country, currency, page, text } from './fields.js';
import { cardHint, flow, method, payerCountry, paymentToken } from './payments.js';

const MOST_RULES = 100;
const MOST_ACCOUNTS = 20;

function listOf<Item extends z.ZodType>(item: Item, most: number) {
  return z
    .array(item)
    .min(1, 'must not be empty')
    .max(most, `must have at most ${most} entries`)
    .refine((items) => new Set(items).size === items.length, 'must not name one twice');
}

const refusedFunding = listOf(cardFunding, 4).describe(
  'Cards funded so are refused before they are charged.',
);
const maxAttempts = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(MOST_ATTEMPTS, `must be at most ${MOST_ATTEMPTS}`)
  .describe('How many accounts one payment may be tried at; 2 by default, and 1 is no failover.');

const conditions = z
  .strictObject({
    method: listOf(
      z.enum(paymentMethods, `must be one of ${paymentMethods.join(', ')}`),
      paymentMethods.length,
    ).optional(),
    currency: listOf(currency, 50).optional(),
    country: listOf(country, 250).optional().describe("The payer's; who has none given is in none."),
    amount: z
      .strictObject({ min: amount.optional(), max: amount.optional() })
      .refine(({ min, max }) => min !== undefined || max !== undefined, 'must have min or max')
      .refine(({ min = 1, max = Infinity }) => min <= max, 'must have a min that is not above max')
      .optional()
      .describe('Minor units, both ends included; only together with currency.'),
    card_funding: listOf(cardFunding, 4)
      .optional()
      .describe('As `card.funding` of the payment says; in a refusing rule also as the provider says.'),
  })
  // 1000 is ten dollars and a thousand yen: a range without a currency means nothing.
  .refine(({ amount: range, currency: of }) => range === undefined || of !== undefined, {
    path: ['amount'],
    message: 'must come with currency',
  });

const account = z.strictObject({
  account: text(1, 64).describe('The id of a provider account of yours.'),
  priority: z
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .max(1000, 'must be at most 1000')
    .default(0)
    .describe('The lowest comes first.'),
  weight: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(10_000, 'must be at most 10000')
    .default(1)
    .describe('Among accounts of one priority: its share of the payments it comes first for.'),
});

const rule = z
  .strictObject({
    id: z
      .string()
      .regex(
        /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/,
        'must be 1 to 64 letters, digits, dots, hyphens or underscores',
      )
      .describe('Your own name for the rule; refusals and payments name it.'),
    when: conditions.default({}),
    accounts: z
      .array(account)
      .min(1, 'must not be empty')
      .max(MOST_ACCOUNTS, `must have at most ${MOST_ACCOUNTS} entries`)
      .refine(
        (named) => new Set(named.map((one) => one.account)).size === named.length,
        'must not name an account twice',
      )
      .optional(),
    refuse: text(1, 200).optional().describe('Refuses the payment, and says so to the caller.'),
    max_attempts: maxAttempts.optional(),
    refused_card_funding: refusedFunding.optional(),
  })
  .refine(
    ({ accounts, refuse }) => (accounts === undefined) !== (refuse === undefined),
    'must have either accounts or refuse',
  )
  .refine(
    ({ refuse, max_attempts, refused_card_funding }) =>
      refuse === undefined || (max_attempts === undefined && refused_card_funding === undefined),
    'a rule that refuses has neither max_attempts nor refused_card_funding',
  );

const ruleSetFields = {
  rules: z
    .array(rule)
    .max(MOST_RULES, `must have at most ${MOST_RULES} rules`)
    .refine((rules) => new Set(rules.map(({ id }) => id)).size === rules.length, 'must not have an id twice')
    .describe('Looked at in this order; the first that matches decides.'),
  max_attempts: maxAttempts.optional(),
  refused_card_funding: refusedFunding.optional(),
};

const ruleSet = z.strictObject(ruleSetFields);

export const createRoutingRulesRequest = z
  .strictObject({
    ...ruleSetFields,
    note: text(1, 500).optional().describe('For whoever wonders why this version was made.'),
  })
  .meta({ id: 'CreateRoutingRules' });

export const activateRoutingRequest = z.strictObject({}).meta({ id: 'ActivateRouting' });

const version = z.string().regex(/^[1-9]\d{0,8}$/, 'must be the number of a version');

export const listRoutingRulesQuery = z.strictObject({
  ...page,
  starting_after: version.optional().describe('The version after which the page starts.'),
  ending_before: version.optional().describe('The version before which the page ends.'),
});

export const dryRunRequest = z
  .strictObject({
    amount,
    currency: currency.optional().describe("ISO 4217, upper-case; the merchant's own by default."),
    method,
    payer: z.strictObject({ country: payerCountry.optional() }).optional(),
    card: cardHint.optional(),
    capture: z.enum(captureModes).optional(),
    flow: flow.optional(),
    payment_token: paymentToken
      .optional()
      .describe('Tokens as a payment would bring them; without any, all that are needed are assumed.'),
    payment: text(1, 64)
      .optional()
      .describe(
        'The id of a payment, for the very choice that is made for it; any text stands for another payment.',
      ),
    version: z.int().min(1).optional().describe('A version of your rules; the active one by default.'),
    rules: ruleSet.optional().describe('Rules that are not stored, instead of a version.'),
  })
  .refine(({ version: stored, rules }) => stored === undefined || rules === undefined, {
    path: ['rules'],
    message: 'not together with version',
  })
  .meta({ id: 'RoutingDryRun' });

const minorUnits = z
  .string()
  .regex(/^[1-9]\d{0,11}$/, 'must be a number of minor units, at least 1')
  .transform(Number);

export const listMethodsQuery = z.strictObject({
  amount: minorUnits.describe("What the order costs, in the currency's minor units."),
  currency: currency.optional().describe("ISO 4217, upper-case; the merchant's own by default."),
  country: payerCountry.optional(),
  card_funding: cardFunding.optional(),
  capture: z.enum(captureModes).optional(),
});

export type RuleSetBody = z.output<typeof ruleSet>;

export function toRuleSet(body: RuleSetBody): RuleSet {
  return {
    rules: body.rules.map(toRule),
    maxAttempts: body.max_attempts ?? null,
    refusedFunding: body.refused_card_funding ?? [],
  };
}

function toRule({ id, when, accounts, refuse, ...settings }: RuleSetBody['rules'][number]): RoutingRule {
  const { min = null, max = null } = when.amount ?? {};
  return {
    id,
    when: {
      methods: when.method ?? null,
      currencies: when.currency ?? null,
      countries: when.country ?? null,
      amount: when.amount ? { minMinor: min, maxMinor: max } : null,
      cardFunding: when.card_funding ?? null,
    },
    then:
      refuse === undefined
        ? {
            kind: 'accounts',
            accounts: accounts ?? [],
            maxAttempts: settings.max_attempts ?? null,
            refusedFunding: settings.refused_card_funding ?? [],
          }
        : { kind: 'refuse', reason: refuse },
  };
}
