import { escapeHtml, htmlPage } from '../html-page.js';
import { isPayable, tell, type Order } from './orders.js';
import { formatTime } from './resources.js';

const codeLifeMs = 2 * 3_600_000;
const h5LifeMs = 5 * 60_000;

/** A link to an order: each request gets a fresh one, which says when it was made. */
export function linkPath({ code }: Order, nowMs: number): string {
  return `/pay/${code}?made=${nowMs.toString(36)}`;
}

/** False for a link that is too old to be used; the order may still be payable by a fresh one. */
export function isLinkAlive({ product }: Order, query: URLSearchParams, nowMs: number): boolean {
  const madeAtMs = parseInt(query.get('made') ?? '', 36);
  const lifeMs = product === 'MWEB' ? h5LifeMs : codeLifeMs;
  return madeAtMs <= nowMs && nowMs < madeAtMs + lifeMs;
}

export function payerPage(order: Order, query: URLSearchParams, nowMs: number): string {
  const { terms } = order;
  const yuan = (terms.amount.total / 100).toFixed(2);
  return htmlPage(
    `Pay ${yuan} yuan`,
    `<p class="quiet">WeChat Pay sandbox: you play the payer. No real money moves.</p>
<h1>${escapeHtml(terms.description)}</h1>
<p class="amount">¥ ${yuan}</p>
<p>State: <strong>${escapeHtml(tell(order))}</strong></p>
${buttons(order, query, nowMs)}
${wayBack(query)}
<h2>Details</h2>
<table>
<tr><th>Order</th><td>${escapeHtml(terms.out_trade_no)}</td></tr>
<tr><th>Merchant</th><td>${escapeHtml(order.mchid)}</td></tr>
<tr><th>Payable until</th><td>${formatTime(order.expiresAtMs)}</td></tr>
<tr><th>Transaction</th><td>${escapeHtml(order.transactionId ?? 'none before the payment')}</td></tr>
</table>`,
  );
}

export const noSuchCode = htmlPage(
  'Unknown code',
  '<h1>Unknown code</h1><p>This sandbox never handed out this code.</p>',
);

function buttons(order: Order, query: URLSearchParams, nowMs: number): string {
  if (!isPayable(order)) return '';
  if (!isLinkAlive(order, query, nowMs)) return '<p>This link is too old: ask the shop for a fresh one.</p>';
  const action = `/pay/${escapeHtml(order.code)}/pay?${escapeHtml(query.toString())}`;
  const button = (name: string, value: string, label: string, kind = ''): string =>
    `<button class="${kind}" name="${name}" value="${value}">${label}</button>`;
  const half = Math.floor(order.terms.amount.total / 2);
  return `<form method="post" action="${action}">
${button('', '', 'Pay', 'main')}${button('coupon', String(half), 'Pay half by a coupon of WeChat Pay')}
</form><p class="quiet">Or walk away: an order that nobody pays stays unpaid.</p>`;
}

/** The browser goes back where the shop asked for it. That proves nothing to the shop. */
function wayBack(query: URLSearchParams): string {
  const url = query.get('redirect_url') ?? '';
  return /^https?:\/\//.test(url)
    ? `<p><a class="button" href="${escapeHtml(url)}">Back to the shop</a></p>`
    : '';
}
