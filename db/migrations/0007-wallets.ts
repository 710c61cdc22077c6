import type { Knex } from 'knex';

/**
 * Payers' wallets: what a merchant owes to a payer, or lends, and every act on it. The balance row decides under its
 * lock whether an act is covered; the ledger has it all in double entry, and the row can be computed from it again.
 */
export async function up(knex: Knex, appRole: string): Promise<void> {
  await knex.raw(wallets);
  await knex.raw(grants.replaceAll(':role', `"${appRole}"`));
}

const wallets = /* sql */ `
CREATE TABLE wallets (
  merchant_id text NOT NULL, mode text NOT NULL, payer_id text NOT NULL, currency text NOT NULL,
  balance_minor bigint NOT NULL DEFAULT 0,
  held_minor bigint NOT NULL DEFAULT 0,
  credit_limit_minor bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, mode, payer_id, currency),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode),
  CONSTRAINT wallets_not_overdrawn CHECK (balance_minor >= -credit_limit_minor),
  CONSTRAINT wallets_hold_nothing_negative CHECK (held_minor >= 0 AND credit_limit_minor >= 0),
  -- The largest integer that is exact in JSON.
  CONSTRAINT wallets_countable CHECK (balance_minor + held_minor <= 9007199254740991)
);
COMMENT ON COLUMN wallets.balance_minor IS 'what the payer may spend of their own; below zero it is credit in use';

CREATE TABLE wallet_movements (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL, payer_id text NOT NULL, currency text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('top_up', 'adjustment', 'charge', 'hold', 'capture', 'release', 'refund')),
  balance_change_minor bigint NOT NULL, held_change_minor bigint NOT NULL,
  operation_id text UNIQUE, actor text, description text,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, payer_id, currency) REFERENCES wallets (merchant_id, mode, payer_id, currency),
  FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations (merchant_id, mode, id),
  CHECK (balance_change_minor <> 0 OR held_change_minor <> 0),
  CHECK ((operation_id IS NULL) = (kind IN ('top_up', 'adjustment'))),
  CHECK ((operation_id IS NULL) = (actor IS NOT NULL))
);
COMMENT ON COLUMN wallet_movements.operation_id IS 'the operation of a payment that did it; without one it was the merchant, named by actor';
CREATE INDEX wallet_movements_wallet ON wallet_movements (merchant_id, mode, payer_id, id);
CREATE TRIGGER wallet_movements_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet_movements
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A ledger transaction is about an operation of a payment, or about a movement of a wallet.
ALTER TABLE ledger_transactions
  ALTER COLUMN operation_id DROP NOT NULL,
  ADD COLUMN wallet_movement_id text UNIQUE,
  ADD FOREIGN KEY (merchant_id, mode, wallet_movement_id) REFERENCES wallet_movements (merchant_id, mode, id),
  ADD CONSTRAINT ledger_transactions_about_one_thing CHECK (num_nonnulls(operation_id, wallet_movement_id) = 1);
`;

const grants = /* sql */ `
GRANT SELECT, INSERT ON wallets, wallet_movements TO :role;
GRANT UPDATE (balance_minor, held_minor, credit_limit_minor, updated_at) ON wallets TO :role;
`;
