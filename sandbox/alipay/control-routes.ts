import type { Server } from 'node:http';
import { Router } from 'express';
import { z } from 'zod';
import { NotFound } from '../control-errors.js';
import { listen, stopListening } from '../listening.js';
import { sendByHand, notifyRequestSchema, type HandDeliveryDependencies } from './hand-delivery.js';
import { describeTrade, payWithBody } from './payer-page.js';
import type { Trade } from './trades.js';

export interface AlipayControlDependencies extends HandDeliveryDependencies {
  readonly gateway: Server;
  readonly host: string;
  readonly gatewayPort: () => number;
}

const outageSchema = z.strictObject({ down: z.boolean() });
const listedTrades = 1000;

export function alipayControlRoutes(dependencies: AlipayControlDependencies): Router {
  const { trades, journal, credentials } = dependencies;
  const router = Router();
  const tradeOf = (outTradeNo: string, appId: unknown): Trade => {
    const appIds = typeof appId === 'string' ? [appId] : credentials.apps.keys();
    const trade = trades.findByNumber(outTradeNo, appIds);
    if (!trade) throw new NotFound(`No offer has the out_trade_no "${outTradeNo}".`);
    return trade;
  };
  router.get('/alipay/trades', (_request, response) => {
    response.json({ trades: trades.list(listedTrades).map(describeTrade) });
  });
  router.get('/alipay/trades/:out_trade_no', async (request, response) => {
    const trade = tradeOf(request.params.out_trade_no, request.query['app_id']);
    await journal.durable();
    response.json(describeTrade(trade));
  });
  router.post('/alipay/trades/:out_trade_no/scan', async (request, response) => {
    const trade = tradeOf(request.params.out_trade_no, request.query['app_id']);
    trades.scan(trade);
    await journal.durable();
    response.json({ done: 'scanned', ...describeTrade(trade) });
  });
  router.post('/alipay/trades/:out_trade_no/pay', async (request, response) => {
    const trade = tradeOf(request.params.out_trade_no, request.query['app_id']);
    payWithBody(trades, trade, request.body);
    await journal.durable();
    response.json({ done: 'paid', ...describeTrade(trade) });
  });
  router.post('/alipay/trades/:out_trade_no/notify', async (request, response) => {
    const trade = tradeOf(request.params.out_trade_no, request.query['app_id']);
    const wanted = notifyRequestSchema.parse(request.body ?? {});
    response.json(await sendByHand(trade, wanted, dependencies));
  });
  router.post('/alipay/outage', async (request, response) => {
    const { down } = outageSchema.parse(request.body);
    await switchGateway(dependencies, down);
    response.json({ done: down ? 'the gateway refuses connections' : 'the gateway listens', down });
  });
  return router;
}

/** A real outage: the listening socket is closed, so the kernel refuses connections. A restart ends it. */
async function switchGateway(
  { gateway, host, gatewayPort }: AlipayControlDependencies,
  down: boolean,
): Promise<void> {
  if (down && gateway.listening) await stopListening(gateway);
  if (!down && !gateway.listening) await listen(gateway, host, gatewayPort());
}
