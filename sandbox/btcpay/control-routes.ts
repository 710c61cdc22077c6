import express, { Router } from 'express';
import { z } from 'zod';
import { BadRequest, NotFound } from '../control-errors.js';
import type { BtcpayStore } from './credentials.js';
import type { BtcpayFaults } from './faults.js';
import type { InvoiceBook } from './invoice-book.js';
import type { Invoice } from './invoice.js';
import { describe, play } from './payer-page.js';
import type { RateTable } from './rate-table.js';
import type { WebhookRegistry } from './webhook-registry.js';

export interface ControlDependencies {
  readonly stores: readonly BtcpayStore[];
  readonly invoices: InvoiceBook;
  readonly rates: RateTable;
  readonly webhooks: WebhookRegistry;
  readonly faults: BtcpayFaults;
  readonly loaded: Promise<void>;
  readonly durable: () => Promise<void>;
  readonly pageUrl: (invoice: Invoice) => string;
}

const rateSchema = z.strictObject({ currency: z.string().regex(/^[A-Z]{3}$/), rate: z.string().nullable() });
const endpointSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });
const shownInvoices = 1000;

/** For tests and demonstrations, beside the server's own pages: orders, rates, webhooks, faults. */
export function controlRoutes(dependencies: ControlDependencies): Router {
  const router = Router().use(express.json());
  router.use((_request, _response, next) => {
    dependencies.loaded.then(() => next(), next);
  });
  invoiceRoutes(router, dependencies);
  operatorRoutes(router, dependencies);
  return router;
}

function invoiceRoutes(router: Router, { invoices, durable, pageUrl }: ControlDependencies): void {
  const ofOrder = (orderId: string): [Invoice, ...Invoice[]] => {
    const [oldest, ...newer] = invoices.ofOrder(orderId);
    if (!oldest) throw new NotFound(`No invoice has the orderId "${orderId}".`);
    return [oldest, ...newer];
  };
  const tell = (of: readonly Invoice[]) => ({ invoices: of.map((invoice) => describe(invoice, pageUrl)) });
  router.get('/invoices', async (_request, response) => {
    await durable();
    response.json(tell(invoices.latest(shownInvoices)));
  });
  router.get('/orders/:order_id', async (request, response) => {
    const found = ofOrder(request.params.order_id);
    await durable();
    response.json(tell(found));
  });
  // Plays with the oldest invoice of the order, as its page does.
  router.post('/orders/:order_id/:action', async (request, response) => {
    const [oldest] = ofOrder(request.params.order_id);
    play(invoices, oldest, request.params.action, request.body);
    await durable();
    response.json(describe(oldest, pageUrl));
  });
}

function operatorRoutes(router: Router, { stores, rates, webhooks, faults }: ControlDependencies): void {
  router.get('/rates', (_request, response) => {
    response.json({ rates: rates.list() });
  });
  router.post('/rates', (request, response) => {
    const { currency, rate } = rateSchema.parse(request.body);
    if (!rates.set(currency, rate))
      throw new BadRequest('"rate" must be a decimal above 0, or null for none.');
    response.json({ done: rate === null ? 'taken away' : 'set', rates: rates.list() });
  });
  // What a merchant does once on the server's pages: says where the store's events go.
  router.put('/endpoints/:credential', (request, response) => {
    const store = stores.find(({ name }) => name === request.params.credential);
    if (!store) throw new NotFound(`No store belongs to the credential "${request.params.credential}".`);
    const { url } = endpointSchema.parse(request.body);
    webhooks.replace(store.storeId, url, store.webhookSecret);
    response.json({ done: 'registered', url });
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
}
