import type { Server } from 'node:http';
import express, { Router, type ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { BadRequest, NotFound } from '../control-errors.js';
import { listen, stopListening } from '../listening.js';
import { loadStores, productCredentials } from './credentials.js';
import type { ApiOperation } from './greenfield-api.js';
import { InvoiceBook, PaymentRefused, type InvoiceFact } from './invoice-book.js';
import { fromSnapshot, toSnapshot } from './invoice-snapshot.js';
import { orderIdOf, type Invoice } from './invoice.js';
import { describe, payerPageRoutes } from './payer-page.js';
import { RateTable } from './rate-table.js';
import { createBtcpayServer, type CallFault } from './server.js';
import { WebhookQueue, type DeliveryFault } from './webhook-queue.js';
import { WebhookRegistry } from './webhook-registry.js';

/** What the sandbox lends to a stand-in. */
export interface StandInPorts {
  readonly folder: string;
  readonly host: string;
  readonly speed: number;
  readonly record: (
    kind: InvoiceFact | 'notification',
    reference: string | null,
    details: Record<string, unknown>,
  ) => void;
  readonly durable: () => Promise<void>;
  readonly takeFault: (
    operation: ApiOperation | 'notification',
    reference: string | undefined,
  ) => (CallFault & DeliveryFault) | undefined;
  readonly now: () => number;
}

export interface BtcpayStandIn {
  readonly server: Server;
  readonly control: Router;
  readonly invoices: InvoiceBook;
  /** Applies one line of an old journal. */
  replay(entry: Readonly<Record<string, unknown>>): void;
  /** Once the server listens on `port`: what the product may know. */
  start(port: number): Record<string, Record<string, unknown>>;
  stop(): void;
}

const watchEveryMs = 250;

/** One BTCPay Server with two merchants' stores: the API, the pages, the webhooks and the clock. */
export function createBtcpayStandIn(ports: StandInPorts): BtcpayStandIn {
  const { folder, host, speed, durable, now } = ports;
  const stores = loadStores(folder);
  const rates = new RateTable(folder);
  const webhooks = new WebhookRegistry(folder);
  const queue = new WebhookQueue({
    webhooks,
    speed,
    durable,
    now,
    takeFault: (reference) => ports.takeFault('notification', reference),
    record: (reference, details) => ports.record('notification', reference, details),
  });
  const invoices = new InvoiceBook({
    now,
    announce: (invoice, event) => queue.announce(invoice, event),
    record: (fact, invoice, details) =>
      ports.record(fact, orderIdOf(invoice), {
        currency: invoice.currency,
        ...details,
        invoice: toSnapshot(invoice),
      }),
  });
  let port = 0;
  let watching: NodeJS.Timeout | undefined;
  const baseUrl = (): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const pageUrl = (invoice: Invoice): string => `${baseUrl()}/i/${invoice.id}`;
  const pages = express()
    .use(express.json(), express.urlencoded({ extended: false }))
    .use(payerPageRoutes({ invoices, durable, pageUrl }))
    .use(answerError);
  const { takeFault } = ports;
  const server = createBtcpayServer({
    stores,
    invoices,
    rates,
    webhooks,
    pageUrl,
    takeFault,
    durable,
    pages,
  });
  const down = async (isDown: boolean): Promise<void> => {
    if (isDown && server.listening) await stopListening(server);
    if (!isDown && !server.listening) await listen(server, host, port);
  };
  return {
    server,
    control: controlRoutes({ invoices, rates, durable, pageUrl, down }),
    invoices,
    replay: (entry) => {
      const invoice = fromSnapshot(entry);
      if (invoice) invoices.restore(invoice);
    },
    start: (listeningPort) => {
      port = listeningPort;
      watching = setInterval(() => invoices.watchAll(), watchEveryMs);
      return productCredentials(stores, baseUrl());
    },
    stop: () => {
      clearInterval(watching);
      queue.stop();
    },
  };
}

/** Four parameters make it Express's error handler. */
const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error);
  const message = error instanceof Error ? error.message : String(error);
  const status = error instanceof PaymentRefused ? 409 : error instanceof z.ZodError ? 400 : 500;
  response.status(status).json({ error: message });
};

interface ControlDependencies {
  readonly invoices: InvoiceBook;
  readonly rates: RateTable;
  readonly durable: () => Promise<void>;
  readonly pageUrl: (invoice: Invoice) => string;
  readonly down: (isDown: boolean) => Promise<void>;
}

const rateSchema = z.strictObject({ currency: z.string().regex(/^[A-Z]{3}$/), rate: z.string().nullable() });
const outageSchema = z.strictObject({ down: z.boolean() });
const shownInvoices = 1000;

/** What tests and the demo ask of the stand-in beside its pages. */
function controlRoutes({ invoices, rates, durable, pageUrl, down }: ControlDependencies): Router {
  const router = Router();
  router.get('/btcpay/rates', (_request, response) => {
    response.json({ rates: rates.list() });
  });
  router.post('/btcpay/rates', (request, response) => {
    const { currency, rate } = rateSchema.parse(request.body);
    if (!rates.set(currency, rate))
      throw new BadRequest('"rate" must be a decimal above 0, or null for none.');
    response.json({ done: rate === null ? 'taken away' : 'set', rates: rates.list() });
  });
  router.get('/btcpay/invoices', async (_request, response) => {
    await durable();
    response.json({ invoices: invoices.latest(shownInvoices).map((invoice) => describe(invoice, pageUrl)) });
  });
  router.get('/btcpay/orders/:order_id', async (request, response) => {
    const found = invoices.ofOrder(request.params.order_id);
    if (found.length === 0) throw new NotFound(`No invoice has the orderId "${request.params.order_id}".`);
    await durable();
    response.json({ invoices: found.map((invoice) => describe(invoice, pageUrl)) });
  });
  router.post('/btcpay/outage', async (request, response) => {
    const { down: isDown } = outageSchema.parse(request.body);
    await down(isDown);
    response.json({ done: isDown ? 'the server refuses connections' : 'the server listens', down: isDown });
  });
  return router;
}
