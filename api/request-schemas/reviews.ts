import { z } from 'zod';
import { reviewStatuses } from '../../domain/review-resource.js';
import { page } from './fields.js';

export const listReviewsQuery = z.strictObject({
  ...page,
  status: z
    .enum(reviewStatuses, `must be one of ${reviewStatuses.join(', ')}`)
    .optional()
    .describe('Only the reviews of this status.'),
});
