import { newId } from './accounts.js';
import type { Authorization, Book, Capture, Funding, Order } from './book.js';
import { readMoney } from './money.js';
import { invalid, unprocessable } from './refusal.js';
import { renderAuthorization, renderCapture, renderOrder } from './rendering.js';

type Body = Readonly<Record<string, unknown>>;

const HOLD_MS = 29 * 86_400_000;

export function readCreate(body: Body): (book: Book) => Order {
  const { intent, purchase_units: units } = body;
  if (intent !== 'CAPTURE' && intent !== 'AUTHORIZE')
    throw invalid('The value of a field is invalid: intent.');
  if (!Array.isArray(units) || units.length !== 1)
    throw invalid('This sandbox has orders of one purchase unit.');
  const unit = units[0] as Body;
  const amount = readMoney(unit['amount']);
  const payee = (unit['payee'] as Body | undefined)?.['merchant_id'];
  const source = (body['payment_source'] as Body | undefined)?.['paypal'] as Body | undefined;
  const context = (source?.['experience_context'] ?? body['application_context'] ?? {}) as Body;
  const [returnUrl, cancelUrl] = [urlOf(context, 'return_url'), urlOf(context, 'cancel_url')];
  return (book) => {
    if (payee !== undefined && payee !== book.account) {
      throw unprocessable('PAYEE_ACCOUNT_INVALID', 'Payee account specified is invalid.');
    }
    const order = book.put({
      id: newId(),
      account: book.account,
      intent,
      status: source ? 'PAYER_ACTION_REQUIRED' : 'CREATED',
      amount,
      custom_id: textOf(unit, 'custom_id', 255),
      invoice_id: textOf(unit, 'invoice_id', 127),
      description: textOf(unit, 'description', 127),
      returnUrl,
      cancelUrl,
      createdAtMs: book.nowMs,
      approvedAtMs: null,
      funding: 'good',
      captures: [],
      authorizations: [],
      refunds: [],
    });
    book.note('offer', order, amount);
    return order;
  };
}

function textOf(body: Body, member: string, most: number): string | null {
  const value = body[member];
  if (value === undefined) return null;
  if (typeof value !== 'string' || value === '' || value.length > most) {
    throw invalid(
      `The value of a field is too long, too short or no text: ${member}.`,
      'INVALID_STRING_LENGTH',
    );
  }
  return value;
}

function urlOf(context: Body, member: string): string | null {
  const value = context[member];
  if (value === undefined) return null;
  if (typeof value !== 'string' || !URL.canParse(value))
    throw invalid(`The value of a field is invalid: ${member}.`);
  return value;
}

/** The payer presses the button, with a way to pay that behaves so. */
export function approve(book: Book, order: Order, funding: Funding): Order {
  if (order.status === 'COMPLETED') {
    throw unprocessable('ORDER_ALREADY_COMPLETED', 'The order cannot be approved any more.');
  }
  const approved = book.put({ ...order, status: 'APPROVED', approvedAtMs: book.nowMs, funding });
  book.tell('CHECKOUT.ORDER.APPROVED', 'checkout-order', renderOrder(book, approved));
  return approved;
}

/** Looked at in this order by PayPal as well: what is done, what is not approved, what the bank says. */
function requireTakable(book: Book, order: Order, intent: Order['intent']): void {
  if (order.intent !== intent) {
    throw unprocessable('ACTION_DOES_NOT_MATCH_INTENT', 'Order was created with another intent.');
  }
  if (order.status === 'COMPLETED') {
    const issue = intent === 'CAPTURE' ? 'ORDER_ALREADY_CAPTURED' : 'ORDER_ALREADY_AUTHORIZED';
    throw unprocessable(issue, 'Order already captured or authorized.');
  }
  const page = [{ href: `${book.baseUrl}/checkoutnow?token=${order.id}`, rel: 'redirect', method: 'GET' }];
  if (order.status !== 'APPROVED') {
    throw unprocessable('ORDER_NOT_APPROVED', 'Payer has not yet approved the Order for payment.', page);
  }
  if (isInvoicePaid(book, order)) {
    throw unprocessable('DUPLICATE_INVOICE_ID', 'Duplicate Invoice ID detected.');
  }
  if (order.funding === 'declined') {
    throw unprocessable(
      'INSTRUMENT_DECLINED',
      'The instrument presented was either declined or cannot be used.',
      page,
    );
  }
}

function isInvoicePaid(book: Book, { id, invoice_id: invoice }: Order): boolean {
  const paid = ({ captures, authorizations }: Order) => captures.length + authorizations.length > 0;
  return (
    invoice !== null &&
    book.orders().some((other) => other.id !== id && other.invoice_id === invoice && paid(other))
  );
}

export function captureOrder(book: Book, order: Order): Order {
  requireTakable(book, order, 'CAPTURE');
  const status = (
    { good: 'COMPLETED', pending: 'PENDING', denied: 'DECLINED', declined: 'DECLINED' } as const
  )[order.funding];
  const { amount, invoice_id } = order;
  const capture: Capture = { id: newId(), status, amount, invoice_id, create_time: book.now };
  const taken = book.put({ ...order, status: 'COMPLETED', captures: [capture] });
  if (status === 'COMPLETED') book.note('charge', taken, amount, { capture: capture.id });
  const told = { COMPLETED: 'COMPLETED', PENDING: 'PENDING', DECLINED: 'DENIED' }[status];
  book.tell(`PAYMENT.CAPTURE.${told}`, 'capture', renderCapture(book, taken, capture));
  return taken;
}

export function authorizeOrder(book: Book, order: Order): Order {
  requireTakable(book, order, 'AUTHORIZE');
  const { amount, funding } = order;
  const authorization: Authorization = {
    id: newId(),
    status: funding === 'denied' ? 'DENIED' : 'CREATED',
    amount,
    create_time: book.now,
    expiration_time: new Date(book.nowMs + HOLD_MS).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  const held = book.put({ ...order, status: 'COMPLETED', authorizations: [authorization] });
  if (authorization.status === 'CREATED') {
    book.note('hold', held, amount, { authorization: authorization.id });
    book.tell(
      'PAYMENT.AUTHORIZATION.CREATED',
      'authorization',
      renderAuthorization(book, held, authorization),
    );
  }
  return held;
}

/** A capture that PayPal was looking at, played by hand. */
export function settlePending(book: Book, order: Order, isPaid: boolean): Order {
  const [capture] = order.captures;
  if (capture?.status !== 'PENDING') throw unprocessable('NOT_PENDING', 'Nothing is pending.');
  const settled: Capture = { ...capture, status: isPaid ? 'COMPLETED' : 'DECLINED' };
  const changed = book.put({ ...order, captures: [settled] });
  if (isPaid) book.note('charge', changed, capture.amount, { capture: capture.id });
  const type = `PAYMENT.CAPTURE.${isPaid ? 'COMPLETED' : 'DENIED'}`;
  book.tell(type, 'capture', renderCapture(book, changed, settled));
  return changed;
}
