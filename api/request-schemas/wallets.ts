import { z } from 'zod';
import { MAX_AMOUNT_MINOR } from '../../domain/money.js';
import { amount, currency, page, text } from './fields.js';

const walletCurrency = currency.optional().describe("ISO 4217; the merchant's own by default.");
const description = text(1, 500).describe('For whoever reads the wallet later.');

export const topUpRequest = z
  .strictObject({ amount, currency: walletCurrency, description: description.optional() })
  .meta({ id: 'TopUpWallet' });

export const adjustmentRequest = z
  .strictObject({
    amount: z
      .number('must be a number of minor units')
      .int('must be a whole number of minor units')
      .min(-MAX_AMOUNT_MINOR, `must be at least -${MAX_AMOUNT_MINOR}`)
      .max(MAX_AMOUNT_MINOR, `must be at most ${MAX_AMOUNT_MINOR}`)
      .refine((minor) => minor !== 0, 'must not be 0')
      .describe('Minor units; below zero takes from the wallet.'),
    currency: walletCurrency,
    description,
  })
  .meta({ id: 'AdjustWallet' });

export const updateWalletRequest = z
  .strictObject({
    credit_limit: z
      .number('must be a number of minor units')
      .int('must be a whole number of minor units')
      .min(0, 'must be at least 0')
      .max(MAX_AMOUNT_MINOR, `must be at most ${MAX_AMOUNT_MINOR}`)
      .describe('How far below zero the balance may go; 0 is no credit.'),
    currency: walletCurrency,
  })
  .meta({ id: 'UpdateWallet' });

export const listMovementsQuery = z.strictObject(page);
