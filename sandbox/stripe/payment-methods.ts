import { missing } from './refusal.js';
import { savedCards, savedCustomer, testCards, type TestCard } from './test-cards.js';
import { newId } from './work.js';

/** A PaymentMethod with the test card behind it. */
export interface UsedCard {
  readonly id: string;
  readonly token: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A test token stands for a PaymentMethod made for this use, as at Stripe: its id is another than the token. */
export function paymentMethodOf(id: string, customer: string | null): UsedCard {
  const saved = savedCards[id];
  const token = saved ?? id;
  if (!testCards[token]) throw missing('PaymentMethod', id, 'payment_method');
  if (saved !== undefined && customer !== savedCustomer) {
    throw missing('PaymentMethod', id, 'payment_method');
  }
  return withBody(saved === undefined ? newId('pm') : id, token, saved === undefined ? null : customer);
}

export function retrievePaymentMethod(id: string): UsedCard {
  return paymentMethodOf(id, savedCustomer);
}

export function cardOf({ token }: UsedCard): TestCard {
  const card = testCards[token];
  if (!card) throw missing('PaymentMethod', token, 'payment_method');
  return card;
}

function withBody(id: string, token: string, customer: string | null): UsedCard {
  const card = testCards[token];
  if (!card) throw missing('PaymentMethod', token, 'payment_method');
  const { brand, last4, funding, country } = card;
  const body = {
    id,
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    card: { brand, country, display_brand: brand, exp_month: 8, exp_year: 2031, funding, last4 },
    customer,
    livemode: false,
    metadata: {},
    type: 'card',
  };
  return { id, token, body };
}
