import type { Knex } from 'knex';

/**
 * For providers where the payer's approval alone moves no money, and we take it after that: when the payer approved,
 * what their browser brought back, and when the call that takes the money was committed, before its first byte.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(advance);
}

const advance = /* sql */ `
ALTER TABLE operations
  ADD COLUMN approved_at timestamptz,
  ADD COLUMN return_details text,
  ADD COLUMN advance_taken_at timestamptz,
  ADD COLUMN advance_replay_until timestamptz,
  ADD COLUMN advance_count integer NOT NULL DEFAULT 0 CHECK (advance_count >= 0),
  ADD CHECK (advance_taken_at IS NULL OR (approved_at IS NOT NULL AND advance_count > 0)),
  ADD CHECK ((advance_taken_at IS NULL) = (advance_replay_until IS NULL));
COMMENT ON COLUMN operations.approved_at IS 'the payer did their part; no money moves before we take it';
COMMENT ON COLUMN operations.return_details IS 'a secret: taken away as soon as the operation has ended';
COMMENT ON COLUMN operations.advance_taken_at IS 'when the call that takes the money was committed; null again once it was answered without effect';
COMMENT ON COLUMN operations.advance_replay_until IS 'until then that call may be made again under its key (rule 7 of the payment model)';
COMMENT ON COLUMN operations.advance_count IS 'how often it was taken: a part of its key at the provider';
`;
