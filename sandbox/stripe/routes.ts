import { cancelIntent, captureIntent, confirmIntent, createIntent, getIntent } from './intents.js';
import { checkAmount } from './amounts.js';
import { listIntents, searchIntents } from './look-ups.js';
import {
  allowOnly,
  choice,
  flag,
  integer,
  items,
  metadata,
  required,
  text,
  type Parameters,
} from './parameters.js';
import { paymentMethodOf, retrievePaymentMethod } from './payment-methods.js';
import { invalid } from './refusal.js';
import { checkExpand, page, render, type Body } from './rendering.js';
import { createRefund, getRefund, refundsOf } from './refunds.js';
import type { Work } from './work.js';

export interface Route {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  /** Looks at the parameters alone; what it returns runs, and from then on its answer is kept under the key. */
  readonly read: (parameters: Parameters, id: string) => (work: Work) => Body;
}

export const routes: readonly Route[] = [
  { name: 'create', method: 'POST', path: /^\/v1\/payment_intents$/, read: readCreate },
  { name: 'search', method: 'GET', path: /^\/v1\/payment_intents\/search$/, read: searchIntents },
  { name: 'list', method: 'GET', path: /^\/v1\/payment_intents$/, read: listIntents },
  { name: 'retrieve', method: 'GET', path: /^\/v1\/payment_intents\/(\w+)$/, read: readRetrieve },
  { name: 'confirm', method: 'POST', path: /^\/v1\/payment_intents\/(\w+)\/confirm$/, read: readConfirm },
  { name: 'capture', method: 'POST', path: /^\/v1\/payment_intents\/(\w+)\/capture$/, read: readCapture },
  { name: 'cancel', method: 'POST', path: /^\/v1\/payment_intents\/(\w+)\/cancel$/, read: readCancel },
  { name: 'refund', method: 'POST', path: /^\/v1\/refunds$/, read: readRefund },
  { name: 'refund_list', method: 'GET', path: /^\/v1\/refunds$/, read: readRefundList },
  { name: 'refund_retrieve', method: 'GET', path: /^\/v1\/refunds\/(\w+)$/, read: readRefundRetrieve },
  { name: 'payment_method', method: 'GET', path: /^\/v1\/payment_methods\/(\w+)$/, read: readPaymentMethod },
  { name: 'account', method: 'GET', path: /^\/v1\/account$/, read: readAccount },
];

function readCreate(parameters: Parameters): (work: Work) => Body {
  allowOnly(parameters, [
    'allowed_payment_method_types[]',
    'amount',
    'capture_method',
    'confirm',
    'currency',
    'customer',
    'description',
    'expand[]',
    'metadata{}',
    'off_session',
    'payment_method',
    'return_url',
  ]);
  const amount = amountOf(parameters);
  const currency = required(parameters, 'currency').toLowerCase();
  checkAmount(amount, currency);
  if (items(parameters, 'allowed_payment_method_types').some((type) => type !== 'card')) {
    throw invalid('This sandbox has cards only', { param: 'allowed_payment_method_types' });
  }
  const captureMethod = choice(parameters, 'capture_method', ['automatic', 'automatic_async', 'manual']);
  const terms = {
    amount,
    currency,
    captureMethod: captureMethod ?? 'automatic',
    customer: text(parameters, 'customer') ?? null,
    description: text(parameters, 'description', 1000) ?? null,
    metadata: metadata(parameters),
  };
  const isConfirmed = flag(parameters, 'confirm');
  const isOffSession = flag(parameters, 'off_session');
  const returnUrl = text(parameters, 'return_url', 5000) ?? null;
  if (!isConfirmed && (returnUrl !== null || isOffSession)) {
    throw invalid('return_url and off_session need confirm=true', { param: 'confirm' });
  }
  const paymentMethod = isConfirmed ? required(parameters, 'payment_method') : undefined;
  if (isConfirmed && returnUrl === null && !isOffSession) {
    throw invalid('A return_url must be specified.', { code: 'parameter_missing', param: 'return_url' });
  }
  return (work) => {
    if (paymentMethod === undefined) return render(work, createIntent(work, terms), parameters);
    // A card that does not exist is refused before anything is made.
    paymentMethodOf(paymentMethod, terms.customer);
    const intent = createIntent(work, terms);
    const confirmation = { paymentMethod, isOffSession, returnUrl };
    return render(work, confirmIntent(work, intent, confirmation), parameters);
  };
}

