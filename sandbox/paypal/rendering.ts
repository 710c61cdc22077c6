import type { Authorization, Book, Capture, Order, Refund } from './book.js';

type Body = Readonly<Record<string, unknown>>;

function link(book: Book, path: string, rel: string, method = 'GET'): Body {
  return { href: `${book.baseUrl}${path}`, rel, method };
}

/** In full, as `Prefer: return=representation` and a GET show it. */
export function renderOrder(book: Book, order: Order): Body {
  const { id, intent, status, amount, custom_id, invoice_id, description } = order;
  const isOpen = status === 'CREATED' || status === 'PAYER_ACTION_REQUIRED';
  const isApproved = order.approvedAtMs !== null;
  return {
    id,
    intent,
    status,
    ...(isOpen
      ? {}
      : { payment_source: { paypal: { account_id: 'BUYERACCOUNT7', account_status: 'VERIFIED' } } }),
    purchase_units: [
      {
        reference_id: 'default',
        amount,
        payee: { email_address: 'merchant@sandbox.example', merchant_id: order.account },
        ...(description === null ? {} : { description }),
        ...(custom_id === null ? {} : { custom_id }),
        ...(invoice_id === null ? {} : { invoice_id }),
        ...paymentsOf(book, order),
      },
    ],
    ...(isApproved
      ? { payer: { payer_id: 'BUYERACCOUNT7', name: { given_name: 'Test', surname: 'Payer' } } }
      : {}),
    create_time: new Date(order.createdAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    links: linksOf(book, order),
  };
}

/** As PayPal answers who does not ask for more. */
export function renderMinimalOrder(book: Book, order: Order): Body {
  const { id, status } = order;
  const payments = paymentsOf(book, order);
  const units = 'payments' in payments ? { purchase_units: [{ reference_id: 'default', ...payments }] } : {};
  return { id, status, ...units, links: linksOf(book, order) };
}

function paymentsOf(book: Book, order: Order): { payments?: Body } {
  const { captures, authorizations, refunds } = order;
  if (captures.length + authorizations.length === 0) return {};
  const listed = {
    ...(authorizations.length > 0
      ? { authorizations: authorizations.map((each) => renderAuthorization(book, order, each)) }
      : {}),
    ...(captures.length > 0 ? { captures: captures.map((each) => renderCapture(book, order, each)) } : {}),
    ...(refunds.length > 0 ? { refunds: refunds.map((each) => renderRefund(book, each)) } : {}),
  };
  return { payments: listed };
}

function linksOf(book: Book, { id, status, intent }: Order): Body[] {
  const self = link(book, `/v2/checkout/orders/${id}`, 'self');
  if (status === 'PAYER_ACTION_REQUIRED')
    return [self, link(book, `/checkoutnow?token=${id}`, 'payer-action')];
  if (status === 'CREATED') return [self, link(book, `/checkoutnow?token=${id}`, 'approve')];
  const verb = intent.toLowerCase();
  return status === 'APPROVED'
    ? [self, link(book, `/v2/checkout/orders/${id}/${verb}`, verb, 'POST')]
    : [self];
}

export function renderCapture(book: Book, order: Order, capture: Capture): Body {
  const { id, status, amount, invoice_id, create_time } = capture;
  return {
    id,
    status,
    amount,
    final_capture: true,
    ...(status === 'PENDING' ? { status_details: { reason: 'PENDING_REVIEW' } } : {}),
    ...(invoice_id === null ? {} : { invoice_id }),
    ...(order.custom_id === null ? {} : { custom_id: order.custom_id }),
    supplementary_data: { related_ids: { order_id: order.id } },
    create_time,
    update_time: create_time,
    links: [
      link(book, `/v2/payments/captures/${id}`, 'self'),
      link(book, `/v2/payments/captures/${id}/refund`, 'refund', 'POST'),
      link(book, `/v2/checkout/orders/${order.id}`, 'up'),
    ],
  };
}

export function renderAuthorization(book: Book, order: Order, authorization: Authorization): Body {
  const { id, status, amount, create_time, expiration_time } = authorization;
  return {
    id,
    status,
    amount,
    ...(order.invoice_id === null ? {} : { invoice_id: order.invoice_id }),
    ...(order.custom_id === null ? {} : { custom_id: order.custom_id }),
    expiration_time,
    create_time,
    update_time: create_time,
    links: [
      link(book, `/v2/payments/authorizations/${id}`, 'self'),
      link(book, `/v2/payments/authorizations/${id}/capture`, 'capture', 'POST'),
      link(book, `/v2/payments/authorizations/${id}/void`, 'void', 'POST'),
    ],
  };
}

export function renderRefund(book: Book, refund: Refund): Body {
  const { id, status, amount, invoice_id, custom_id, create_time, capture } = refund;
  return {
    id,
    status,
    amount,
    ...(invoice_id === null ? {} : { invoice_id }),
    ...(custom_id === null ? {} : { custom_id }),
    create_time,
    update_time: create_time,
    links: [
      link(book, `/v2/payments/refunds/${id}`, 'self'),
      link(book, `/v2/payments/captures/${capture}`, 'up'),
    ],
  };
}
