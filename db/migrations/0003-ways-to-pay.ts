import type { Knex } from 'knex';

/**
 * What other providers than Alipay's QR code need: how the payer is led to pay, the provider's client-side token,
 * authorizations with their captures and voids, and what is known of the card that paid.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(waysToPay);
}

const waysToPay = /* sql */ `
ALTER TABLE payments
  ADD COLUMN capture text NOT NULL DEFAULT 'automatic' CHECK (capture IN ('automatic', 'manual')),
  ADD COLUMN payer_ip text,
  ADD COLUMN card jsonb;
COMMENT ON COLUMN payments.card IS 'what the provider said of the card that paid: funding, brand, last four digits, country';
ALTER TABLE operations
  ADD COLUMN flow text CHECK (flow IN ('qr_code', 'redirect')),
  ADD COLUMN payment_token text,
  ADD COLUMN of_operation_id text,
  ADD COLUMN capture_before timestamptz,
  ADD COLUMN replay_for_ms bigint CHECK (replay_for_ms >= 0),
  ADD FOREIGN KEY (merchant_id, mode, of_operation_id) REFERENCES operations (merchant_id, mode, id),
  ADD CHECK ((of_operation_id IS NULL) = (kind IN ('authorize', 'sale', 'mandate_charge', 'payout')));
COMMENT ON COLUMN operations.payment_token IS 'a secret: taken away as soon as the operation has ended';
COMMENT ON COLUMN operations.replay_for_ms IS 'how long after sent_at the same call may be repeated (rule 7 of the payment model); null: for ever; 0: never';
COMMENT ON COLUMN operations.of_operation_id IS 'what a capture, a void or a refund acts on';
-- Capture and void of one authorization exclude each other, and each happens once.
CREATE UNIQUE INDEX operations_one_settling ON operations (of_operation_id)
  WHERE kind IN ('capture', 'void')
    AND status IN ('planned', 'sent', 'action_required', 'pending', 'unknown', 'review', 'succeeded');
`;
