import type { Knex } from 'knex';

/**
 * The first schema. Every table of a tenant's data carries (merchant_id, mode), and every reference between
 * such tables includes both, so that a row of one tenant cannot point at another's. Amounts are bigint minor
 * units; text ids are those of domain/ids; `due_at` is when the sweeper looks at a row again.
 */
export async function up(knex: Knex, appRole: string): Promise<void> {
  for (const part of [tenants, payments, notifications, ledger, delivery, announcements]) {
    await knex.raw(part);
  }
  await knex.raw(grants.replaceAll(':role', `"${appRole}"`));
}

const tenants = /* sql */ `
CREATE TABLE merchants (
  id text NOT NULL, mode text NOT NULL CHECK (mode IN ('test', 'live')),
  name text NOT NULL, default_currency text NOT NULL,
  time_zone text NOT NULL DEFAULT 'Asia/Shanghai',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, mode)
);
CREATE TABLE merchant_limits (
  merchant_id text NOT NULL, mode text NOT NULL, currency text NOT NULL,
  per_payment_minor bigint CHECK (per_payment_minor > 0),
  per_day_minor bigint CHECK (per_day_minor > 0),
  PRIMARY KEY (merchant_id, mode, currency),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE TABLE api_keys (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL,
  key_hash bytea NOT NULL UNIQUE, display text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz, revoked_at timestamptz,
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE TABLE provider_accounts (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL,
  provider text NOT NULL, method text NOT NULL, credential text NOT NULL,
  currencies text[] NOT NULL, priority integer NOT NULL DEFAULT 0, disabled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE TABLE blocked_payers (
  merchant_id text NOT NULL, mode text NOT NULL, payer_id text NOT NULL, reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, mode, payer_id),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE TABLE products (
  merchant_id text NOT NULL, mode text NOT NULL, id text NOT NULL,
  name text NOT NULL, type text NOT NULL CHECK (type IN ('course', 'ebook', 'audio', 'video', 'membership')),
  price_minor bigint NOT NULL CHECK (price_minor > 0), currency text NOT NULL,
  repeatable boolean NOT NULL DEFAULT false, active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
`;

