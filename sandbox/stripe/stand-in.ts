import { join } from 'node:path';
import express, { Router } from 'express';
import { z } from 'zod';
import { NotFound } from '../control-errors.js';
import type { StandIn, StandInPorts } from '../stand-in.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { createStripeStandIn, type StripeStandIn } from './create-stand-in.js';
import { loadAccounts, productCredentials, type DemoAccount } from './credentials.js';
import { faultSchema } from './faults.js';
import { savedCards, savedCustomer, testCards } from './test-cards.js';

/** A deployed merchant's server answers in seconds; a hanging one is tried again. */
const NOTIFY_TIMEOUT_MS = 10_000;

/** Stripe, as one of the sandbox's providers. */
export function createStripe({ folder, journal, speed, now }: StandInPorts): StandIn {
  const accounts = loadAccounts(folder);
  const endpoints = new EndpointMemory(folder);
  const standIn = createStripeStandIn({
    accounts: accounts.map((account) => ({ ...account, ...endpoints.of(account) })),
    journal: async (entry) => {
      journal.append(entry);
      await journal.durable();
    },
    now,
    folder,
    speed,
    notifyFetch: async (url, headers, body) => {
      const signal = AbortSignal.timeout(NOTIFY_TIMEOUT_MS);
      return (await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })).status;
    },
  });
  return {
    provider: 'stripe',
    server: standIn.server,
    routes: controlRoutes(standIn, accounts, endpoints),
    start(url) {
      standIn.serveAt(url);
      return productCredentials(accounts, url);
    },
    close: () => standIn.close(),
  };
}

const endpointSchema = z.strictObject({ url: z.url({ protocol: /^https?$/ }) });

function controlRoutes(
  standIn: StripeStandIn,
  accounts: readonly DemoAccount[],
  endpoints: EndpointMemory,
): Router {
  const router = Router();
  router.use(express.json());
  router.get('/cards', (_request, response) => {
    response.json({ tokens: testCards, saved: { customer: savedCustomer, tokens: savedCards } });
  });
  // What a merchant does in Stripe's dashboard.
  router.put('/endpoints/:name', (request, response) => {
    const account = accounts.find(({ name }) => name === request.params.name);
    if (!account) throw new NotFound(`No Stripe account is named "${request.params.name}".`);
    const { url } = endpointSchema.parse(request.body);
    standIn.setEndpoint(account.merchant, endpoints.set(account, url));
    response.json({ done: 'webhooks go there', url });
  });
  router.get('/faults', (_request, response) => {
    response.json({ faults: standIn.faults.list() });
  });
  router.post('/faults', (request, response) => {
    const fault = faultSchema.parse(request.body);
    standIn.faults.add(fault);
    response.status(201).json({ done: 'injected', ...fault });
  });
  router.delete('/faults', (_request, response) => {
    standIn.faults.clear();
    response.json({ done: 'cleared' });
  });
  router.post('/intents/:id/settle', async (request, response) => {
    const { paid } = z.strictObject({ paid: z.boolean() }).parse(request.body);
    await standIn.settleProcessing(request.params.id, paid);
    response.json({ done: paid ? 'paid' : 'failed' });
  });
  // By hand, and against the clock.
  router.post('/intents/:id/take', async (request, response) => {
    await standIn.takeAnyway(request.params.id);
    response.json({ done: 'paid' });
  });
  // What the payer's bank does with a refund.
  router.post('/refunds/:id/settle', async (request, response) => {
    const { outcome } = z.strictObject({ outcome: z.enum(['succeeded', 'failed']) }).parse(request.body);
    await standIn.settleRefund(request.params.id, outcome);
    response.json({ done: outcome });
  });
  return router;
}

/** The accounts' webhook URLs, which outlive a restart. */
class EndpointMemory {
  readonly #file: string;
  readonly #urls: Record<string, string>;

  constructor(folder: string) {
    this.#file = join(folder, 'endpoints.json');
    this.#urls = (readStateFile(this.#file) ?? {}) as Record<string, string>;
  }

  of({ merchant, webhookSecret }: DemoAccount) {
    const url = this.#urls[merchant];
    return url === undefined ? {} : { endpoint: { url, secrets: [webhookSecret] } };
  }

  set({ merchant, webhookSecret }: DemoAccount, url: string) {
    this.#urls[merchant] = url;
    writeStateFile(this.#file, this.#urls);
    return { url, secrets: [webhookSecret] };
  }
}
