import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { answerCall, check, type GatewayDependencies } from './gateway.js';
import { answerBroken } from './broken.js';
import { alterForm, signWith } from './falsehoods.js';
import { isBeforeEffect, isFalsehood } from './faults.js';
import { readBody } from '../read-body.js';
import { parseForm, parseTime, type Message } from './message.js';
import type { Order } from './orders.js';
import { payerPage, refusedPage } from './payer-page.js';
import { newsOf } from './replies.js';

const bodyLimitBytes = 64 * 1024;

export interface ServerDependencies extends GatewayDependencies {
  /** Pays, and tells the merchant. Throws a PayerRefused. */
  readonly pay: (order: Order, amountMinor?: number) => void;
  /** Until then nobody is answered. */
  readonly loaded: Promise<void>;
}

const html = { 'content-type': 'text/html; charset=utf-8' };

/** UnionPay's gateway: the two doors for servers, the one for browsers, and the pages behind that. */
export function createUnionPayServer(dependencies: ServerDependencies): Server {
  return createServer((request, response) => {
    answer(request, response, dependencies).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(500).end(error instanceof Error ? error.message : 'Internal Server Error');
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  dependencies: ServerDependencies,
): Promise<void> {
  await dependencies.loaded;
  const message = parseForm((await readBody(request, bodyLimitBytes)).toString('utf8'));
  const { pathname } = new URL(request.url ?? '', 'http://union-pay');
  const [, code, deed] = /^\/pay\/([\w-]+)(?:\/(pay|refuse))?$/.exec(pathname) ?? [];
  if (code !== undefined) return showPage(code, deed, request, message ?? {}, response, dependencies);
  const [, door] = /^\/gateway\/api\/(frontTransReq|backTransReq|queryTrans)\.do$/.exec(pathname) ?? [];
  if (door === undefined || request.method !== 'POST' || !message) {
    response.writeHead(404, html).end(refusedPage('404', 'No such door.'));
    return undefined;
  }
  if (door === 'frontTransReq') return takeOrder(message, response, dependencies);
  return answerCall(door === 'queryTrans' ? 'query' : 'back', message, response, dependencies);
}

/** One order number and time is one order: its own browser may come back to it, other terms are a duplicate. */
async function takeOrder(
  form: Message,
  response: ServerResponse,
  { platform, orders, journal, faults, now }: ServerDependencies,
): Promise<void> {
  const fault = faults.take('front', form['orderId']);
  if (fault && isBeforeEffect(fault.fault) && (await answerBroken(fault, response, ''))) return;
  const message = fault && isFalsehood(fault.fault) ? alterForm(fault.fault, form, platform) : form;
  const known = orders.find(message);
  const isOther = known && known.terms['signature'] !== message['signature'];
  const refusal =
    check('front', message, platform) ??
    (isOther ? { code: '12', message: '重复交易[2012012]' } : undefined) ??
    (now() >= parseTime(message['payTimeout'] ?? '') ? { code: '39', message: '订单已超时' } : undefined);
  if (refusal) {
    response.writeHead(200, html).end(refusedPage(refusal.code, refusal.message));
    return;
  }
  const order = known ?? orders.open(message);
  await journal.durable();
  if (fault && (await answerBroken(fault, response, payerPage(order, {}, now())))) return;
  response.writeHead(302, { location: `/pay/${order.code}` }).end();
}

async function showPage(
  code: string,
  deed: string | undefined,
  request: IncomingMessage,
  form: Message,
  response: ServerResponse,
  dependencies: ServerDependencies,
): Promise<void> {
  const { orders, platform, journal, now } = dependencies;
  const order = orders.findByCode(code);
  if (!order) {
    response.writeHead(404, html).end(refusedPage('34', 'This sandbox never had such an order.'));
    return;
  }
  if (deed === undefined || request.method !== 'POST') {
    response.writeHead(200, html).end(payerPage(order, signWith(newsOf(order), platform), now()));
    return;
  }
  if (deed === 'refuse') order.refusedBy = form['code'] === '61' ? '61' : '64';
  else {
    try {
      dependencies.pay(order);
    } catch (error) {
      response.writeHead(409).end((error as Error).message);
      return;
    }
  }
  await journal.durable();
  response.writeHead(303, { location: `/pay/${order.code}` }).end();
}