const payments = /* sql */ `
CREATE TABLE payments (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL,
  payer_id text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0), currency text NOT NULL,
  method text NOT NULL, order_reference text NOT NULL, return_url text,
  metadata jsonb NOT NULL DEFAULT '{}',
  status text NOT NULL CHECK (status IN ('requires_payment_method', 'requires_confirmation', 'requires_action',
    'processing', 'requires_capture', 'succeeded', 'canceled')),
  outcome text NOT NULL DEFAULT 'known' CHECK (outcome IN ('known', 'unknown', 'review')),
  amount_received_minor bigint NOT NULL DEFAULT 0 CHECK (amount_received_minor >= 0),
  amount_refunded_minor bigint NOT NULL DEFAULT 0
    CHECK (amount_refunded_minor >= 0 AND amount_refunded_minor <= amount_received_minor),
  last_error jsonb, sequence integer NOT NULL DEFAULT 1,
  limit_day date NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL,
  cancel_requested_at timestamptz, cancel_requested_by text, ended_at timestamptz, due_at timestamptz,
  UNIQUE (merchant_id, mode, id),
  UNIQUE (merchant_id, mode, order_reference),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_limit_day ON payments (merchant_id, mode, currency, limit_day) INCLUDE (amount_minor, status);
CREATE TABLE order_lines (
  merchant_id text NOT NULL, mode text NOT NULL, payment_id text NOT NULL, position integer NOT NULL,
  product_id text NOT NULL, product_type text NOT NULL, quantity integer NOT NULL CHECK (quantity > 0),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), repeatable boolean NOT NULL,
  PRIMARY KEY (payment_id, position),
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, product_id) REFERENCES products (merchant_id, mode, id)
);
-- Our own reservation of a product that a payer can have only once: taken when a payment is accepted, released
-- when it ends unpaid, kept when it is paid.
CREATE TABLE purchase_claims (
  merchant_id text NOT NULL, mode text NOT NULL, payer_id text NOT NULL, product_id text NOT NULL,
  payment_id text NOT NULL,
  PRIMARY KEY (merchant_id, mode, payer_id, product_id),
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id)
);
CREATE INDEX purchase_claims_payment ON purchase_claims (payment_id);
CREATE TABLE operations (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL, payment_id text NOT NULL,
  number integer NOT NULL CHECK (number BETWEEN 1 AND 1295),
  kind text NOT NULL CHECK (kind IN ('authorize', 'capture', 'sale', 'void', 'refund', 'payout', 'mandate_charge')),
  provider text NOT NULL, account_id text NOT NULL, provider_key text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0), currency text NOT NULL,
  status text NOT NULL CHECK (status IN ('planned', 'sent', 'action_required', 'pending', 'unknown', 'review',
    'succeeded', 'rejected', 'closed', 'canceled', 'late_success')),
  sent_at timestamptz, offer jsonb,
  offer_ends_at timestamptz NOT NULL, conclusive_after timestamptz NOT NULL, deadline_at timestamptz NOT NULL,
  next_poll_at timestamptz NOT NULL, poll_count integer NOT NULL DEFAULT 0, asked_at timestamptz,
  provider_reference text, last_error jsonb,
  created_at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz,
  UNIQUE (payment_id, number), UNIQUE (merchant_id, mode, id), UNIQUE (account_id, provider_key),
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, account_id) REFERENCES provider_accounts (merchant_id, mode, id)
);
-- Rule 1 of the payment model: at most one collecting operation of a payment may still move money.
CREATE UNIQUE INDEX operations_one_open ON operations (payment_id)
  WHERE kind IN ('authorize', 'sale', 'mandate_charge')
    AND status IN ('planned', 'sent', 'action_required', 'pending', 'unknown', 'review');
CREATE UNIQUE INDEX operations_one_success ON operations (payment_id)
  WHERE kind IN ('authorize', 'sale', 'mandate_charge') AND status = 'succeeded';
CREATE TABLE idempotency_keys (
  merchant_id text NOT NULL, mode text NOT NULL, route text NOT NULL, key text NOT NULL,
  fingerprint bytea NOT NULL, object_id text NOT NULL, payment_id text,
  success_status integer NOT NULL,
  status integer, body text, accepted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (merchant_id, mode, route, key),
  CHECK ((status IS NULL) = (body IS NULL)),
  CHECK (status IS NULL OR accepted_at IS NULL)
);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (payment_id) WHERE status IS NULL;
COMMENT ON COLUMN idempotency_keys.accepted_at IS 'a 202 was sent: replays render the object as it now is';
`;

const notifications = /* sql */ `
CREATE TABLE notifications (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account_id text NOT NULL, dedupe_key text NOT NULL, provider_key text NOT NULL,
  merchant_id text NOT NULL, mode text NOT NULL, payment_id text, operation_id text,
  says text NOT NULL, paid jsonb, raw_body bytea NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(), due_at timestamptz, processed_at timestamptz, result text,
  UNIQUE (account_id, dedupe_key),
  FOREIGN KEY (merchant_id, mode, account_id) REFERENCES provider_accounts (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations (merchant_id, mode, id)
);
CREATE INDEX notifications_open ON notifications (payment_id) WHERE processed_at IS NULL;
CREATE INDEX notifications_due ON notifications (due_at) WHERE processed_at IS NULL AND due_at IS NOT NULL;
CREATE TABLE reviews (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL, payment_id text NOT NULL, operation_id text,
  reason text NOT NULL, evidence jsonb NOT NULL, status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
  created_at timestamptz NOT NULL DEFAULT now(), closed_at timestamptz,
  UNIQUE (operation_id, reason),
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations (merchant_id, mode, id)
);
CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(),
  merchant_id text, mode text, actor text NOT NULL, action text NOT NULL, detail jsonb NOT NULL
);
`;

