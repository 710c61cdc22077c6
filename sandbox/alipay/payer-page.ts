import { Router, type Request, type Response } from 'express';
import { BadRequest } from '../control-errors.js';
import { escapeHtml, htmlPage } from '../html-page.js';
import type { Journal } from '../journal.js';
import type { AlipayCredentials } from './credentials.js';
import { formatBeijing, formatYuan, parseYuan } from './money-and-time.js';
import { requestText, signRsa2 } from './signature.js';
import { expiresAtMs, isOver, PayerRefused, tell, type Trade, type TradeBook } from './trades.js';

export interface PayerPageDependencies {
  readonly trades: TradeBook;
  readonly journal: Journal;
  readonly credentials: AlipayCredentials;
}

/** What a payer's phone would show after scanning: the page behind the QR code. */
export function payerPageRoutes({ trades, journal, credentials }: PayerPageDependencies): Router {
  const router = Router();
  const tradeOf = (request: Request): Trade => {
    const trade = trades.findByCode(String(request.params['code']));
    if (!trade) throw new PayerRefused('There is no such code.');
    return trade;
  };
  router.get('/alipay/qr/:code', async (request, response) => {
    const trade = trades.findByCode(String(request.params['code']));
    // Nobody is shown what a crash could still take back.
    await journal.durable();
    response
      .status(trade ? 200 : 404)
      .type('html')
      .send(trade ? page(trade, credentials) : noSuchCode);
  });
  router.post('/alipay/qr/:code/scan', async (request, response) => {
    const trade = tradeOf(request);
    trades.scan(trade);
    await journal.durable();
    done(request, response, trade);
  });
  router.post('/alipay/qr/:code/pay', async (request, response) => {
    const trade = tradeOf(request);
    payWithBody(trades, trade, request.body);
    await journal.durable();
    done(request, response, trade);
  });
  return router;
}

/** Pays, with the body's `amount` in yuan instead of the offered one where a test wants that. */
export function payWithBody(trades: TradeBook, trade: Trade, body: unknown): void {
  const given = (body as { amount?: unknown } | undefined)?.amount;
  const amountMinor = given === undefined ? undefined : parseYuan(given);
  if (given !== undefined && amountMinor === undefined) {
    throw new BadRequest('"amount" must be yuan with at most two decimals, from 0.01 to 100000000.');
  }
  trades.pay(trade, amountMinor);
}

/** A browser goes back to the page, a program gets the trade. */
function done(request: Request, response: Response, trade: Trade): void {
  if (request.accepts(['json', 'html']) === 'html') response.redirect(303, `/alipay/qr/${trade.code}`);
  else response.json(describeTrade(trade));
}

export function describeTrade(trade: Trade): Record<string, unknown> {
  return {
    out_trade_no: trade.outTradeNo,
    app_id: trade.app.appId,
    seller_id: trade.app.sellerId,
    product: trade.product,
    code: trade.code,
    subject: trade.subject,
    status: trade.status,
    state: tell(trade),
    total_amount: formatYuan(trade.amountMinor),
    paid_amount: trade.paidMinor === undefined ? null : formatYuan(trade.paidMinor),
    refunded_amount: formatYuan(trade.refundedMinor),
    trade_no: trade.tradeNo ?? null,
    buyer_id: trade.buyerId ?? null,
    notify_url: trade.notifyUrl ?? null,
    expires_at: new Date(expiresAtMs(trade)).toISOString(),
    refunds: [...trade.refunds.values()].map((refund) => ({
      out_request_no: refund.outRequestNo,
      amount: formatYuan(refund.amountMinor),
    })),
  };
}

const noSuchCode = htmlPage(
  'Unknown code',
  '<h1>Unknown code</h1><p>This sandbox never handed out this code.</p>',
);

function page(trade: Trade, credentials: AlipayCredentials): string {
  return htmlPage(
    `Pay ${formatYuan(trade.amountMinor)} yuan`,
    `<p class="quiet">Alipay sandbox: you play the payer. No real money moves.</p>
<h1>${escapeHtml(trade.subject)}</h1>
<p class="amount">¥ ${formatYuan(trade.paidMinor ?? trade.amountMinor)}</p>
<p>State: <strong>${escapeHtml(tell(trade))}</strong></p>
${buttons(trade)}
${wayBack(trade, credentials)}
<h2>Details</h2>
<table>
<tr><th>Order</th><td>${escapeHtml(trade.outTradeNo)}</td></tr>
<tr><th>Seller</th><td>${escapeHtml(trade.app.sellerId)}</td></tr>
<tr><th>Payable until</th><td>${formatBeijing(expiresAtMs(trade))} (GMT+8)</td></tr>
<tr><th>Trade number</th><td>${escapeHtml(trade.tradeNo ?? 'none before the scan')}</td></tr>
</table>
<p><a href="/">All trades</a></p>`,
  );
}

function buttons(trade: Trade): string {
  const isPayable = trade.status === 'OFFERED' || trade.status === 'WAIT_BUYER_PAY';
  if (!isPayable) return '';
  if (isOver(trade)) return '<p>Too late: this code has expired and can no longer be paid.</p>';
  const button = (action: string, label: string, kind = ''): string =>
    `<form method="post" action="/alipay/qr/${escapeHtml(trade.code)}/${action}"><button class="${kind}">${label}</button></form>`;
  const scan = trade.status === 'OFFERED' ? button('scan', 'Scan') : '';
  return `<p>${scan}${button('pay', 'Pay', 'main')}<a class="button" href="/">Walk away</a></p>`;
}

/** After a page payment Alipay sends the browser back with signed parameters. They prove nothing to the merchant. */
function wayBack(trade: Trade, credentials: AlipayCredentials): string {
  if (trade.returnUrl === undefined || trade.paidMinor === undefined || !/^https?:/.test(trade.returnUrl))
    return '';
  const url = new URL(trade.returnUrl);
  const parameters = new Map([
    ['method', 'alipay.trade.page.pay.return'],
    ['app_id', trade.app.appId],
    ['auth_app_id', trade.app.appId],
    ['seller_id', trade.app.sellerId],
    ['out_trade_no', trade.outTradeNo],
    ['trade_no', trade.tradeNo ?? ''],
    ['total_amount', formatYuan(trade.paidMinor)],
    ['timestamp', formatBeijing(Date.now())],
    ['charset', 'utf-8'],
    ['version', '1.0'],
  ]);
  const sign = signRsa2(requestText(parameters), credentials.platformPrivateKey);
  for (const [name, value] of [...parameters, ['sign', sign], ['sign_type', 'RSA2']] as const) {
    url.searchParams.set(name, value);
  }
  return `<p><a class="button" href="${escapeHtml(url.href)}">Back to the shop</a></p>`;
}
