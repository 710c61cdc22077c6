import { Router, type Request, type Response } from 'express';
import { z } from 'zod';
import { escapeHtml, htmlPage } from '../html-page.js';
import { formatFixed, formatRate, minorDigits, parseFixed } from './coin-amounts.js';
import { invoiceModel, paymentLink, paymentMethodModels } from './greenfield-models.js';
import { BadRequest, NotFound } from '../control-errors.js';
import type { InvoiceBook } from './invoice-book.js';
import { coinsAsked, coinsPaid, isUnderPaid, orderIdOf, type Invoice } from './invoice.js';

export interface PayerPageDependencies {
  readonly invoices: InvoiceBook;
  readonly durable: () => Promise<void>;
  readonly pageUrl: (invoice: Invoice) => string;
}

/** What the payer sends: `part` of what is still due, or an exact number of coins; `confirmed`: in a block at once. */
const paySchema = z.strictObject({
  part: z.enum(['exact', 'under', 'over']).default('exact'),
  coins: z.string().optional(),
  confirmed: z.stringbool().or(z.boolean()).default(false),
});
const expireSchema = z.strictObject({ monitoring: z.stringbool().or(z.boolean()).default(false) });

const actions: Readonly<Record<string, (book: InvoiceBook, invoice: Invoice, body: unknown) => void>> = {
  pay: (book, invoice, body) => {
    const { part, coins, confirmed } = paySchema.parse(body ?? {});
    book.pay(invoice, coins === undefined ? partOf(invoice, part) : exactly(coins));
    if (confirmed) book.confirm(invoice);
  },
  confirm: (book, invoice) => book.confirm(invoice),
  replace: (book, invoice) => book.replace(invoice),
  expire: (book, invoice, body) => book.expire(invoice, expireSchema.parse(body ?? {}).monitoring),
};

function partOf(invoice: Invoice, part: 'exact' | 'under' | 'over'): bigint {
  const asked = coinsAsked(invoice);
  if (part === 'under') return asked / 2n;
  const due = asked - coinsPaid(invoice);
  return (due > 0n ? due : asked) + (part === 'over' ? asked / 10n : 0n);
}

function exactly(coins: string): bigint {
  const satoshis = parseFixed(coins, 8);
  if (satoshis === undefined) throw new BadRequest('"coins" must be a decimal with at most eight places.');
  return satoshis;
}

/** Throws a BadRequest or a ZodError for what cannot be done. */
export function play(book: InvoiceBook, invoice: Invoice, action: string, body: unknown): void {
  const act = actions[action];
  if (!act) throw new NotFound(`Nobody can ${action} an invoice.`);
  act(book, invoice, body);
}

/** The invoice's page, on the server itself: here the person is the payer, the miners and the clock as well. */
export function payerPageRoutes({ invoices, durable, pageUrl }: PayerPageDependencies): Router {
  const router = Router();
  router.get('/i/:id', async (request, response) => {
    const invoice = invoices.find(request.params.id);
    await durable();
    if (!invoice) response.status(404).type('html').send(noSuchInvoice);
    else if (request.accepts(['html', 'json']) === 'json') response.json(describe(invoice, pageUrl));
    else response.type('html').send(page(invoice));
  });
  router.post('/i/:id/:action', async (request: Request<{ id: string; action: string }>, response) => {
    const { id, action } = request.params;
    const invoice = invoices.find(id);
    if (!invoice) throw new NotFound('There is no such invoice.');
    play(invoices, invoice, action, request.body);
    await durable();
    answer(request, response, invoice, pageUrl);
  });
  return router;
}

/** A browser goes back to the page, a program gets the invoice. */
function answer(
  request: Request<{ id: string; action: string }>,
  response: Response,
  invoice: Invoice,
  pageUrl: (invoice: Invoice) => string,
): void {
  if (request.accepts(['json', 'html']) === 'html') response.redirect(303, `/i/${invoice.id}`);
  else response.json(describe(invoice, pageUrl));
}

export function describe(invoice: Invoice, pageUrl: (invoice: Invoice) => string): Record<string, unknown> {
  return { ...invoiceModel(invoice, pageUrl(invoice)), methods: paymentMethodModels(invoice, false) };
}

const noSuchInvoice = htmlPage(
  'Unknown invoice',
  '<h1>Unknown invoice</h1><p>This server never made it.</p>',
);

function page(invoice: Invoice): string {
  const { currency, metadata, status, additionalStatus } = invoice;
  const price = `${formatFixed(invoice.amountMinor, minorDigits(currency))} ${currency}`;
  const due = coinsAsked(invoice) - coinsPaid(invoice);
  const item = typeof metadata['itemDesc'] === 'string' ? metadata['itemDesc'] : invoice.id;
  const payments = invoice.payments.map(
    ({ id, satoshis, status: state }) =>
      `<tr><td>${escapeHtml(id.slice(0, 16))}…</td><td>${formatFixed(satoshis, 8)} BTC</td><td>${state}</td></tr>`,
  );
  return htmlPage(
    `Pay ${price}`,
    `<p class="quiet">BTCPay sandbox: you play the payer, the miners and the clock. No real coins move.</p>
<h1>${escapeHtml(item)}</h1>
<p class="amount">${formatFixed(due > 0n ? due : 0n, 8)} BTC</p>
<p>for ${escapeHtml(price)}, at ${formatRate(invoice.rate)} ${escapeHtml(currency)} for one.
State: <strong>${status}${additionalStatus === 'None' ? '' : ` (${additionalStatus})`}</strong></p>
${buttons(invoice)}
<h2>Details</h2>
<table>
<tr><th>Link</th><td>${escapeHtml(paymentLink(invoice, due > 0n ? due : 0n))}</td></tr>
<tr><th>Payable until</th><td>${new Date(invoice.expiresAtMs).toISOString()}</td></tr>
<tr><th>Order</th><td>${escapeHtml(orderIdOf(invoice) ?? 'none')}</td></tr>
${payments.join('\n')}
</table>
${wayBack(invoice)}`,
  );
}

function buttons({ id, payments, status }: Invoice): string {
  const button = (action: string, label: string, fields: Record<string, string> = {}, kind = ''): string =>
    `<form method="post" action="/i/${escapeHtml(id)}/${action}">${Object.entries(fields)
      .map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
      .join('')}<button class="${kind}">${label}</button></form>`;
  const hasUnconfirmed = payments.some((payment) => payment.status === 'Processing');
  return `<p>${button('pay', 'Send it', { part: 'exact' }, 'main')}${button('pay', 'Send half', { part: 'under' })}${button('pay', 'Send too much', { part: 'over' })}</p>
<p>${hasUnconfirmed ? button('confirm', 'Mine a block') + button('replace', 'Take it back (replace by fee)') : ''}${
    status === 'New' ? button('expire', 'Let its time pass') : ''
  }</p>`;
}

/** The way back proves nothing to the shop. */
function wayBack(invoice: Invoice): string {
  const { redirectUrl } = invoice.checkout;
  if (!redirectUrl || !/^https?:/.test(redirectUrl) || isUnderPaid(invoice)) return '';
  return `<p><a class="button" href="${escapeHtml(redirectUrl)}">Back to the shop</a></p>`;
}
