import type { UsedCard } from './payment-methods.js';
import { newId, type Work } from './work.js';

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'canceled'
  | 'succeeded';

export interface Intent {
  readonly id: string;
  readonly account: string;
  /** Which test card it was confirmed with last. */
  readonly used: UsedCard | null;
  readonly createdMs: number;
  readonly returnUrl: string | null;
  readonly body: IntentBody;
}

export interface IntentBody extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly amount: number;
  readonly amount_capturable: number;
  readonly amount_received: number;
  readonly capture_method: 'automatic' | 'automatic_async' | 'manual';
  readonly currency: string;
  readonly customer: string | null;
  readonly latest_charge: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: IntentStatus;
}

export interface Terms {
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: IntentBody['capture_method'];
  readonly customer: string | null;
  readonly description: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One that waits for a card. */
export function newIntent(work: Work, terms: Terms): Intent {
  const id = newId('pi');
  const { amount, currency, customer, description, metadata } = terms;
  const body: IntentBody = {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: ['card'],
    amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: terms.captureMethod,
    client_secret: newId(`${id}_secret`),
    confirmation_method: 'automatic',
    created: work.nowSeconds,
    currency,
    customer,
    description,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_types: ['card'],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    status: 'requires_payment_method',
    transfer_data: null,
    transfer_group: null,
  };
  return { id, account: work.account, used: null, createdMs: work.nowMs, returnUrl: null, body };
}
