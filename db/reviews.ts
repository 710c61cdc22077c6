import type { ReviewRecord, ReviewStatus } from '../domain/review-resource.js';
import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

interface ReviewRow {
  id: string;
  payment_id: string;
  operation_id: string | null;
  reason: ReviewRecord['reason'];
  status: ReviewStatus;
  evidence: ReviewRecord['evidence'];
  created_at: Date;
  closed_at: Date | null;
}

const columns = /* sql */ `id, payment_id, operation_id, reason, status,
  jsonb_build_array(evidence) || later_evidence AS evidence, created_at, closed_at`;

const selectOne: Statement = {
  name: 'review-by-id',
  text: `SELECT ${columns} FROM reviews WHERE merchant_id = ? AND mode = ? AND id = ?`,
};

export async function findReview(
  executor: Executor,
  tenant: Tenant,
  id: string,
): Promise<ReviewRecord | undefined> {
  const [row] = await run<ReviewRow>(executor, selectOne, [tenant.merchantId, tenant.mode, id]);
  return row && fromRow(row);
}

/** A page of a tenant's reviews, of one status or of all, newest first; cursors are review ids. */
export async function listReviews(
  executor: Executor,
  tenant: Tenant,
  page: {
    limit: number;
    status?: ReviewStatus | undefined;
    startingAfter?: string | undefined;
    endingBefore?: string | undefined;
  },
): Promise<ReviewRecord[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const status = page.status ?? '';
  const statement: Statement = {
    name: backwards ? 'reviews-before' : 'reviews-after',
    text: /* sql */ `
      SELECT ${columns} FROM reviews WHERE merchant_id = ? AND mode = ? AND (? = '' OR status = ?)
         AND (? = '' OR id ${backwards ? '>' : '<'} ?) ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, status, status, cursor, cursor, page.limit];
  const rows = await run<ReviewRow>(executor, statement, values);
  return (backwards ? rows.reverse() : rows).map(fromRow);
}

function fromRow(row: ReviewRow): ReviewRecord {
  return {
    id: row.id,
    paymentId: row.payment_id,
    operationId: row.operation_id,
    reason: row.reason,
    status: row.status,
    evidence: row.evidence,
    createdAtMs: row.created_at.getTime(),
    closedAtMs: row.closed_at?.getTime() ?? null,
  };
}
