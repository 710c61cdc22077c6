import type { Knex } from 'knex';

/** What a provider without a look-up tells by its notifications alone. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(toldNotifications);
}

const toldNotifications = /* sql */ `
ALTER TABLE notifications ADD COLUMN told jsonb;
COMMENT ON COLUMN notifications.told IS 'the end of an operation, believed where its provider cannot be asked';
CREATE INDEX operations_by_act ON operations (account_id, provider_reference)
  WHERE kind IN ('capture', 'void', 'refund') AND provider_reference IS NOT NULL;
`;