const ledger = /* sql */ `
CREATE TABLE ledger_transactions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_id text NOT NULL, mode text NOT NULL, operation_id text NOT NULL, fact text NOT NULL,
  posted_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (operation_id, fact), UNIQUE (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations (merchant_id, mode, id)
);
CREATE TABLE ledger_entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_id text NOT NULL, mode text NOT NULL, transaction_id bigint NOT NULL,
  account text NOT NULL, currency text NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
  FOREIGN KEY (merchant_id, mode, transaction_id) REFERENCES ledger_transactions (merchant_id, mode, id)
);
CREATE INDEX ledger_entries_transaction ON ledger_entries (transaction_id);
CREATE INDEX ledger_entries_account ON ledger_entries (merchant_id, mode, account, currency) INCLUDE (amount_minor);

-- The argument names the column that holds the transaction's id.
CREATE FUNCTION ledger_transaction_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE checked bigint := (to_jsonb(NEW) ->> TG_ARGV[0])::bigint; entries bigint := 0; each_currency record;
BEGIN
  FOR each_currency IN
    SELECT currency, sum(amount_minor) AS total, count(*) AS entries FROM ledger_entries
     WHERE transaction_id = checked GROUP BY currency
  LOOP
    entries := entries + each_currency.entries;
    IF each_currency.total <> 0 THEN
      RAISE EXCEPTION 'ledger transaction % does not sum to zero: % %', checked, each_currency.total, each_currency.currency
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  END LOOP;
  IF entries < 2 THEN
    RAISE EXCEPTION 'ledger transaction % has fewer than two entries', checked
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$;
-- On the transaction as well: one without entries would otherwise pass unseen.
CREATE CONSTRAINT TRIGGER ledger_transaction_balanced AFTER INSERT ON ledger_transactions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_balanced('id');
CREATE CONSTRAINT TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_balanced('transaction_id');

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: correct it by a new row', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
`;

const delivery = /* sql */ `
CREATE TABLE entitlements (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL, payer_id text NOT NULL,
  product_id text NOT NULL, payment_id text NOT NULL, line_position integer NOT NULL,
  repeatable boolean NOT NULL,
  status text NOT NULL CHECK (status IN ('granted', 'grace', 'suspended', 'revoked')),
  granted_at timestamptz NOT NULL DEFAULT now(), revoked_at timestamptz,
  UNIQUE (payment_id, line_position),
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, product_id) REFERENCES products (merchant_id, mode, id)
);
CREATE INDEX entitlements_payer ON entitlements (merchant_id, mode, payer_id);
CREATE UNIQUE INDEX entitlements_bought_once ON entitlements (merchant_id, mode, payer_id, product_id)
  WHERE NOT repeatable AND status <> 'revoked';
`;

const announcements = /* sql */ `
CREATE TABLE events (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL,
  payment_id text NOT NULL, type text NOT NULL, sequence integer NOT NULL, data jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id)
);
CREATE INDEX events_payment ON events (payment_id, sequence);
CREATE TABLE webhook_endpoints (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL,
  url text NOT NULL, secret text NOT NULL, enabled_events text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), disabled_at timestamptz, disabled_because text,
  UNIQUE (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode) REFERENCES merchants (id, mode)
);
CREATE INDEX webhook_endpoints_tenant ON webhook_endpoints (merchant_id, mode) WHERE disabled_at IS NULL;
CREATE TABLE webhook_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  merchant_id text NOT NULL, mode text NOT NULL, event_id text NOT NULL, endpoint_id text NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'retrying', 'delivered', 'abandoned')),
  attempts integer NOT NULL DEFAULT 0, due_at timestamptz, last_result text, delivered_at timestamptz,
  UNIQUE (event_id, endpoint_id),
  FOREIGN KEY (merchant_id, mode, event_id) REFERENCES events (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, endpoint_id) REFERENCES webhook_endpoints (merchant_id, mode, id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
`;

/** The application's role owns nothing; facts it may only add, never change or take away. */
const grants = /* sql */ `
GRANT USAGE ON SCHEMA public TO :role;
GRANT SELECT, INSERT ON merchants, merchant_limits, api_keys, provider_accounts, blocked_payers, products, payments,
  order_lines, operations, idempotency_keys, notifications, reviews, audit_log, ledger_transactions, ledger_entries,
  entitlements, events, webhook_endpoints, webhook_deliveries, purchase_claims TO :role;
GRANT UPDATE ON merchants, merchant_limits, api_keys, provider_accounts, products, payments, operations,
  idempotency_keys, notifications, reviews, entitlements, webhook_endpoints, webhook_deliveries TO :role;
GRANT DELETE ON purchase_claims, blocked_payers TO :role;
`;
