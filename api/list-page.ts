import { fieldProblem } from './problem-details.js';
import { jsonReply, type Reply } from './route.js';

export interface PageQuery {
  readonly limit: number;
  readonly starting_after?: string | undefined;
  readonly ending_before?: string | undefined;
}

export interface Page {
  readonly limit: number;
  readonly startingAfter: string | undefined;
  readonly endingBefore: string | undefined;
}

/**
 * One page of a list. `read` is asked for one row more than the page has, which tells whether there are more;
 * backwards the surplus row is the first one.
 */
export async function listReply<Row>(
  query: PageQuery,
  read: (page: Page) => Promise<readonly Row[]>,
  render: (row: Row) => unknown,
): Promise<Reply> {
  const { limit, starting_after: startingAfter, ending_before: endingBefore } = query;
  if (startingAfter !== undefined && endingBefore !== undefined) {
    throw fieldProblem('invalid_field', '/ending_before', 'Not together with starting_after.');
  }
  const rows = await read({ limit: limit + 1, startingAfter, endingBefore });
  const hasMore = rows.length > limit;
  const shown = endingBefore === undefined ? rows.slice(0, limit) : rows.slice(-limit);
  return jsonReply(200, { object: 'list', data: shown.map(render), has_more: hasMore });
}
