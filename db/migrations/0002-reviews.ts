import type { Knex } from 'knex';

/**
 * A review keeps all of its evidence, not only what it was opened with, and can be listed. The first evidence and
 * the constraint on (operation_id, reason) stay as they are: a running version of before writes by them.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(/* sql */ `
    ALTER TABLE reviews ADD COLUMN later_evidence jsonb NOT NULL DEFAULT '[]'
      CHECK (jsonb_typeof(later_evidence) = 'array');
    COMMENT ON COLUMN reviews.later_evidence IS 'what came after it was opened, oldest first; never the same twice';
    CREATE INDEX reviews_tenant ON reviews (merchant_id, mode, id);`);
}
