import type { Intent } from './intent-object.js';
import { cardOf, type UsedCard } from './payment-methods.js';
import { newId, type Work } from './work.js';

export interface Charge {
  readonly id: string;
  readonly token: string;
  readonly captureBeforeMs: number;
  readonly body: ChargeBody;
}

export interface ChargeBody extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly amount: number;
  readonly amount_captured: number;
  readonly amount_refunded: number;
  readonly captured: boolean;
  readonly refunded: boolean;
}

/** What most networks allow for a payment online: seven days (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method). */
const HOLD_MS = 7 * 24 * 3_600_000;

export function charge(work: Work, intent: Intent, used: UsedCard, isCaptured: boolean): Charge {
  const body = bodyOf(work, intent, used);
  const captureBeforeMs = work.nowMs + HOLD_MS;
  const card = {
    ...(body['payment_method_details'] as { card: object }).card,
    ...(isCaptured ? {} : { capture_before: Math.floor(captureBeforeMs / 1000) }),
  };
  return putCharge(work, {
    id: body.id,
    token: used.token,
    captureBeforeMs,
    body: {
      ...body,
      amount_captured: isCaptured ? body.amount : 0,
      captured: isCaptured,
      paid: true,
      payment_method_details: { type: 'card', card },
      status: 'succeeded',
    },
  });
}

export function failedCharge(
  work: Work,
  intent: Intent,
  used: UsedCard,
  code: string,
  message: string,
): Charge {
  const body = bodyOf(work, intent, used);
  const failed = { ...body, failure_code: code, failure_message: message, paid: false, status: 'failed' };
  return putCharge(work, { id: body.id, token: used.token, captureBeforeMs: 0, body: failed });
}

export function getCharge({ store }: Work, { body }: Intent): Charge {
  const found = store.get('charge', body.latest_charge ?? '') as Charge | undefined;
  if (!found) throw new Error(`the PaymentIntent ${body.id} has no charge`);
  return found;
}

export function putCharge({ store }: Work, object: Charge): Charge {
  store.put('charge', { ...object });
  return object;
}

function bodyOf(work: Work, intent: Intent, used: UsedCard): ChargeBody {
  const { brand, country, funding, last4 } = cardOf(used);
  const { amount, currency, customer, description, metadata } = intent.body;
  return {
    id: newId('ch'),
    object: 'charge',
    amount,
    amount_captured: 0,
    amount_refunded: 0,
    captured: false,
    created: work.nowSeconds,
    currency,
    customer,
    description,
    disputed: false,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata,
    on_behalf_of: null,
    payment_intent: intent.id,
    payment_method: used.id,
    payment_method_details: {
      type: 'card',
      card: { brand, country, exp_month: 8, exp_year: 2031, funding, last4, network: brand },
    },
    refunded: false,
  };
}