function readRetrieve(parameters: Parameters, id: string): (work: Work) => Body {
  allowOnly(parameters, ['expand[]', 'client_secret']);
  checkExpand(parameters);
  return (work) => render(work, getIntent(work, id), parameters);
}

function readConfirm(parameters: Parameters, id: string): (work: Work) => Body {
  allowOnly(parameters, ['expand[]', 'off_session', 'payment_method', 'return_url']);
  checkExpand(parameters);
  const paymentMethod = required(parameters, 'payment_method');
  const isOffSession = flag(parameters, 'off_session');
  const returnUrl = text(parameters, 'return_url', 5000) ?? null;
  return (work) => {
    const intent = confirmIntent(work, getIntent(work, id), { paymentMethod, isOffSession, returnUrl });
    return render(work, intent, parameters);
  };
}

function readCapture(parameters: Parameters, id: string): (work: Work) => Body {
  allowOnly(parameters, ['amount_to_capture', 'expand[]', 'metadata{}']);
  checkExpand(parameters);
  const amount = integer(parameters, 'amount_to_capture');
  const change = { amount, metadata: metadata(parameters) };
  return (work) => render(work, captureIntent(work, getIntent(work, id), change), parameters);
}

function readCancel(parameters: Parameters, id: string): (work: Work) => Body {
  allowOnly(parameters, ['cancellation_reason', 'expand[]']);
  checkExpand(parameters);
  const reasons = ['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'] as const;
  const reason = choice(parameters, 'cancellation_reason', reasons) ?? null;
  return (work) => render(work, cancelIntent(work, getIntent(work, id), reason), parameters);
}

function readRefund(parameters: Parameters): (work: Work) => Body {
  allowOnly(parameters, ['amount', 'expand[]', 'metadata{}', 'payment_intent', 'reason']);
  checkExpand(parameters);
  const id = required(parameters, 'payment_intent');
  const reasons = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;
  const reason = choice(parameters, 'reason', reasons) ?? null;
  const terms = { amount: integer(parameters, 'amount'), metadata: metadata(parameters), reason };
  return (work) => createRefund(work, getIntent(work, id), terms).body;
}

function readRefundList(parameters: Parameters): (work: Work) => Body {
  allowOnly(parameters, ['limit', 'payment_intent', 'starting_after']);
  const intent = text(parameters, 'payment_intent');
  return (work) => {
    const refunds = refundsOf(work, intent).map(({ body }) => body);
    return page(parameters, '/v1/refunds', refunds);
  };
}

function readRefundRetrieve(parameters: Parameters, id: string): (work: Work) => Body {
  allowOnly(parameters, ['expand[]']);
  checkExpand(parameters);
  return (work) => getRefund(work, id).body;
}

function readPaymentMethod(parameters: Parameters, id: string): (work: Work) => Body {
  allowOnly(parameters, ['expand[]']);
  checkExpand(parameters);
  return () => retrievePaymentMethod(id).body;
}

function readAccount(parameters: Parameters): (work: Work) => Body {
  allowOnly(parameters, ['expand[]']);
  checkExpand(parameters);
  return ({ account }) => ({ id: account, object: 'account', charges_enabled: true, country: 'US' });
}

function amountOf(parameters: Parameters): number {
  required(parameters, 'amount');
  return integer(parameters, 'amount') ?? 0;
}
