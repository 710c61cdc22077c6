import express, { type ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { BadRequest, NotFound } from '../control-errors.js';
import type { StandIn, StandInPorts } from '../stand-in.js';
import { controlRoutes } from './control-routes.js';
import { loadStores, productCredentials } from './credentials.js';
import { BtcpayFaults } from './faults.js';
import { InvoiceBook } from './invoice-book.js';
import { fromSnapshot, toSnapshot } from './invoice-snapshot.js';
import { orderIdOf, type Invoice } from './invoice.js';
import { payerPageRoutes } from './payer-page.js';
import { RateTable } from './rate-table.js';
import { createBtcpayServer } from './server.js';
import { WebhookQueue } from './webhook-queue.js';
import { WebhookRegistry } from './webhook-registry.js';

const provider = 'btcpay';
const watchEveryMs = 250;

/** Plays one BTCPay Server with two merchants' stores: the API, the pages, the webhooks, the chain and the clock. */
export function createBtcpayStandIn({ folder, journal, speed, now }: StandInPorts): StandIn {
  const stores = loadStores(folder);
  const rates = new RateTable(folder);
  const webhooks = new WebhookRegistry(folder);
  const faults = new BtcpayFaults(folder);
  const durable = (): Promise<void> => journal.durable();
  const queue = new WebhookQueue({
    webhooks,
    speed,
    durable,
    now,
    faults,
    record: (reference, details) =>
      journal.append({ provider, kind: 'notification', reference, ...details }, { lazy: true }),
  });
  const invoices = new InvoiceBook({
    now,
    announce: (invoice, event) => queue.announce(invoice, event),
    record: (kind, invoice, details) => {
      const { currency } = invoice;
      const reference = orderIdOf(invoice);
      journal.append({ provider, kind, reference, currency, ...details, invoice: toSnapshot(invoice) });
    },
  });
  // The journal of a former run is read once.
  const loaded = journal.read(0).then((entries) => {
    for (const entry of entries) {
      const invoice = entry.provider === provider ? fromSnapshot(entry) : undefined;
      if (invoice) invoices.restore(invoice);
    }
  });

  let url = '';
  let watching: NodeJS.Timeout | undefined;
  const pageUrl = (invoice: Invoice): string => `${url}/i/${invoice.id}`;
  const pages = express()
    .use(express.json(), express.urlencoded({ extended: false }))
    .use(payerPageRoutes({ invoices, durable, pageUrl }))
    .use(answerError);
  const shared = { stores, invoices, rates, webhooks, faults, loaded, durable, pageUrl };
  const server = createBtcpayServer({ ...shared, pages });
  return {
    provider,
    server,
    routes: controlRoutes(shared),
    start(listeningAt) {
      url = listeningAt;
      watching = setInterval(() => void loaded.then(() => invoices.watchAll()), watchEveryMs);
      return productCredentials(stores, url);
    },
    async close() {
      clearInterval(watching);
      await queue.stop();
    },
  };
}

/** Four parameters make it Express's error handler. */
const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error);
  const message = error instanceof Error ? error.message : String(error);
  const isBad = error instanceof BadRequest || error instanceof z.ZodError;
  const status = error instanceof NotFound ? 404 : isBad ? 400 : 500;
  response.status(status).json({ error: message });
};
