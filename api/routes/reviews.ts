import { findReview, listReviews } from '../../db/reviews.js';
import { isId } from '../../domain/ids.js';
import { toReviewResource } from '../../domain/review-resource.js';
import { listReply } from '../list-page.js';
import { Problem } from '../problem-details.js';
import { listReviewsQuery } from '../request-schemas/reviews.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply } from '../route.js';

const getReview = apiRoute({
  method: 'GET',
  path: '/v1/reviews/:id',
  summary: 'Read what a person is asked to decide, with all evidence so far',
  responses: { 200: { description: 'The review', schema: responses.review } },
  problems: ['not_found'],
  async handle(request, context) {
    const id = request.params['id'] ?? '';
    const { tenant } = request.caller;
    const review = isId('review', id) ? await findReview(context.database, tenant, id) : undefined;
    if (!review) throw new Problem('not_found', 'There is no such review.');
    return jsonReply(200, toReviewResource(review));
  },
});

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/reviews',
  summary: 'List what people have to look at, newest first',
  query: listReviewsQuery,
  responses: {
    200: { description: 'A page of reviews', schema: responses.listOf(responses.review, 'ReviewList') },
  },
  handle(request, context) {
    const { status, ...query } = request.query;
    const { tenant } = request.caller;
    return listReply(
      query,
      (page) => listReviews(context.database, tenant, { ...page, status }),
      toReviewResource,
    );
  },
});

export const reviewRoutes = [listRoute, getReview];
