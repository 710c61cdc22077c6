import { newId } from './accounts.js';
import type { Authorization, Book, Capture, Order, Refund } from './book.js';
import { minorOf, readMoney, type Money } from './money.js';
import { missing, unprocessable } from './refusal.js';
import { renderAuthorization, renderCapture, renderRefund } from './rendering.js';

type Body = Readonly<Record<string, unknown>>;

export function findAuthorization(book: Book, id: string): [Order, Authorization] {
  const order = book.find(({ authorizations }) => authorizations.some((each) => each.id === id));
  const authorization = order.authorizations.find((each) => each.id === id);
  if (!authorization) throw missing();
  return [order, authorization];
}

export function findCapture(book: Book, id: string): [Order, Capture] {
  const order = book.find(({ captures }) => captures.some((each) => each.id === id));
  const capture = order.captures.find((each) => each.id === id);
  if (!capture) throw missing();
  return [order, capture];
}

export function findRefund(book: Book, id: string): Refund {
  const refund = book
    .orders()
    .flatMap(({ refunds }) => refunds)
    .find((each) => each.id === id);
  if (!refund) throw missing();
  return refund;
}

/** Of an authorization: several parts may be captured, until one says that it is the last. */
export function captureAuthorization(book: Book, id: string, body: Body): [Order, Capture] {
  const [order, authorization] = findAuthorization(book, id);
  if (authorization.status === 'VOIDED') {
    throw unprocessable('AUTHORIZATION_VOIDED', 'A voided authorization cannot be captured.');
  }
  if (authorization.status === 'CAPTURED') {
    throw unprocessable('AUTHORIZATION_ALREADY_CAPTURED', 'Authorization has already been captured.');
  }
  const amount = body['amount'] === undefined ? authorization.amount : readMoney(body['amount']);
  requireCurrency(amount, authorization.amount);
  const takenMinor = sum(order.captures.map((each) => each.amount));
  const total = takenMinor + minorOf(amount);
  if (total > minorOf(authorization.amount)) {
    throw unprocessable('MAX_CAPTURE_AMOUNT_EXCEEDED', 'Capture amount exceeds what is authorized.');
  }
  const invoice = textOf(body, 'invoice_id') ?? order.invoice_id;
  if (order.captures.some((each) => each.invoice_id === invoice)) {
    throw unprocessable('DUPLICATE_INVOICE_ID', 'Duplicate Invoice ID detected.');
  }
  const isWhole = total === minorOf(authorization.amount);
  const isLast = body['final_capture'] === true || isWhole;
  const capture: Capture = {
    id: newId(),
    status: 'COMPLETED',
    amount,
    invoice_id: invoice,
    create_time: book.now,
  };
  const changed: Authorization = { ...authorization, status: isLast ? 'CAPTURED' : 'PARTIALLY_CAPTURED' };
  const taken = book.put({ ...order, captures: [...order.captures, capture], authorizations: [changed] });
  book.note('charge', taken, amount, { capture: capture.id, capture_reference: invoice });
  book.tell('PAYMENT.CAPTURE.COMPLETED', 'capture', renderCapture(book, taken, capture));
  return [taken, capture];
}

export function voidAuthorization(book: Book, id: string): [Order, Authorization] {
  const [order, authorization] = findAuthorization(book, id);
  if (authorization.status === 'VOIDED') {
    throw unprocessable('PREVIOUSLY_VOIDED', 'Authorization has been previously voided.');
  }
  if (authorization.status !== 'CREATED') {
    throw unprocessable('PREVIOUSLY_CAPTURED', 'Authorization has been previously captured.');
  }
  const voided: Authorization = { ...authorization, status: 'VOIDED' };
  const changed = book.put({ ...order, authorizations: [voided] });
  book.note('release', changed, authorization.amount, { authorization: authorization.id });
  book.tell('PAYMENT.AUTHORIZATION.VOIDED', 'authorization', renderAuthorization(book, changed, voided));
  return [changed, voided];
}

export function refundCapture(book: Book, id: string, body: Body): [Order, Refund] {
  const [order, capture] = findCapture(book, id);
  if (capture.status === 'PENDING') throw unprocessable('PENDING_CAPTURE', 'Cannot initiate a refund yet.');
  if (capture.status === 'DECLINED') throw unprocessable('REFUND_NOT_ALLOWED', 'The capture was declined.');
  const givenMinor = sum(order.refunds.filter((each) => each.capture === id).map((each) => each.amount));
  const leftMinor = minorOf(capture.amount) - givenMinor;
  if (leftMinor === 0)
    throw unprocessable('CAPTURE_FULLY_REFUNDED', 'The capture has already been fully refunded.');
  const amount = body['amount'] === undefined ? capture.amount : readMoney(body['amount']);
  requireCurrency(amount, capture.amount);
  if (minorOf(amount) > leftMinor) {
    throw unprocessable(
      'REFUND_AMOUNT_EXCEEDED',
      'The refund amount must be less than or equal to what is left.',
    );
  }
  const [invoice_id, custom_id] = [textOf(body, 'invoice_id'), textOf(body, 'custom_id')];
  const made = { status: 'COMPLETED', amount, invoice_id, custom_id, create_time: book.now } as const;
  const refund: Refund = { id: newId(), capture: id, ...made };
  const isWhole = minorOf(amount) === leftMinor;
  const rest: Capture = { ...capture, status: isWhole ? 'REFUNDED' : 'PARTIALLY_REFUNDED' };
  const captures = order.captures.map((each) => (each.id === id ? rest : each));
  const returned = book.put({ ...order, captures, refunds: [...order.refunds, refund] });
  book.note('refund', returned, amount, { refund: refund.id, refund_reference: invoice_id });
  book.tell('PAYMENT.CAPTURE.REFUNDED', 'refund', renderRefund(book, refund));
  return [returned, refund];
}

function requireCurrency(amount: Money, of: Money): void {
  if (amount.currency_code === of.currency_code) return;
  throw unprocessable('CURRENCY_MISMATCH', 'The currency is not that of the payment.');
}

function sum(amounts: readonly Money[]): number {
  return amounts.reduce((total, amount) => total + minorOf(amount), 0);
}

function textOf(body: Body, member: string): string | null {
  const value = body[member];
  return typeof value === 'string' && value.length > 0 && value.length <= 127 ? value : null;
}
