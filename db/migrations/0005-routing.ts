import type { Knex } from 'knex';

/**
 * Routing rules as data, of which versions are only added; the accounts that a payment may go on to, each with the token
 * that came for it; and accounts that their provider says are set up wrongly.
 */
export async function up(knex: Knex, appRole: string): Promise<void> {
  await knex.raw(rules);
  await knex.raw(attempts);
  await knex.raw(accounts);
  await knex.raw(grants.replaceAll(':role', `"${appRole}"`));
}

const rules = /* sql */ `
CREATE TABLE routing_versions (
  merchant_id text NOT NULL, mode text NOT NULL, version integer NOT NULL CHECK (version > 0),
  rules jsonb NOT NULL, note text,
  created_by text NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, mode, version),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE TABLE routing_activations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_id text NOT NULL, mode text NOT NULL, version integer,
  activated_by text NOT NULL, activated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode),
  FOREIGN KEY (merchant_id, mode, version) REFERENCES routing_versions (merchant_id, mode, version)
);
COMMENT ON TABLE routing_activations IS 'the newest row of a tenant says which version is in force; null: none';
CREATE INDEX routing_activations_newest ON routing_activations (merchant_id, mode, id DESC);
CREATE TRIGGER routing_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON routing_versions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER routing_activations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON routing_activations
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
`;

const attempts = /* sql */ `
ALTER TABLE payments
  ADD COLUMN payer_country text CHECK (payer_country ~ '^[A-Z]{2}$'),
  ADD COLUMN routing_version integer,
  ADD COLUMN routing_rule text,
  ADD FOREIGN KEY (merchant_id, mode, routing_version) REFERENCES routing_versions (merchant_id, mode, version);
COMMENT ON COLUMN payments.routing_version IS 'the version by which the accounts of its newest request were chosen; null: by priority';
ALTER TABLE operations
  ADD COLUMN refused_funding text[] NOT NULL DEFAULT '{}',
  ADD COLUMN fallbacks jsonb;
COMMENT ON COLUMN operations.fallbacks IS 'accounts that the payment may go on to, with their tokens: secrets, taken away as soon as the operation has ended';
`;

const accounts = /* sql */ `
ALTER TABLE provider_accounts
  ADD COLUMN misconfigured_at timestamptz,
  ADD COLUMN misconfigured_because jsonb,
  ADD COLUMN restored_at timestamptz,
  ADD COLUMN probe_due_at timestamptz,
  ADD COLUMN probe_pause_s integer NOT NULL DEFAULT 60 CHECK (probe_pause_s > 0),
  ADD CHECK ((misconfigured_at IS NULL) = (misconfigured_because IS NULL)),
  ADD CHECK ((misconfigured_at IS NULL) = (probe_due_at IS NULL));
COMMENT ON COLUMN provider_accounts.misconfigured_because IS 'code and message of the provider, or of ours where the credential cannot be used';
CREATE INDEX provider_accounts_misconfigured ON provider_accounts (probe_due_at) WHERE misconfigured_at IS NOT NULL;
`;

const grants = /* sql */ `
GRANT SELECT, INSERT ON routing_versions, routing_activations TO :role;
`;
