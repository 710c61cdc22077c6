import { z } from 'zod';
import { isCurrency } from '../../domain/currencies.js';
import { isCountry } from '../../domain/countries.js';
import { MAX_AMOUNT_MINOR } from '../../domain/money.js';
import { cardFundings } from '../../domain/outcome.js';

/** Fields that several requests have. Every string has a longest length and no control characters. */
const noControls = /^\P{Cc}*$/u;

export function text(minimum: number, maximum: number) {
  return z
    .string()
    .min(minimum, `must have at least ${minimum} character(s)`)
    .max(maximum, `must have at most ${maximum} characters`)
    .regex(noControls, 'must not contain control characters');
}

export const amount = z
  .number('must be a number of minor units')
  .int('must be a whole number of minor units')
  .min(1, 'must be at least 1')
  .max(MAX_AMOUNT_MINOR, `must be at most ${MAX_AMOUNT_MINOR}`)
  .describe('Minor units of the currency: 100000 is CNY 1,000.00.');

export const currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be three upper-case letters')
  .refine(isCurrency, 'is not an active ISO 4217 currency')
  .describe('ISO 4217, upper-case.');

export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be two upper-case letters')
  .refine(isCountry, 'is not an ISO 3166-1 country')
  .describe('ISO 3166-1 alpha-2, upper-case.');

/** The merchant's own name for a product. */
export const productId = z
  .string()
  .regex(
    /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, hyphens or underscores',
  );

export const cardFunding = z.enum(cardFundings, `must be one of ${cardFundings.join(', ')}`);

export const payerId = text(1, 200).describe("The merchant's own name for the payer.");

const limit = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, 'must be a number from 1 to 100')
  .transform(Number)
  .pipe(z.number().max(100, 'must be at most 100'))
  .default(10)
  .describe('How many, 1 to 100; 10 by default.');

const cursor = z.string().regex(/^[\x21-\x7e]{1,80}$/, 'must be an id: 1 to 80 visible ASCII characters');

export const page = {
  limit,
  starting_after: cursor.optional().describe('The id after which the page starts.'),
  ending_before: cursor.optional().describe('The id before which the page ends.'),
};

export const listQuery = z.strictObject(page);
