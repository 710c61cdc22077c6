import { escapeHtml, htmlPage } from '../html-page.js';
import type { Message } from './message.js';
import { endsAtMs, isPayable, tell, type Order } from './orders.js';

/** The cashier on UnionPay's side: the person who looks at it is the payer. */
export function payerPage(order: Order, front: Message, nowMs: number): string {
  const { terms } = order;
  const yuan = (Number(terms['txnAmt']) / 100).toFixed(2);
  const [, subject = ''] = /^\{commodityName=(.*)\}$/.exec(terms['riskRateInfo'] ?? '') ?? [];
  return htmlPage(
    `Pay ${yuan} yuan`,
    `<p class="quiet">UnionPay sandbox: you play the payer. No real money moves.</p>
<h1>${escapeHtml(subject)}</h1>
<p class="amount">¥ ${yuan}</p>
<p>State: <strong>${escapeHtml(tell(order, nowMs))}</strong></p>
${isPayable(order, nowMs) ? buttons(order) : ''}
${wayBack(order, front)}
<h2>Details</h2>
<table>
<tr><th>Order</th><td>${escapeHtml(terms['orderId'] ?? '')}, ${escapeHtml(terms['txnTime'] ?? '')}</td></tr>
<tr><th>Merchant</th><td>${escapeHtml(terms['merId'] ?? '')}</td></tr>
<tr><th>Payable until</th><td>${new Date(endsAtMs(order)).toISOString()}</td></tr>
<tr><th>UnionPay’s number</th><td>${escapeHtml(order.queryId ?? 'none before the payment')}</td></tr>
</table>`,
  );
}

export function refusedPage(code: string, message: string): string {
  return htmlPage(
    'Order refused',
    `<h1>UnionPay does not take this order</h1><p>${escapeHtml(code)} ${escapeHtml(message)}</p>`,
  );
}

function buttons({ code, terms }: Order): string {
  const verb = terms['txnType'] === '02' ? 'Authorize' : 'Pay';
  const action = `/pay/${escapeHtml(code)}`;
  return `<form method="post" action="${action}/pay"><button class="main">${verb}</button></form>
<form method="post" action="${action}/refuse">
<button name="code" value="64">Try an empty card</button><button name="code" value="61">Mistype the card</button>
</form><p class="quiet">A refused card leaves this page open. Or walk away.</p>`;
}

/** After a payment the browser carries the front notification back; before it, nothing at all. */
function wayBack({ terms, state }: Order, front: Message): string {
  const url = escapeHtml(terms['frontUrl'] ?? '');
  if (state === 'open') return `<p><a class="button" href="${url}">Back to the shop</a></p>`;
  const inputs = Object.entries(front).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  return `<form method="post" action="${url}">${inputs.join('')}<button>Back to the shop</button></form>`;
}
