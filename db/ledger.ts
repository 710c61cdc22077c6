import type { Posting } from '../domain/ledger.js';
import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

const insertPosting: Statement = {
  name: 'ledger-post',
  text: /* sql */ `
    WITH posting AS (
      INSERT INTO ledger_transactions (merchant_id, mode, operation_id, fact) VALUES (?, ?, ?, ?) RETURNING *)
    INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
    SELECT posting.merchant_id, posting.mode, posting.id, e.account, e.currency, e."amountMinor"
      FROM posting, jsonb_to_recordset(?) AS e (account text, currency text, "amountMinor" bigint)`,
};

/**
 * Posts one fact. The database refuses a posting that does not sum to zero per currency, at commit, and a
 * second one of the same fact of the same operation.
 */
export async function post(
  executor: Executor,
  tenant: Tenant,
  operationId: string,
  posting: Posting,
): Promise<void> {
  const { merchantId, mode } = tenant;
  const entries = JSON.stringify(posting.entries);
  await run(executor, insertPosting, [merchantId, mode, operationId, posting.fact, entries]);
}
