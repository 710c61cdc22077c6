import type { Knex } from 'knex';

/** Merchants' requests for refunds: each is carried out by an operation of its own. */
export async function up(knex: Knex, appRole: string): Promise<void> {
  await knex.raw(refunds);
  await knex.raw(grants.replaceAll(':role', `"${appRole}"`));
}

const refunds = /* sql */ `
CREATE TABLE refunds (
  id text PRIMARY KEY, merchant_id text NOT NULL, mode text NOT NULL,
  payment_id text NOT NULL, operation_id text NOT NULL UNIQUE,
  reason text, metadata jsonb NOT NULL DEFAULT '{}', requested_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), ended_at timestamptz, due_at timestamptz,
  FOREIGN KEY (merchant_id, mode, payment_id) REFERENCES payments (merchant_id, mode, id),
  FOREIGN KEY (merchant_id, mode, operation_id) REFERENCES operations (merchant_id, mode, id)
);
CREATE INDEX refunds_tenant ON refunds (merchant_id, mode, id);
CREATE INDEX refunds_payment ON refunds (payment_id);
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
-- What was given back of an operation's money is summed over the refunds of it.
CREATE INDEX operations_of ON operations (of_operation_id) WHERE of_operation_id IS NOT NULL;
-- Keys of requests that are answered by another row than a payment.
CREATE INDEX idempotency_keys_unanswered_object ON idempotency_keys (object_id)
  WHERE status IS NULL AND payment_id IS NULL;
`;

const grants = /* sql */ `
GRANT SELECT, INSERT ON refunds TO :role;
GRANT UPDATE (ended_at, due_at) ON refunds TO :role;
`;
