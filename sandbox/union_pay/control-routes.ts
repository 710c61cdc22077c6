import { randomUUID } from 'node:crypto';
import express, { Router } from 'express';
import { z } from 'zod';
import { BadRequest, NotFound } from '../control-errors.js';
import type { Journal } from '../journal.js';
import { falsehoods, type UnionPayFaults } from './faults.js';
import { signWith } from './falsehoods.js';
import type { Message } from './message.js';
import { postForm, type UnionPayNotifications } from './notifications.js';
import { PayerRefused, tell, type Order, type OrderBook } from './orders.js';
import type { Platform } from './platform.js';
import { codeOf, newsOf } from './replies.js';

export interface ControlDependencies {
  readonly platform: Platform;
  readonly orders: OrderBook;
  readonly notifications: UnionPayNotifications;
  readonly faults: UnionPayFaults;
  readonly journal: Journal;
  /** Pays, and tells the merchant. Throws a PayerRefused. */
  readonly pay: (order: Order, amountMinor?: number) => void;
  readonly loaded: Promise<void>;
  readonly now: () => number;
}

const paySchema = z.strictObject({ amount: z.int().min(1).optional() });
const refuseSchema = z.strictObject({
  code: z
    .string()
    .regex(/^[0-9A-Z]{2}$/)
    .default('64'),
});
const mode = z.enum(['genuine', 'tampered', ...falsehoods]).default('genuine');
const notifySchema = z.strictObject({ times: z.int().min(1).max(100).default(1), mode });
const returnSchema = z.strictObject({ mode });

/** For tests and demonstrations: the payer, the browser that comes back, UnionPay's operators, and faults. */
export function controlRoutes(dependencies: ControlDependencies): Router {
  const router = Router().use(express.json());
  router.use((_request, _response, next) => {
    dependencies.loaded.then(() => next(), next);
  });
  orderRoutes(router, dependencies);
  operatorRoutes(router, dependencies);
  return router;
}

function orderRoutes(router: Router, dependencies: ControlDependencies): void {
  const { orders, journal, notifications, now } = dependencies;
  const orderOf = (orderId: string): Order => {
    const order = orders.findByNumber(orderId);
    if (!order) throw new NotFound(`No browser has brought an order "${orderId}".`);
    return order;
  };
  const describe = (order: Order) => ({
    state: tell(order, now()),
    code: codeOf(order),
    page: `/pay/${order.code}`,
    query_id: order.queryId ?? null,
    moved_minor: order.movedMinor,
    terms: order.terms,
    follow_ups: orders
      .followUpsOf(order)
      .map(({ terms, movedMinor }) => ({ terms, moved_minor: movedMinor })),
  });
  router.get('/orders', (_request, response) => {
    response.json({ orders: orders.list().map(describe) });
  });
  router.get('/orders/:order_id', (request, response) => {
    response.json(describe(orderOf(request.params.order_id)));
  });
  router.post('/orders/:order_id/pay', async (request, response) => {
    const order = orderOf(request.params.order_id);
    payOrRefuse(dependencies, order, paySchema.parse(request.body ?? {}).amount);
    await journal.durable();
    response.json({ done: 'paid', ...describe(order) });
  });
  router.post('/orders/:order_id/refuse', (request, response) => {
    const order = orderOf(request.params.order_id);
    order.refusedBy = refuseSchema.parse(request.body ?? {}).code;
    response.json({ done: 'refused', ...describe(order) });
  });
  router.post('/orders/:order_id/notify', async (request, response) => {
    const order = orderOf(request.params.order_id);
    const { times, mode: how } = notifySchema.parse(request.body ?? {});
    const content = newsOf(order);
    const news = { id: randomUUID(), url: order.terms['backUrl'] ?? '', content };
    const message = composed(content, how, dependencies);
    const answers = [];
    for (let copy = 0; copy < times; copy += 1) {
      const answer = await postForm(news.url, message);
      notifications.record(news, { by: 'hand', mode: how, ...notifications.outcomeOf(answer) });
      answers.push(answer);
    }
    response.json({ done: 'notified', mode: how, answers });
  });
  // What the payer's browser would carry to frontUrl: whoever asks plays the browser.
  router.post('/orders/:order_id/return', (request, response) => {
    const order = orderOf(request.params.order_id);
    const { mode: how } = returnSchema.parse(request.body ?? {});
    response.json({ url: order.terms['frontUrl'], fields: composed(newsOf(order), how, dependencies) });
  });
}

/** `tampered` is a thief's change after signing. */
function composed(content: Message, how: z.infer<typeof mode>, { platform }: ControlDependencies): Message {
  if (how === 'tampered') return { ...signWith(content, platform), respMsg: '成功' };
  return signWith(content, platform, how === 'genuine' ? undefined : how);
}

function operatorRoutes(router: Router, { faults }: ControlDependencies): void {
  router.get('/faults', (_request, response) => {
    response.json({ faults: faults.list() });
  });
  router.post('/faults', (request, response) => {
    response.status(201).json({ done: 'injected', ...faults.add(request.body) });
  });
  router.delete('/faults', (_request, response) => {
    response.json({ done: 'cleared', cleared: faults.clear() });
  });
}

/** A refusal in words, as the control API tells it. */
function payOrRefuse({ pay }: ControlDependencies, order: Order, amountMinor?: number): void {
  try {
    pay(order, amountMinor);
  } catch (error) {
    if (error instanceof PayerRefused) throw new BadRequest(error.message);
    throw error;
  }
}
