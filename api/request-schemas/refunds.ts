import { z } from 'zod';
import { amount, page, text } from './fields.js';
import { metadata } from './payments.js';

const payment = text(1, 80).describe('The id of the payment.');

export const createRefundRequest = z
  .strictObject({
    payment,
    amount: amount.optional().describe('Minor units; all that can be refunded by default.'),
    reason: text(1, 200).optional().describe('Your own words; not sent to the payer.'),
    metadata: metadata.optional(),
  })
  .meta({ id: 'CreateRefund' });

export const listRefundsQuery = z.strictObject({ ...page, payment: payment.optional() });
