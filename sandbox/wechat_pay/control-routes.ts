import express, { Router } from 'express';
import { z } from 'zod';
import { BadRequest, NotFound } from '../control-errors.js';
import type { Journal } from '../journal.js';
import type { WechatPayFaults } from './faults.js';
import { composeMessage, postMessage, type News } from './messages.js';
import { createNewsId, type WechatPayNotifications } from './notifications.js';
import { PayerRefused, tell, type Order, type OrderBook } from './orders.js';
import type { Platform } from './platform.js';
import type { RefundBook } from './refunds.js';
import { refundOf, transactionOf } from './resources.js';

export interface ControlDependencies {
  readonly platform: Platform;
  readonly orders: OrderBook;
  readonly refunds: RefundBook;
  readonly notifications: WechatPayNotifications;
  readonly faults: WechatPayFaults;
  readonly journal: Journal;
  /** Pays, and tells the merchant. */
  readonly pay: (order: Order, amountMinor?: number, couponMinor?: number) => void;
  readonly loaded: Promise<void>;
}

const fen = z.coerce.number().int().min(1).max(2_147_483_647);
export const paySchema = z.object({ amount: fen.optional(), coupon: fen.optional() });
const refundSchema = z.strictObject({
  amount: fen.optional(),
  out_refund_no: z.string().default('console-1'),
});
const endSchema = z.strictObject({ status: z.enum(['SUCCESS', 'CLOSED', 'ABNORMAL']) });
const signingSchema = z.strictObject({ mchid: z.string(), by: z.enum(['public_key', 'certificate']) });
const notifySchema = z.strictObject({
  times: z.int().min(1).max(100).default(1),
  mode: z
    .enum([
      'genuine',
      'bad_signature',
      'no_signature',
      'stale_clock',
      'unknown_serial',
      'wrong_amount',
      'wrong_merchant',
      'wrong_reference',
      'probe',
      'tampered',
    ])
    .default('genuine'),
});

/** For tests and demonstrations: the payer, the merchant's console, WeChat Pay's own operators, and faults. */
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
  const { orders, refunds, journal } = dependencies;
  const orderOf = (outTradeNo: string): Order => {
    const order = orders.findByNumber(outTradeNo);
    if (!order) throw new NotFound(`No order has the out_trade_no "${outTradeNo}".`);
    return order;
  };
  router.get('/orders', (_request, response) => {
    response.json({ orders: orders.list().map((order) => describe(order, dependencies)) });
  });
  router.get('/orders/:out_trade_no', (request, response) => {
    response.json(describe(orderOf(request.params.out_trade_no), dependencies));
  });
  router.post('/orders/:out_trade_no/pay', async (request, response) => {
    const order = orderOf(request.params.out_trade_no);
    const { amount, coupon } = paySchema.parse(request.body ?? {});
    payOrRefuse(dependencies, order, amount, coupon);
    await journal.durable();
    response.json({ done: 'paid', ...describe(order, dependencies) });
  });
  router.post('/orders/:out_trade_no/refund', (request, response) => {
    const order = orderOf(request.params.out_trade_no);
    const { amount, out_refund_no: outRefundNo } = refundSchema.parse(request.body ?? {});
    const amountMinor = amount ?? refunds.remainingMinor(order);
    if (amountMinor < 1 || amountMinor > refunds.remainingMinor(order))
      throw new BadRequest('Nothing is left.');
    const notifyUrl = order.terms.notify_url;
    refunds.accept({ order, outRefundNo, amountMinor, notifyUrl, fingerprint: 'console', end: 'SUCCESS' });
    response.json({ done: 'accepted', ...describe(order, dependencies) });
  });
  router.post('/orders/:out_trade_no/notify', async (request, response) => {
    const { times, mode } = notifySchema.parse(request.body ?? {});
    const news = newsOf(orderOf(request.params.out_trade_no), dependencies);
    const message = composeMessage(news, dependencies.platform, mode === 'genuine' ? undefined : mode);
    const answers = [];
    for (let copy = 0; copy < times; copy += 1) {
      const answer = await postMessage(news.url, message);
      dependencies.notifications.record(news, {
        by: 'hand',
        mode,
        ...dependencies.notifications.outcomeOf(answer),
      });
      answers.push(answer);
    }
    response.json({ done: 'notified', mode, id: news.id, answers });
  });
  router.post('/refunds/:out_refund_no', async (request, response) => {
    const refund = refunds.findByNumber(request.params.out_refund_no);
    if (!refund) throw new NotFound(`No refund has the out_refund_no "${request.params.out_refund_no}".`);
    if (['SUCCESS', 'CLOSED'].includes(refund.state)) throw new BadRequest(`It is ${refund.state} already.`);
    refunds.finish(refund, endSchema.parse(request.body).status);
    await journal.durable();
    response.json({ done: refund.state, out_refund_no: refund.outRefundNo });
  });
}

function operatorRoutes(router: Router, dependencies: ControlDependencies): void {
  const { platform, faults } = dependencies;
  router.get('/faults', (_request, response) => {
    response.json({ faults: faults.list() });
  });
  router.post('/faults', (request, response) => {
    response.status(201).json({ done: 'injected', ...faults.add(request.body) });
  });
  router.delete('/faults', (_request, response) => {
    response.json({ done: 'cleared', cleared: faults.clear() });
  });
  router.post('/certificates', (_request, response) => {
    response.status(201).json({ done: 'rotated', serial: platform.rotate() });
  });
  router.post('/signing', (request, response) => {
    const { mchid, by } = signingSchema.parse(request.body);
    if (!platform.merchants.has(mchid)) throw new NotFound(`There is no merchant ${mchid}.`);
    platform.signNotificationsBy(mchid, by);
    response.json({ done: 'set', mchid, by });
  });
}

/** A refusal in words, as the control API tells it. */
export function payOrRefuse(
  { pay }: Pick<ControlDependencies, 'pay'>,
  order: Order,
  amountMinor?: number,
  couponMinor?: number,
): void {
  try {
    pay(order, amountMinor, couponMinor);
  } catch (error) {
    if (error instanceof PayerRefused) throw new BadRequest(error.message);
    throw error;
  }
}

/** The news of a payment, whether or not there was one: by hand it can be told early. */
function newsOf(order: Order, { platform }: ControlDependencies): News {
  const { mchid, terms } = order;
  const merchant = platform.merchants.get(mchid);
  if (!merchant) throw new NotFound(`There is no merchant ${mchid}.`);
  const { out_trade_no: reference, notify_url: url } = terms;
  const resource = transactionOf(order, merchant, false);
  return { id: createNewsId(), mchid, reference, url, eventType: 'TRANSACTION.SUCCESS', resource };
}

function describe(order: Order, { refunds, platform }: ControlDependencies): Record<string, unknown> {
  const merchant = platform.merchants.get(order.mchid);
  return {
    state: tell(order),
    code: order.code,
    ...(merchant ? transactionOf(order, merchant, refunds.of(order).length > 0) : {}),
    refunds: refunds.of(order).map((refund) => refundOf(refund, order)),
  };
}
