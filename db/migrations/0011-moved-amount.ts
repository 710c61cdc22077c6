import type { Knex } from 'knex';

/** What a refund gave back in fact, which may differ from what was asked for. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(movedAmount);
}

const movedAmount = /* sql */ `
ALTER TABLE operations ADD COLUMN moved_minor bigint CHECK (moved_minor > 0);
COMMENT ON COLUMN operations.moved_minor IS 'of a refund: what the provider gave back, as the ledger has it';
UPDATE operations o SET moved_minor = given.amount_minor
  FROM (SELECT t.operation_id, sum(-e.amount_minor)::bigint AS amount_minor
          FROM ledger_transactions t JOIN ledger_entries e ON e.transaction_id = t.id
         WHERE t.fact = 'refunded' AND e.account LIKE 'provider:%' AND e.amount_minor < 0
         GROUP BY t.operation_id) AS given
 WHERE o.id = given.operation_id AND o.kind = 'refund';
`;
