import type { Executor } from '../../db/connect.js';
import { run, type Statement } from '../../db/statement.js';
import type { Posting } from '../../domain/ledger.js';
import type { Tenant } from '../../domain/tenant.js';

const insertPosting: Statement = {
  name: 'ledger-post',
  text: /* sql */ `
    WITH posting AS (
      INSERT INTO ledger_transactions (merchant_id, mode, operation_id, fact) VALUES (?, ?, ?, ?) RETURNING *)
    INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
    SELECT posting.merchant_id, posting.mode, posting.id, e.account, e.currency, e."amountMinor"
      FROM posting, jsonb_to_recordset(?) AS e (account text, currency text, "amountMinor" bigint)`,
};

/** A posting alone, in whatever state its payment is: what the database itself refuses is to be seen. */
export async function post(
  executor: Executor,
  tenant: Tenant,
  operationId: string,
  posting: Posting,
): Promise<void> {
  const { merchantId, mode } = tenant;
  await run(executor, insertPosting, [
    merchantId,
    mode,
    operationId,
    posting.fact,
    JSON.stringify(posting.entries),
  ]);
}
