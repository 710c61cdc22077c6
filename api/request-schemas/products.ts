import { z } from 'zod';
import { productTypes } from '../../domain/pricing.js';
import { amount, currency, productId, text } from './fields.js';

const price = z.strictObject({ amount, currency });
const name = text(1, 200);

export const createProductRequest = z
  .strictObject({
    id: productId,
    name,
    type: z.enum(productTypes, `must be one of ${productTypes.join(', ')}`),
    price,
    repeatable: z
      .boolean('must be true or false')
      .optional()
      .describe('May be bought more than once by the same payer; false by default.'),
  })
  .meta({ id: 'CreateProduct' });

export const updateProductRequest = z
  .strictObject({
    name: name.optional(),
    active: z.boolean('must be true or false').optional().describe('Whether it is for sale.'),
    price: price.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change something')
  .meta({ id: 'UpdateProduct' });
