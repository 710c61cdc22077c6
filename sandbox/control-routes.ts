import { Router } from 'express';
import type { TradeBook } from './alipay/trades.js';
import { tell } from './alipay/trades.js';
import { formatYuan } from './alipay/money-and-time.js';
import { BadRequest } from './control-errors.js';
import type { AlipayAndMerchantFaults } from './faults.js';
import { escapeHtml, htmlPage } from './html-page.js';
import type { Journal, JournalEntry } from './journal.js';

export interface ControlDependencies {
  readonly journal: Journal;
  readonly faults: AlipayAndMerchantFaults;
  readonly trades: TradeBook;
}

const shownTrades = 30;
const shownEntries = 40;

/** What tests, the demo and the benchmark ask of the sandbox as a whole. */
export function controlRoutes({ journal, faults, trades }: ControlDependencies): Router {
  const router = Router();
  router.get('/', async (_request, response) => {
    const tail = await journal.read(journal.lastSeq - shownEntries);
    response.type('html').send(overview(trades, tail));
  });
  router.get('/health', (_request, response) => {
    response.json({ ok: true });
  });
  router.get('/journal', async (request, response) => {
    const { reference, kind, since_seq: since } = request.query;
    const sinceSeq = since === undefined ? 0 : Number(since);
    if (!Number.isSafeInteger(sinceSeq) || sinceSeq < 0)
      throw new BadRequest('"since_seq" must be a whole number.');
    const entries = await (typeof reference === 'string'
      ? journal.readKey(reference, sinceSeq)
      : journal.read(sinceSeq));
    const wanted = kind === undefined ? entries : entries.filter((entry) => entry.kind === kind);
    response.json({ last_seq: journal.lastSeq, entries: wanted });
  });
  router.get('/journal/summary', async (request, response) => {
    const { reference } = request.query;
    await journal.durable();
    const one = typeof reference === 'string' ? journal.summary(reference) : undefined;
    const references = typeof reference === 'string' ? (one ? [one] : []) : journal.summaries();
    response.json({ last_seq: journal.lastSeq, totals: totalsOf(references), references });
  });
  router.get('/faults', (_request, response) => {
    response.json({ faults: faults.list() });
  });
  router.post('/faults', (request, response) => {
    response.status(201).json({ done: 'injected', ...faults.add(request.body) });
  });
  router.delete('/faults', (_request, response) => {
    response.json({ done: 'cleared', cleared: faults.clear() });
  });
  return router;
}

function totalsOf(references: ReturnType<Journal['summaries']>): Record<string, unknown> {
  const sum = (pick: (summary: (typeof references)[number]) => number): number =>
    references.reduce((total, summary) => total + pick(summary), 0);
  return {
    references: references.length,
    offers: sum((summary) => summary.offers),
    charges: sum((summary) => summary.charges),
    charged_minor: sum((summary) => summary.charged_minor),
    refunds: sum((summary) => summary.refunds),
    refunded_minor: sum((summary) => summary.refunded_minor),
    /** The references whose payer was charged more than once. It must stay empty. */
    charged_twice: references.filter((summary) => summary.charges > 1).map((summary) => summary.reference),
  };
}

function moneyText(amountMinor: unknown, currency: unknown): string {
  if (typeof amountMinor !== 'number' || typeof currency !== 'string') return '';
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
    .maximumFractionDigits;
  return escapeHtml(`${currency} ${(amountMinor / 10 ** (digits ?? 2)).toFixed(digits)}`);
}

function overview(trades: TradeBook, tail: readonly JournalEntry[]): string {
  const tradeRows = trades.list(shownTrades).map(
    (
      trade,
    ) => `<tr><td><a href="/alipay/qr/${escapeHtml(trade.code)}">${escapeHtml(trade.outTradeNo)}</a></td>
<td>${escapeHtml(trade.subject)}</td><td>¥ ${formatYuan(trade.amountMinor)}</td><td>${escapeHtml(tell(trade))}</td></tr>`,
  );
  const entryRows = [...tail].reverse().map(({ seq, at, kind, reference, ...rest }) => {
    const amount = moneyText(rest['amount_minor'], rest['currency']);
    const name = reference ?? (typeof rest['endpoint'] === 'string' ? rest['endpoint'] : '');
    return `<tr><td>${seq}</td><td>${escapeHtml(at)}</td><td>${escapeHtml(kind)}</td>
<td>${escapeHtml(name)}</td><td>${amount}</td></tr>`;
  });
  return htmlPage(
    'Payment sandbox',
    `<h1>Payment sandbox</h1>
<p class="quiet">Local stand-ins for payment providers. No real money moves.</p>
<h2>Latest trades at Alipay</h2>
<table><tr><th>Order</th><th>What</th><th>Amount</th><th>State</th></tr>${tradeRows.join('')}</table>
<h2>Latest journal entries of all</h2>
<table><tr><th>#</th><th>At</th><th>Kind</th><th>Reference</th><th>Amount</th></tr>${entryRows.join('')}</table>`,
  );
}
