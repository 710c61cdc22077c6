import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

export const entitlementStatuses = ['granted', 'grace', 'suspended', 'revoked'] as const;

/** A payer's right to a product. Instants are milliseconds since the epoch. */
export interface EntitlementRecord {
  readonly id: string;
  readonly payerId: string;
  readonly product: string;
  readonly paymentId: string;
  readonly status: (typeof entitlementStatuses)[number];
  readonly grantedAtMs: number;
  readonly revokedAtMs: number | null;
}

interface EntitlementRow {
  id: string;
  payer_id: string;
  product_id: string;
  payment_id: string;
  status: EntitlementRecord['status'];
  granted_at: Date;
  revoked_at: Date | null;
}

/** A page of what a payer has, or had, newest first; cursors are entitlement ids. */
export async function listEntitlements(
  executor: Executor,
  tenant: Tenant,
  payerId: string,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<EntitlementRecord[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const statement: Statement = {
    name: backwards ? 'entitlements-before' : 'entitlements-after',
    text: /* sql */ `
      SELECT id, payer_id, product_id, payment_id, status, granted_at, revoked_at FROM entitlements
       WHERE merchant_id = ? AND mode = ? AND payer_id = ? AND (? = '' OR id ${backwards ? '>' : '<'} ?)
       ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, payerId, cursor, cursor, page.limit];
  const rows = await run<EntitlementRow>(executor, statement, values);
  return (backwards ? rows.reverse() : rows).map((row) => ({
    id: row.id,
    payerId: row.payer_id,
    product: row.product_id,
    paymentId: row.payment_id,
    status: row.status,
    grantedAtMs: row.granted_at.getTime(),
    revokedAtMs: row.revoked_at?.getTime() ?? null,
  }));
}
