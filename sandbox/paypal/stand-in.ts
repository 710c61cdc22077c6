import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import express, { Router } from 'express';
import { z } from 'zod';
import { NotFound } from '../control-errors.js';
import { ObjectStore } from '../object-store.js';
import type { StandIn, StandInPorts } from '../stand-in.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { loadPlatform, productCredentials, type DemoAccount } from './accounts.js';
import { readBody } from '../read-body.js';
import { answerCall, MAX_BODY_BYTES, type AnswerPorts } from './answer-call.js';
import { Book, type Funding, type Order } from './book.js';
import { FaultList, faultSchema } from './faults.js';
import { approve, settlePending } from './orders.js';
import { payerPage } from './payer-page.js';
import { Refusal } from './refusal.js';
import { RequestIds } from './request-ids.js';
import { Tokens } from './tokens.js';
import { Webhooks } from './webhooks.js';

const CERTIFICATE_PATH = '/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77';

/** PayPal, as one of the sandbox's providers. */
export function createPaypalStandIn({ folder, journal, speed, now }: StandInPorts): StandIn {
  const platform = loadPlatform(folder);
  const store = new ObjectStore(folder);
  const faults = new FaultList();
  const urls = new WebhookUrls(folder, platform.accounts);
  const { signingKey } = platform;
  const webhooks = new Webhooks({
    store,
    now,
    journal,
    faults,
    signingKey,
    speed,
    webhookOf: (account) => urls.of(account),
  });
  let url = '';
  const bookFor = (account: string): Book => new Book(store, account, now(), url);
  const tokens = new Tokens(platform.accounts, now);
  const ports: AnswerPorts = {
    tokens,
    keys: new RequestIds(store, now),
    faults,
    certificate: { path: CERTIFICATE_PATH, pem: platform.certificate },
    bookFor,
    isAbout: (text, reference) =>
      text.includes(reference) ||
      (store.all('order') as Order[]).some((order) => order.custom_id === reference && names(text, order)),
    async finish(book) {
      for (const entry of book.entries) journal.append(entry);
      await journal.durable();
      for (const event of book.events) webhooks.tell(event);
    },
  };
  const payer = new Payer(store, ports);
  const server = createServer((request, response) => {
    const isPage = (request.url ?? '').startsWith('/checkoutnow?');
    const answered = isPage ? payer.serve(request, response) : answerCall(request, response, ports);
    answered.catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  return {
    provider: 'paypal',
    server,
    routes: controlRoutes({ faults, urls, payer, tokens }),
    start(at) {
      url = at;
      webhooks.certificateUrl = `${at}${CERTIFICATE_PATH}`;
      webhooks.resume();
      return productCredentials(platform, at);
    },
    async close() {
      await webhooks.close();
      store.close();
    },
  };
}

/** A call may name an order, or money of it, by PayPal's ids alone. */
function names(text: string, { id, captures, authorizations, refunds }: Order): boolean {
  return [{ id }, ...captures, ...authorizations, ...refunds].some((each) => text.includes(each.id));
}

/** The payer, and the bank behind them, played by hand. */
class Payer {
  constructor(
    private readonly store: ObjectStore,
    private readonly ports: AnswerPorts,
  ) {}

  async approve(idOrReference: string, funding: Funding): Promise<Order> {
    return this.#act(idOrReference, (book, order) => approve(book, order, funding));
  }

  async settle(idOrReference: string, isPaid: boolean): Promise<Order> {
    return this.#act(idOrReference, (book, order) => settlePending(book, order, isPaid));
  }

  /** The page that an order's link leads to. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = new URL(request.url ?? '/', 'http://paypal').searchParams.get('token') ?? '';
    const order = this.store.get('order', id) as Order | undefined;
    if (!order) return void response.writeHead(404).end();
    if (request.method !== 'POST') {
      return void response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
        .end(payerPage(order));
    }
    const answer = new URLSearchParams((await readBody(request, MAX_BODY_BYTES)).toString('utf8')).get(
      'answer',
    );
    if (answer === 'cancel') return goBack(response, order.cancelUrl, { token: id });
    const funding = answer === 'decline' ? 'declined' : answer === 'pending' ? 'pending' : 'good';
    try {
      await this.approve(id, funding);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return void response.writeHead(409, { 'content-type': 'text/plain' }).end(error.message);
    }
    goBack(response, order.returnUrl, { token: id, PayerID: 'BUYERACCOUNT7' });
  }

  async #act(idOrReference: string, act: (book: Book, order: Order) => Order): Promise<Order> {
    const orders = this.store.all('order') as Order[];
    const order = orders.find(({ id, custom_id: reference }) => [id, reference].includes(idOrReference));
    if (!order) throw new NotFound(`There is no order ${idOrReference}.`);
    const book = this.ports.bookFor(order.account);
    const changed = act(book, book.get(order.id));
    await this.ports.finish(book);
    return changed;
  }
}

function goBack(response: ServerResponse, to: string | null, parameters: Record<string, string>): void {
  if (to === null) return void response.writeHead(200).end('You may close this page.');
  const url = new URL(to);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  response.writeHead(303, { location: url.href }).end();
}

const webhookSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });
const approveSchema = z.strictObject({
  funding: z.enum(['good', 'declined', 'denied', 'pending']).default('good'),
});

function controlRoutes(parts: {
  readonly faults: FaultList;
  readonly urls: WebhookUrls;
  readonly payer: Payer;
  readonly tokens: Tokens;
}): Router {
  const { faults, urls, payer, tokens } = parts;
  const router = Router();
  router.use(express.json());
  // What a merchant does in PayPal's dashboard.
  router.put('/endpoints/:name', (request, response) => {
    const { url } = webhookSchema.parse(request.body);
    urls.set(request.params.name, url);
    response.json({ done: 'webhooks go there', url });
  });
  router.post('/orders/:id/approve', async (request, response) => {
    const { funding } = approveSchema.parse(request.body ?? {});
    const { id, status } = await refusedAs409(() => payer.approve(request.params.id, funding));
    response.json({ done: 'approved', id, status });
  });
  router.post('/orders/:id/settle', async (request, response) => {
    const { paid } = z.strictObject({ paid: z.boolean() }).parse(request.body);
    await refusedAs409(() => payer.settle(request.params.id, paid));
    response.json({ done: paid ? 'paid' : 'declined' });
  });
  router.delete('/tokens', (_request, response) => {
    tokens.revokeAll();
    response.json({ done: 'all access tokens are revoked' });
  });
  router.get('/faults', (_request, response) => {
    response.json({ faults: faults.list() });
  });
  router.post('/faults', (request, response) => {
    const fault = faultSchema.parse(request.body);
    faults.add(fault);
    response.status(201).json({ done: 'injected', ...fault });
  });
  router.delete('/faults', (_request, response) => {
    faults.clear();
    response.json({ done: 'cleared' });
  });
  return router;
}

/** Told by Express's error handler, with this status. */
async function refusedAs409<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Refusal) throw Object.assign(new Error(error.message), { status: 409 });
    throw error;
  }
}

/** Where each account's events go, which outlives a restart. */
class WebhookUrls {
  readonly #file: string;
  readonly #urls: Record<string, string>;

  constructor(
    folder: string,
    private readonly accounts: readonly DemoAccount[],
  ) {
    this.#file = join(folder, 'webhooks.json');
    this.#urls = (readStateFile(this.#file) ?? {}) as Record<string, string>;
  }

  of(merchantId: string): { id: string; url: string } | undefined {
    const account = this.accounts.find((each) => each.merchantId === merchantId);
    if (!account) return undefined;
    const url = this.#urls[account.name];
    return url === undefined ? undefined : { id: account.webhookId, url };
  }

  set(name: string, url: string): void {
    if (!this.accounts.some((each) => each.name === name)) {
      throw new NotFound(`No PayPal account is named "${name}".`);
    }
    this.#urls[name] = url;
    writeStateFile(this.#file, this.#urls);
  }
}
