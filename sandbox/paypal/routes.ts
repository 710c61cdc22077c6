import type { Book } from './book.js';
import type { CallName } from './faults.js';
import { authorizeOrder, captureOrder, readCreate } from './orders.js';
import {
  captureAuthorization,
  findAuthorization,
  findCapture,
  findRefund,
  refundCapture,
  voidAuthorization,
} from './payments.js';
import {
  renderAuthorization,
  renderCapture,
  renderMinimalOrder,
  renderOrder,
  renderRefund,
} from './rendering.js';

type Body = Readonly<Record<string, unknown>>;

export interface Route {
  readonly name: CallName;
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  /** 201 where something is made. */
  readonly status: number;
  /** Looks at the body alone; what it returns has the effect, and tells the id of what came of it. */
  readonly act?: (body: Body, id: string) => (book: Book) => string;
  readonly render: (book: Book, id: string, isFull: boolean) => Body;
}

const order = (book: Book, id: string, isFull: boolean): Body =>
  isFull ? renderOrder(book, book.get(id)) : renderMinimalOrder(book, book.get(id));
const fullOrder = (book: Book, id: string): Body => renderOrder(book, book.get(id));
const capture = (book: Book, id: string): Body => renderCapture(book, ...findCapture(book, id));
const authorization = (book: Book, id: string): Body =>
  renderAuthorization(book, ...findAuthorization(book, id));
const refund = (book: Book, id: string): Body => renderRefund(book, findRefund(book, id));

export const routes: readonly Route[] = [
  {
    name: 'create',
    method: 'POST',
    path: /^\/v2\/checkout\/orders$/,
    status: 201,
    act: (body) => {
      const make = readCreate(body);
      return (book) => make(book).id;
    },
    render: order,
  },
  { name: 'get', method: 'GET', path: /^\/v2\/checkout\/orders\/(\w+)$/, status: 200, render: fullOrder },
  {
    name: 'capture',
    method: 'POST',
    path: /^\/v2\/checkout\/orders\/(\w+)\/capture$/,
    status: 201,
    act: (_body, id) => (book) => captureOrder(book, book.get(id)).id,
    render: order,
  },
  {
    name: 'authorize',
    method: 'POST',
    path: /^\/v2\/checkout\/orders\/(\w+)\/authorize$/,
    status: 201,
    act: (_body, id) => (book) => authorizeOrder(book, book.get(id)).id,
    render: order,
  },
  {
    name: 'capture_authorization',
    method: 'POST',
    path: /^\/v2\/payments\/authorizations\/(\w+)\/capture$/,
    status: 201,
    act: (body, id) => (book) => captureAuthorization(book, id, body)[1].id,
    render: capture,
  },
  {
    name: 'void',
    method: 'POST',
    path: /^\/v2\/payments\/authorizations\/(\w+)\/void$/,
    status: 200,
    act: (_body, id) => (book) => voidAuthorization(book, id)[1].id,
    render: authorization,
  },
  {
    name: 'refund',
    method: 'POST',
    path: /^\/v2\/payments\/captures\/(\w+)\/refund$/,
    status: 201,
    act: (body, id) => (book) => refundCapture(book, id, body)[1].id,
    render: refund,
  },
  {
    name: 'get_payment',
    method: 'GET',
    path: /^\/v2\/payments\/authorizations\/(\w+)$/,
    status: 200,
    render: authorization,
  },
  {
    name: 'get_payment',
    method: 'GET',
    path: /^\/v2\/payments\/captures\/(\w+)$/,
    status: 200,
    render: capture,
  },
  {
    name: 'get_payment',
    method: 'GET',
    path: /^\/v2\/payments\/refunds\/(\w+)$/,
    status: 200,
    render: refund,
  },
];
