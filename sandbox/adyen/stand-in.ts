import { join } from 'node:path';
import express, { Router } from 'express';
import { z } from 'zod';
import { NotFound } from '../control-errors.js';
import type { StandIn, StandInPorts } from '../stand-in.js';
import { readStateFile, writeStateFile } from '../state-folder.js';
import { createAdyenStandIn, type AdyenStandIn } from './create-stand-in.js';
import { loadAccounts, productCredentials, type AdyenAccount } from './credentials.js';
import { faultSchema } from './faults.js';
import { tokensOf } from './test-cards.js';

/** A merchant's server answers within ten seconds, or is tried again. */
const NOTIFY_TIMEOUT_MS = 10_000;

/** Adyen, as one of the sandbox's providers. */
export function createAdyen({ folder, journal, speed, now }: StandInPorts): StandIn {
  const accounts = loadAccounts(folder);
  const standIn = createAdyenStandIn({
    accounts,
    journal: async (entry) => {
      journal.append(entry);
      await journal.durable();
    },
    now,
    folder,
    speed,
    notifyFetch: async (url, body) => {
      const signal = AbortSignal.timeout(NOTIFY_TIMEOUT_MS);
      const headers = { 'content-type': 'application/json; charset=utf-8' };
      return (await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })).status;
    },
  });
  const endpoints = new EndpointMemory(folder, standIn);
  return {
    provider: 'adyen',
    server: standIn.server,
    routes: controlRoutes(standIn, accounts, endpoints),
    start(url) {
      standIn.serveAt(url);
      return productCredentials(accounts, url);
    },
    close: () => standIn.close(),
  };
}

function controlRoutes(
  standIn: AdyenStandIn,
  accounts: readonly AdyenAccount[],
  endpoints: EndpointMemory,
): Router {
  const router = Router();
  router.use(express.json());
  const accountNamed = (name: string | undefined): AdyenAccount => {
    const account = accounts.find((each) => each.name === name);
    if (!account) throw new NotFound(`No Adyen account is named "${name}".`);
    return account;
  };
  // What a merchant's page gets from the shopper's browser, by account: a token works only where it was made.
  router.get('/cards', (_request, response) => {
    response.json({ tokens: Object.fromEntries(accounts.map((each) => [each.name, tokensOf(each)])) });
  });
  router.get('/cards/:name', (request, response) => {
    response.json({ tokens: tokensOf(accountNamed(request.params.name)) });
  });
  // What a merchant does in Adyen's Customer Area.
  router.put('/endpoints/:name', (request, response) => {
    const { merchantAccount } = accountNamed(request.params.name);
    const { url } = z.strictObject({ url: z.url({ protocol: /^https?$/ }) }).parse(request.body);
    endpoints.set(merchantAccount, url);
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
  router.get('/payments/:id', (request, response) => {
    const payment = standIn.find(request.params.id);
    if (!payment) throw new NotFound(`No payment at Adyen is ${request.params.id}.`);
    response.json(payment);
  });
  // By hand, and against the clock.
  router.post('/payments/:id/:act', async (request, response) => {
    const { id, act } = request.params;
    if (!standIn.find(id)) throw new NotFound(`No payment at Adyen is ${id}.`);
    if (act === 'authorise') await standIn.authorise(id);
    else if (act === 'close') await standIn.closeOffer(id);
    else throw new NotFound(`A payment at Adyen cannot be told to ${act}.`);
    response.json({ done: act });
  });
  return router;
}

/** The accounts' webhook URLs, which outlive a restart. */
class EndpointMemory {
  readonly #file: string;
  readonly #urls: Record<string, string>;

  constructor(
    folder: string,
    private readonly standIn: AdyenStandIn,
  ) {
    this.#file = join(folder, 'endpoints.json');
    this.#urls = (readStateFile(this.#file) ?? {}) as Record<string, string>;
    for (const [account, url] of Object.entries(this.#urls)) standIn.setEndpoint(account, url);
  }

  set(merchantAccount: string, url: string): void {
    this.#urls[merchantAccount] = url;
    writeStateFile(this.#file, this.#urls);
    this.standIn.setEndpoint(merchantAccount, url);
  }
}
