import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { payOrRefuse, paySchema } from './control-routes.js';
import { answerCall, type GatewayDependencies } from './gateway.js';
import type { Order } from './orders.js';
import { isLinkAlive, noSuchCode, payerPage } from './payer-page.js';
import { readRequest, type RawRequest } from './request.js';

export interface ServerDependencies extends GatewayDependencies {
  readonly pay: (order: Order, amountMinor?: number, couponMinor?: number) => void;
  /** Until then nobody is answered. */
  readonly loaded: Promise<void>;
}

const html = { 'content-type': 'text/html; charset=utf-8' };

/** WeChat Pay's API, and beside it the pages to which its links lead. */
export function createWechatPayServer(dependencies: ServerDependencies): Server {
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
  const raw = await readRequest(request);
  const { pathname, searchParams } = new URL(raw.target, 'http://wechat-pay');
  const [, code, isPaying] = /^\/pay\/([\w-]+)(\/pay)?$/.exec(pathname) ?? [];
  if (code === undefined) return answerCall(raw, response, dependencies);
  const order = dependencies.orders.findByCode(code);
  if (!order) {
    response.writeHead(404, html).end(noSuchCode);
    return undefined;
  }
  if (isPaying && raw.method === 'POST') return pay(raw, order, searchParams, response, dependencies);
  response.writeHead(200, html).end(payerPage(order, searchParams, dependencies.now()));
  return undefined;
}

async function pay(
  { body }: RawRequest,
  order: Order,
  query: URLSearchParams,
  response: ServerResponse,
  dependencies: ServerDependencies,
): Promise<void> {
  const { amount, coupon } = paySchema.parse(Object.fromEntries(new URLSearchParams(body.toString('utf8'))));
  try {
    if (!isLinkAlive(order, query, dependencies.now())) throw new Error('This link is too old.');
    payOrRefuse(dependencies, order, amount, coupon);
  } catch (error) {
    response.writeHead(409).end((error as Error).message);
    return;
  }
  await dependencies.journal.durable();
  response.writeHead(303, { location: `/pay/${order.code}?${query.toString()}` }).end();
}
