import { z } from 'zod';
import { page, payerId } from './fields.js';

export const listEntitlementsQuery = z.strictObject({ ...page, payer: payerId });
