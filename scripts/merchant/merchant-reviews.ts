import type { Executor } from '../../db/connect.js';
import { listReviews } from '../../db/reviews.js';
import { toReviewResource } from '../../domain/review-resource.js';
import type { Tenant } from '../../domain/tenant.js';

const PAGE = 100;

/** A merchant's open reviews as the API shows them, one JSON object a line, newest first. */
export async function printOpenReviews(
  executor: Executor,
  tenant: Tenant,
  print: (line: string) => void,
): Promise<void> {
  for (let startingAfter: string | undefined; ;) {
    const page = await listReviews(executor, tenant, { limit: PAGE, status: 'open', startingAfter });
    for (const review of page) print(JSON.stringify(toReviewResource(review)));
    if (page.length < PAGE) return;
    startingAfter = page.at(-1)?.id;
  }
}
