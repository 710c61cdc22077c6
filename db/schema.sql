-- Written by scripts/dump-schema.ts from the migrations; do not edit.

CREATE TABLE api_keys (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  key_hash bytea NOT NULL,
  display text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone
);
CREATE TABLE audit_log (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamp with time zone NOT NULL DEFAULT now(),
  merchant_id text,
  mode text,
  actor text NOT NULL,
  action text NOT NULL,
  detail jsonb NOT NULL
);
CREATE TABLE blocked_payers (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payer_id text NOT NULL,
  reason text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE entitlements (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payer_id text NOT NULL,
  product_id text NOT NULL,
  payment_id text NOT NULL,
  line_position integer NOT NULL,
  repeatable boolean NOT NULL,
  status text NOT NULL,
  granted_at timestamp with time zone NOT NULL DEFAULT now(),
  revoked_at timestamp with time zone
);
CREATE TABLE events (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payment_id text NOT NULL,
  type text NOT NULL,
  sequence integer NOT NULL,
  data jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE idempotency_keys (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  object_id text NOT NULL,
  payment_id text,
  success_status integer NOT NULL,
  status integer,
  body text,
  accepted_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE kill_switches (
  id text NOT NULL,
  merchant_id text,
  mode text,
  provider text,
  method text,
  operation text,
  reason text NOT NULL,
  thrown_by text NOT NULL,
  thrown_at timestamp with time zone NOT NULL DEFAULT now(),
  lifted_by text,
  lifted_at timestamp with time zone
);
CREATE TABLE ledger_entries (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  transaction_id bigint NOT NULL,
  account text NOT NULL,
  currency text NOT NULL,
  amount_minor bigint NOT NULL
);
CREATE TABLE ledger_transactions (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  operation_id text,
  fact text NOT NULL,
  posted_at timestamp with time zone NOT NULL DEFAULT now(),
  wallet_movement_id text
);
CREATE TABLE merchant_limits (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  currency text NOT NULL,
  per_payment_minor bigint,
  per_day_minor bigint
);
CREATE TABLE merchants (
  id text NOT NULL,
  mode text NOT NULL,
  name text NOT NULL,
  default_currency text NOT NULL,
  time_zone text NOT NULL DEFAULT 'Asia/Shanghai'::text,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE notifications (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  account_id text NOT NULL,
  dedupe_key text NOT NULL,
  provider_key text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payment_id text,
  operation_id text,
  says text NOT NULL,
  paid jsonb,
  raw_body bytea NOT NULL,
  received_at timestamp with time zone NOT NULL DEFAULT now(),
  due_at timestamp with time zone,
  processed_at timestamp with time zone,
  result text,
  told jsonb
);
CREATE TABLE operations (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payment_id text NOT NULL,
  number integer NOT NULL,
  kind text NOT NULL,
  provider text NOT NULL,
  account_id text NOT NULL,
  provider_key text NOT NULL,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  status text NOT NULL,
  sent_at timestamp with time zone,
  offer jsonb,
  offer_ends_at timestamp with time zone NOT NULL,
  conclusive_after timestamp with time zone NOT NULL,
  deadline_at timestamp with time zone NOT NULL,
  next_poll_at timestamp with time zone NOT NULL,
  poll_count integer NOT NULL DEFAULT 0,
  asked_at timestamp with time zone,
  provider_reference text,
  last_error jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  ended_at timestamp with time zone,
  flow text,
  payment_token text,
  of_operation_id text,
  capture_before timestamp with time zone,
  replay_for_ms bigint,
  refused_funding text[] NOT NULL DEFAULT '{}'::text[],
  fallbacks jsonb,
  approved_at timestamp with time zone,
  return_details text,
  advance_taken_at timestamp with time zone,
  advance_replay_until timestamp with time zone,
  advance_count integer NOT NULL DEFAULT 0,
  moved_minor bigint
);
CREATE TABLE order_lines (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payment_id text NOT NULL,
  "position" integer NOT NULL,
  product_id text NOT NULL,
  product_type text NOT NULL,
  quantity integer NOT NULL,
  amount_minor bigint NOT NULL,
  repeatable boolean NOT NULL
);
CREATE TABLE payments (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payer_id text NOT NULL,
  amount_minor bigint NOT NULL,
  currency text NOT NULL,
  method text NOT NULL,
  order_reference text NOT NULL,
  return_url text,
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
  status text NOT NULL,
  outcome text NOT NULL DEFAULT 'known'::text,
  amount_received_minor bigint NOT NULL DEFAULT 0,
  amount_refunded_minor bigint NOT NULL DEFAULT 0,
  last_error jsonb,
  sequence integer NOT NULL DEFAULT 1,
  limit_day date NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  cancel_requested_at timestamp with time zone,
  cancel_requested_by text,
  ended_at timestamp with time zone,
  due_at timestamp with time zone,
  capture text NOT NULL DEFAULT 'automatic'::text,
  payer_ip text,
  card jsonb,
  payer_country text,
  routing_version integer,
  routing_rule text
);
CREATE TABLE products (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  id text NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  price_minor bigint NOT NULL,
  currency text NOT NULL,
  repeatable boolean NOT NULL DEFAULT false,
  active boolean NOT NULL DEFAULT true,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE provider_accounts (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  provider text NOT NULL,
  method text NOT NULL,
  credential text NOT NULL,
  currencies text[] NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  disabled_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  misconfigured_at timestamp with time zone,
  misconfigured_because jsonb,
  restored_at timestamp with time zone,
  probe_due_at timestamp with time zone,
  probe_pause_s integer NOT NULL DEFAULT 60
);
CREATE TABLE purchase_claims (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payer_id text NOT NULL,
  product_id text NOT NULL,
  payment_id text NOT NULL
);
CREATE TABLE refunds (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payment_id text NOT NULL,
  operation_id text NOT NULL,
  reason text,
  metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
  requested_by text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  ended_at timestamp with time zone,
  due_at timestamp with time zone
);
CREATE TABLE reviews (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payment_id text NOT NULL,
  operation_id text,
  reason text NOT NULL,
  evidence jsonb NOT NULL,
  status text NOT NULL DEFAULT 'open'::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  closed_at timestamp with time zone,
  later_evidence jsonb NOT NULL DEFAULT '[]'::jsonb
);
CREATE TABLE routing_activations (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  version integer,
  activated_by text NOT NULL,
  activated_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE routing_versions (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  version integer NOT NULL,
  rules jsonb NOT NULL,
  note text,
  created_by text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE schema_migrations (
  name text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE wallet_movements (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payer_id text NOT NULL,
  currency text NOT NULL,
  kind text NOT NULL,
  balance_change_minor bigint NOT NULL,
  held_change_minor bigint NOT NULL,
  operation_id text,
  actor text,
  description text,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE wallets (
  merchant_id text NOT NULL,
  mode text NOT NULL,
  payer_id text NOT NULL,
  currency text NOT NULL,
  balance_minor bigint NOT NULL DEFAULT 0,
  held_minor bigint NOT NULL DEFAULT 0,
  credit_limit_minor bigint NOT NULL DEFAULT 0,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  updated_at timestamp with time zone NOT NULL DEFAULT now()
);
CREATE TABLE webhook_deliveries (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  event_id text NOT NULL,
  endpoint_id text NOT NULL,
  status text NOT NULL DEFAULT 'pending'::text,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamp with time zone,
  last_result text,
  delivered_at timestamp with time zone
);
CREATE TABLE webhook_endpoints (
  id text NOT NULL,
  merchant_id text NOT NULL,
  mode text NOT NULL,
  url text NOT NULL,
  secret text NOT NULL,
  enabled_events text[] NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  disabled_at timestamp with time zone,
  disabled_because text
);

ALTER TABLE api_keys ADD CONSTRAINT api_keys_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE api_keys ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);
ALTER TABLE audit_log ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);
ALTER TABLE blocked_payers ADD CONSTRAINT blocked_payers_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE blocked_payers ADD CONSTRAINT blocked_payers_pkey PRIMARY KEY (merchant_id, mode, payer_id);
ALTER TABLE entitlements ADD CONSTRAINT entitlements_status_check CHECK ((status = ANY (ARRAY['granted'::text, 'grace'::text, 'suspended'::text, 'revoked'::text])));
ALTER TABLE entitlements ADD CONSTRAINT entitlements_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE entitlements ADD CONSTRAINT entitlements_merchant_id_mode_product_id_fkey FOREIGN KEY (merchant_id, mode, product_id) REFERENCES products(merchant_id, mode, id);
ALTER TABLE entitlements ADD CONSTRAINT entitlements_pkey PRIMARY KEY (id);
ALTER TABLE entitlements ADD CONSTRAINT entitlements_payment_id_line_position_key UNIQUE (payment_id, line_position);
ALTER TABLE events ADD CONSTRAINT events_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE events ADD CONSTRAINT events_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_check CHECK (((status IS NULL) = (body IS NULL)));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_check1 CHECK (((status IS NULL) OR (accepted_at IS NULL)));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (merchant_id, mode, route, key);
ALTER TABLE kill_switches ADD CONSTRAINT kill_switches_check CHECK (((merchant_id IS NULL) = (mode IS NULL)));
ALTER TABLE kill_switches ADD CONSTRAINT kill_switches_check1 CHECK ((num_nonnulls(merchant_id, provider, method, operation) > 0));
ALTER TABLE kill_switches ADD CONSTRAINT kill_switches_check2 CHECK (((lifted_at IS NULL) = (lifted_by IS NULL)));
ALTER TABLE kill_switches ADD CONSTRAINT kill_switches_operation_check CHECK ((operation = ANY (ARRAY['authorize'::text, 'sale'::text, 'mandate_charge'::text])));
ALTER TABLE kill_switches ADD CONSTRAINT kill_switches_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE kill_switches ADD CONSTRAINT kill_switches_pkey PRIMARY KEY (id);
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_amount_minor_check CHECK ((amount_minor <> 0));
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_merchant_id_mode_transaction_id_fkey FOREIGN KEY (merchant_id, mode, transaction_id) REFERENCES ledger_transactions(merchant_id, mode, id);
ALTER TABLE ledger_entries ADD CONSTRAINT ledger_entries_pkey PRIMARY KEY (id);
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_about_one_thing CHECK ((num_nonnulls(operation_id, wallet_movement_id) = 1));
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_merchant_id_mode_operation_id_fkey FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations(merchant_id, mode, id);
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_merchant_id_mode_wallet_movement_id_fkey FOREIGN KEY (merchant_id, mode, wallet_movement_id) REFERENCES wallet_movements(merchant_id, mode, id);
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_pkey PRIMARY KEY (id);
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_operation_id_fact_key UNIQUE (operation_id, fact);
ALTER TABLE ledger_transactions ADD CONSTRAINT ledger_transactions_wallet_movement_id_key UNIQUE (wallet_movement_id);
ALTER TABLE merchant_limits ADD CONSTRAINT merchant_limits_per_day_minor_check CHECK ((per_day_minor > 0));
ALTER TABLE merchant_limits ADD CONSTRAINT merchant_limits_per_payment_minor_check CHECK ((per_payment_minor > 0));
ALTER TABLE merchant_limits ADD CONSTRAINT merchant_limits_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE merchant_limits ADD CONSTRAINT merchant_limits_pkey PRIMARY KEY (merchant_id, mode, currency);
ALTER TABLE merchants ADD CONSTRAINT merchants_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])));
ALTER TABLE merchants ADD CONSTRAINT merchants_pkey PRIMARY KEY (id, mode);
ALTER TABLE notifications ADD CONSTRAINT notifications_merchant_id_mode_account_id_fkey FOREIGN KEY (merchant_id, mode, account_id) REFERENCES provider_accounts(merchant_id, mode, id);
ALTER TABLE notifications ADD CONSTRAINT notifications_merchant_id_mode_operation_id_fkey FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations(merchant_id, mode, id);
ALTER TABLE notifications ADD CONSTRAINT notifications_pkey PRIMARY KEY (id);
ALTER TABLE notifications ADD CONSTRAINT notifications_account_id_dedupe_key_key UNIQUE (account_id, dedupe_key);
ALTER TABLE operations ADD CONSTRAINT operations_advance_count_check CHECK ((advance_count >= 0));
ALTER TABLE operations ADD CONSTRAINT operations_amount_minor_check CHECK ((amount_minor > 0));
ALTER TABLE operations ADD CONSTRAINT operations_check CHECK (((of_operation_id IS NULL) = (kind = ANY (ARRAY['authorize'::text, 'sale'::text, 'mandate_charge'::text, 'payout'::text]))));
ALTER TABLE operations ADD CONSTRAINT operations_check1 CHECK (((advance_taken_at IS NULL) OR ((approved_at IS NOT NULL) AND (advance_count > 0))));
ALTER TABLE operations ADD CONSTRAINT operations_check2 CHECK (((advance_taken_at IS NULL) = (advance_replay_until IS NULL)));
ALTER TABLE operations ADD CONSTRAINT operations_flow_check CHECK ((flow = ANY (ARRAY['qr_code'::text, 'redirect'::text])));
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK ((kind = ANY (ARRAY['authorize'::text, 'capture'::text, 'sale'::text, 'void'::text, 'refund'::text, 'payout'::text, 'mandate_charge'::text])));
ALTER TABLE operations ADD CONSTRAINT operations_moved_minor_check CHECK ((moved_minor > 0));
ALTER TABLE operations ADD CONSTRAINT operations_number_check CHECK (((number >= 1) AND (number <= 1295)));
ALTER TABLE operations ADD CONSTRAINT operations_replay_for_ms_check CHECK ((replay_for_ms >= 0));
ALTER TABLE operations ADD CONSTRAINT operations_status_check CHECK ((status = ANY (ARRAY['planned'::text, 'sent'::text, 'action_required'::text, 'pending'::text, 'unknown'::text, 'review'::text, 'succeeded'::text, 'rejected'::text, 'closed'::text, 'canceled'::text, 'late_success'::text])));
ALTER TABLE operations ADD CONSTRAINT operations_merchant_id_mode_account_id_fkey FOREIGN KEY (merchant_id, mode, account_id) REFERENCES provider_accounts(merchant_id, mode, id);
ALTER TABLE operations ADD CONSTRAINT operations_merchant_id_mode_of_operation_id_fkey FOREIGN KEY (merchant_id, mode, of_operation_id) REFERENCES operations(merchant_id, mode, id);
ALTER TABLE operations ADD CONSTRAINT operations_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE operations ADD CONSTRAINT operations_pkey PRIMARY KEY (id);
ALTER TABLE operations ADD CONSTRAINT operations_account_id_provider_key_key UNIQUE (account_id, provider_key);
ALTER TABLE operations ADD CONSTRAINT operations_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);
ALTER TABLE operations ADD CONSTRAINT operations_payment_id_number_key UNIQUE (payment_id, number);
ALTER TABLE order_lines ADD CONSTRAINT order_lines_amount_minor_check CHECK ((amount_minor > 0));
ALTER TABLE order_lines ADD CONSTRAINT order_lines_quantity_check CHECK ((quantity > 0));
ALTER TABLE order_lines ADD CONSTRAINT order_lines_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE order_lines ADD CONSTRAINT order_lines_merchant_id_mode_product_id_fkey FOREIGN KEY (merchant_id, mode, product_id) REFERENCES products(merchant_id, mode, id);
ALTER TABLE order_lines ADD CONSTRAINT order_lines_pkey PRIMARY KEY (payment_id, "position");
ALTER TABLE payments ADD CONSTRAINT payments_amount_minor_check CHECK ((amount_minor > 0));
ALTER TABLE payments ADD CONSTRAINT payments_amount_received_minor_check CHECK ((amount_received_minor >= 0));
ALTER TABLE payments ADD CONSTRAINT payments_capture_check CHECK ((capture = ANY (ARRAY['automatic'::text, 'manual'::text])));
ALTER TABLE payments ADD CONSTRAINT payments_check CHECK (((amount_refunded_minor >= 0) AND (amount_refunded_minor <= amount_received_minor)));
ALTER TABLE payments ADD CONSTRAINT payments_outcome_check CHECK ((outcome = ANY (ARRAY['known'::text, 'unknown'::text, 'review'::text])));
ALTER TABLE payments ADD CONSTRAINT payments_payer_country_check CHECK ((payer_country ~ '^[A-Z]{2}$'::text));
ALTER TABLE payments ADD CONSTRAINT payments_status_check CHECK ((status = ANY (ARRAY['requires_payment_method'::text, 'requires_confirmation'::text, 'requires_action'::text, 'processing'::text, 'requires_capture'::text, 'succeeded'::text, 'canceled'::text])));
ALTER TABLE payments ADD CONSTRAINT payments_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE payments ADD CONSTRAINT payments_merchant_id_mode_routing_version_fkey FOREIGN KEY (merchant_id, mode, routing_version) REFERENCES routing_versions(merchant_id, mode, version);
ALTER TABLE payments ADD CONSTRAINT payments_pkey PRIMARY KEY (id);
ALTER TABLE payments ADD CONSTRAINT payments_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);
ALTER TABLE payments ADD CONSTRAINT payments_merchant_id_mode_order_reference_key UNIQUE (merchant_id, mode, order_reference);
ALTER TABLE products ADD CONSTRAINT products_price_minor_check CHECK ((price_minor > 0));
ALTER TABLE products ADD CONSTRAINT products_type_check CHECK ((type = ANY (ARRAY['course'::text, 'ebook'::text, 'audio'::text, 'video'::text, 'membership'::text])));
ALTER TABLE products ADD CONSTRAINT products_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE products ADD CONSTRAINT products_pkey PRIMARY KEY (merchant_id, mode, id);
ALTER TABLE provider_accounts ADD CONSTRAINT provider_accounts_check CHECK (((misconfigured_at IS NULL) = (misconfigured_because IS NULL)));
ALTER TABLE provider_accounts ADD CONSTRAINT provider_accounts_check1 CHECK (((misconfigured_at IS NULL) = (probe_due_at IS NULL)));
ALTER TABLE provider_accounts ADD CONSTRAINT provider_accounts_probe_pause_s_check CHECK ((probe_pause_s > 0));
ALTER TABLE provider_accounts ADD CONSTRAINT provider_accounts_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE provider_accounts ADD CONSTRAINT provider_accounts_pkey PRIMARY KEY (id);
ALTER TABLE provider_accounts ADD CONSTRAINT provider_accounts_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);
ALTER TABLE purchase_claims ADD CONSTRAINT purchase_claims_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE purchase_claims ADD CONSTRAINT purchase_claims_pkey PRIMARY KEY (merchant_id, mode, payer_id, product_id);
ALTER TABLE refunds ADD CONSTRAINT refunds_merchant_id_mode_operation_id_fkey FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations(merchant_id, mode, id);
ALTER TABLE refunds ADD CONSTRAINT refunds_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE refunds ADD CONSTRAINT refunds_pkey PRIMARY KEY (id);
ALTER TABLE refunds ADD CONSTRAINT refunds_operation_id_key UNIQUE (operation_id);
ALTER TABLE reviews ADD CONSTRAINT reviews_later_evidence_check CHECK ((jsonb_typeof(later_evidence) = 'array'::text));
ALTER TABLE reviews ADD CONSTRAINT reviews_status_check CHECK ((status = ANY (ARRAY['open'::text, 'closed'::text])));
ALTER TABLE reviews ADD CONSTRAINT reviews_merchant_id_mode_operation_id_fkey FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations(merchant_id, mode, id);
ALTER TABLE reviews ADD CONSTRAINT reviews_merchant_id_mode_payment_id_fkey FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments(merchant_id, mode, id);
ALTER TABLE reviews ADD CONSTRAINT reviews_pkey PRIMARY KEY (id);
ALTER TABLE reviews ADD CONSTRAINT reviews_operation_id_reason_key UNIQUE (operation_id, reason);
ALTER TABLE routing_activations ADD CONSTRAINT routing_activations_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE routing_activations ADD CONSTRAINT routing_activations_merchant_id_mode_version_fkey FOREIGN KEY (merchant_id, mode, version) REFERENCES routing_versions(merchant_id, mode, version);
ALTER TABLE routing_activations ADD CONSTRAINT routing_activations_pkey PRIMARY KEY (id);
ALTER TABLE routing_versions ADD CONSTRAINT routing_versions_version_check CHECK ((version > 0));
ALTER TABLE routing_versions ADD CONSTRAINT routing_versions_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE routing_versions ADD CONSTRAINT routing_versions_pkey PRIMARY KEY (merchant_id, mode, version);
ALTER TABLE schema_migrations ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (name);
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_check CHECK (((balance_change_minor <> 0) OR (held_change_minor <> 0)));
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_check1 CHECK (((operation_id IS NULL) = (kind = ANY (ARRAY['top_up'::text, 'adjustment'::text]))));
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_check2 CHECK (((operation_id IS NULL) = (actor IS NOT NULL)));
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_kind_check CHECK ((kind = ANY (ARRAY['top_up'::text, 'adjustment'::text, 'charge'::text, 'hold'::text, 'capture'::text, 'release'::text, 'refund'::text])));
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_merchant_id_mode_operation_id_fkey FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations(merchant_id, mode, id);
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_merchant_id_mode_payer_id_currency_fkey FOREIGN KEY (merchant_id, mode, payer_id, currency) REFERENCES wallets(merchant_id, mode, payer_id, currency);
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_pkey PRIMARY KEY (id);
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);
ALTER TABLE wallet_movements ADD CONSTRAINT wallet_movements_operation_id_key UNIQUE (operation_id);
ALTER TABLE wallets ADD CONSTRAINT wallets_countable CHECK (((balance_minor + held_minor) <= '9007199254740991'::bigint));
ALTER TABLE wallets ADD CONSTRAINT wallets_hold_nothing_negative CHECK (((held_minor >= 0) AND (credit_limit_minor >= 0)));
ALTER TABLE wallets ADD CONSTRAINT wallets_not_overdrawn CHECK ((balance_minor >= (- credit_limit_minor)));
ALTER TABLE wallets ADD CONSTRAINT wallets_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE wallets ADD CONSTRAINT wallets_pkey PRIMARY KEY (merchant_id, mode, payer_id, currency);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'retrying'::text, 'delivered'::text, 'abandoned'::text])));
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_merchant_id_mode_endpoint_id_fkey FOREIGN KEY (merchant_id, mode, endpoint_id) REFERENCES webhook_endpoints(merchant_id, mode, id);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_merchant_id_mode_event_id_fkey FOREIGN KEY (merchant_id, mode, event_id) REFERENCES events(merchant_id, mode, id);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);
ALTER TABLE webhook_deliveries ADD CONSTRAINT webhook_deliveries_event_id_endpoint_id_key UNIQUE (event_id, endpoint_id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_merchant_id_mode_fkey FOREIGN KEY (merchant_id, mode) REFERENCES merchants(id, mode);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT webhook_endpoints_merchant_id_mode_id_key UNIQUE (merchant_id, mode, id);

CREATE UNIQUE INDEX entitlements_bought_once ON public.entitlements USING btree (merchant_id, mode, payer_id, product_id) WHERE ((NOT repeatable) AND (status <> 'revoked'::text));
CREATE INDEX entitlements_payer ON public.entitlements USING btree (merchant_id, mode, payer_id);
CREATE INDEX events_payment ON public.events USING btree (payment_id, sequence);
CREATE INDEX idempotency_keys_unanswered ON public.idempotency_keys USING btree (payment_id) WHERE (status IS NULL);
CREATE INDEX idempotency_keys_unanswered_object ON public.idempotency_keys USING btree (object_id) WHERE ((status IS NULL) AND (payment_id IS NULL));
CREATE INDEX kill_switches_on ON public.kill_switches USING btree (thrown_at) WHERE (lifted_at IS NULL);
CREATE INDEX ledger_entries_account ON public.ledger_entries USING btree (merchant_id, mode, account, currency) INCLUDE (amount_minor);
CREATE INDEX ledger_entries_transaction ON public.ledger_entries USING btree (transaction_id);
CREATE INDEX notifications_due ON public.notifications USING btree (due_at) WHERE ((processed_at IS NULL) AND (due_at IS NOT NULL));
CREATE INDEX notifications_open ON public.notifications USING btree (payment_id) WHERE (processed_at IS NULL);
CREATE INDEX operations_by_act ON public.operations USING btree (account_id, provider_reference) WHERE ((kind = ANY (ARRAY['capture'::text, 'void'::text, 'refund'::text])) AND (provider_reference IS NOT NULL));
CREATE INDEX operations_of ON public.operations USING btree (of_operation_id) WHERE (of_operation_id IS NOT NULL);
CREATE UNIQUE INDEX operations_one_open ON public.operations USING btree (payment_id) WHERE ((kind = ANY (ARRAY['authorize'::text, 'sale'::text, 'mandate_charge'::text])) AND (status = ANY (ARRAY['planned'::text, 'sent'::text, 'action_required'::text, 'pending'::text, 'unknown'::text, 'review'::text])));
CREATE UNIQUE INDEX operations_one_settling ON public.operations USING btree (of_operation_id) WHERE ((kind = ANY (ARRAY['capture'::text, 'void'::text])) AND (status = ANY (ARRAY['planned'::text, 'sent'::text, 'action_required'::text, 'pending'::text, 'unknown'::text, 'review'::text, 'succeeded'::text])));
CREATE UNIQUE INDEX operations_one_success ON public.operations USING btree (payment_id) WHERE ((kind = ANY (ARRAY['authorize'::text, 'sale'::text, 'mandate_charge'::text])) AND (status = 'succeeded'::text));
CREATE INDEX payments_due ON public.payments USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX payments_limit_day ON public.payments USING btree (merchant_id, mode, currency, limit_day) INCLUDE (amount_minor, status);
CREATE INDEX provider_accounts_misconfigured ON public.provider_accounts USING btree (probe_due_at) WHERE (misconfigured_at IS NOT NULL);
CREATE INDEX purchase_claims_payment ON public.purchase_claims USING btree (payment_id);
CREATE INDEX refunds_due ON public.refunds USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX refunds_payment ON public.refunds USING btree (payment_id);
CREATE INDEX refunds_tenant ON public.refunds USING btree (merchant_id, mode, id);
CREATE INDEX reviews_tenant ON public.reviews USING btree (merchant_id, mode, id);
CREATE INDEX routing_activations_newest ON public.routing_activations USING btree (merchant_id, mode, id DESC);
CREATE INDEX wallet_movements_wallet ON public.wallet_movements USING btree (merchant_id, mode, payer_id, id);
CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX webhook_endpoints_tenant ON public.webhook_endpoints USING btree (merchant_id, mode) WHERE (disabled_at IS NULL);

CREATE OR REPLACE FUNCTION public.is_stopped(of_merchant text, of_mode text, of_provider text, of_method text, of_operation text)
 RETURNS boolean
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
  SELECT EXISTS (
    SELECT FROM kill_switches s
     WHERE s.lifted_at IS NULL
       AND (s.merchant_id IS NULL OR (s.merchant_id = of_merchant AND s.mode = of_mode))
       AND (s.provider IS NULL OR s.provider = of_provider)
       AND (s.method IS NULL OR s.method = of_method)
       AND (s.operation IS NULL OR s.operation = of_operation))
$function$
;
CREATE OR REPLACE FUNCTION public.ledger_transaction_is_balanced()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$
;
CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% is append-only: correct it by a new row', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $function$
;

CREATE TRIGGER ledger_entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE CONSTRAINT TRIGGER ledger_entries_balanced AFTER INSERT ON public.ledger_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_balanced('transaction_id');
CREATE CONSTRAINT TRIGGER ledger_transaction_balanced AFTER INSERT ON public.ledger_transactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_is_balanced('id');
CREATE TRIGGER ledger_transactions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_transactions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER routing_activations_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.routing_activations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER routing_versions_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.routing_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallet_movements_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.wallet_movements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

GRANT INSERT, SELECT, UPDATE ON api_keys TO quittance_app;
GRANT INSERT, SELECT ON audit_log TO quittance_app;
GRANT DELETE, INSERT, SELECT ON blocked_payers TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON entitlements TO quittance_app;
GRANT INSERT, SELECT ON events TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON idempotency_keys TO quittance_app;
GRANT INSERT, SELECT ON kill_switches TO quittance_app;
GRANT INSERT, SELECT ON ledger_entries TO quittance_app;
GRANT INSERT, SELECT ON ledger_transactions TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON merchant_limits TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON merchants TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON notifications TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON operations TO quittance_app;
GRANT INSERT, SELECT ON order_lines TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON payments TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON products TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON provider_accounts TO quittance_app;
GRANT DELETE, INSERT, SELECT ON purchase_claims TO quittance_app;
GRANT INSERT, SELECT ON refunds TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON reviews TO quittance_app;
GRANT INSERT, SELECT ON routing_activations TO quittance_app;
GRANT INSERT, SELECT ON routing_versions TO quittance_app;
GRANT SELECT ON schema_migrations TO quittance_app;
GRANT INSERT, SELECT ON wallet_movements TO quittance_app;
GRANT INSERT, SELECT ON wallets TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON webhook_deliveries TO quittance_app;
GRANT INSERT, SELECT, UPDATE ON webhook_endpoints TO quittance_app;
