import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listen, stopListening } from '../listening.js';
import { ObjectStore } from '../object-store.js';
import { answerCall, type AnswerPorts } from './answer-call.js';
import type { AdyenAccount } from './credentials.js';
import { AdyenFaults } from './faults.js';
import { IdempotencyKeys } from './idempotency.js';
import { issuerPage } from './issuer-page.js';
import { answerChallenge, authorise, closeOffer, getPayment, type Payment } from './payments.js';
import { Webhooks, type NotifyFetch } from './webhooks.js';
import { Work, type AdyenJournalEntry } from './work.js';

export interface AdyenStandInOptions {
  readonly accounts: readonly AdyenAccount[];
  /** Resolves once the entry is safe: nobody is answered before. */
  readonly journal: (entry: AdyenJournalEntry) => Promise<void>;
  readonly now: () => number;
  readonly notifyFetch: NotifyFetch;
  /** Where objects are kept; without it in memory only. */
  readonly folder?: string;
  /** Divides the delays of the webhooks. */
  readonly speed?: number;
}

export interface AdyenStandIn {
  readonly server: Server;
  readonly faults: AdyenFaults;
  readonly keys: IdempotencyKeys;
  readonly webhooks: Webhooks;
  /** 127.0.0.1; tells the URL. */
  listen(port?: number): Promise<string>;
  /** Instead of `listen`, where somebody else has the server listen. */
  serveAt(url: string): void;
  close(): Promise<void>;
  setEndpoint(merchantAccount: string, url: string): void;
  /** By Adyen's number, or by the merchant's reference. */
  find(id: string): Payment | undefined;
  /** The shopper, played by hand: tells where their browser goes. */
  answerChallenge(id: string, isAuthenticated: boolean): Promise<string>;
  /** The clock: the offer's twelve hours are over. */
  closeOffer(id: string): Promise<void>;
  /** The issuer authorises although nobody has sent it what the browser brought back. */
  authorise(id: string): Promise<void>;
}

const OFFER_LIFETIME_MS = 12 * 3_600_000;
const CLOSE_EVERY_MS = 10_000;

/** Adyen's Checkout API for cards, as far as a merchant sees it, on a port of its own. */
export function createAdyenStandIn(options: AdyenStandInOptions): AdyenStandIn {
  const { accounts, now, journal, speed = 1 } = options;
  const store = new ObjectStore(options.folder);
  const faults = new AdyenFaults();
  const keys = new IdempotencyKeys(store, now);
  const endpoints = new Map<string, string>();
  const webhooks = new Webhooks({
    store,
    now,
    journal,
    faults,
    speed,
    notifyFetch: options.notifyFetch,
    accountOf: (name) => accounts.find(({ merchantAccount }) => merchantAccount === name),
    urlOf: (name) => endpoints.get(name),
  });
  let url = '';
  const workFor = (account: string): Work => new Work(store, account, now(), url);
  const finish = async (work: Work): Promise<void> => {
    for (const entry of work.entries) await journal(entry);
    for (const event of work.events) webhooks.tell(event);
  };
  const ports: AnswerPorts = { accounts, keys, faults, workFor, finish };
  const payments = (): Payment[] => store.all('payment').map((object) => object as unknown as Payment);
  const find = (id: string) => payments().find((each) => each.id === id || each.reference === id);
  const play = async <T>(id: string, act: (work: Work, payment: Payment) => T): Promise<T> => {
    const payment = find(id);
    const work = workFor(payment?.account ?? '');
    const played = act(work, getPayment(work, payment?.id ?? id));
    await finish(work);
    return played;
  };
  const answer = (id: string, isAuthenticated: boolean) =>
    play(id, (work, payment) => answerChallenge(work, payment.id, isAuthenticated));
  const close = (id: string) => play(id, closeOffer);

  const server = createServer((request, response) => {
    const challenge = /^\/sandbox\/3ds\/(\w+)$/.exec(request.url ?? '')?.[1];
    const answered = challenge
      ? serveIssuer(request, response, find(challenge), answer)
      : answerCall(request, response, ports);
    answered.catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  const closing = setInterval(() => {
    const over = payments().filter(
      ({ status, createdMs }) => status === 'redirected' && createdMs + OFFER_LIFETIME_MS <= now(),
    );
    for (const { id } of over) void close(id);
  }, CLOSE_EVERY_MS);
  closing.unref();

  const serveAt = (at: string): void => {
    url = at;
    webhooks.resume();
  };

  return {
    server,
    faults,
    keys,
    webhooks,
    async listen(port = 0) {
      serveAt(`http://127.0.0.1:${await listen(server, '127.0.0.1', port)}`);
      return url;
    },
    serveAt,
    async close() {
      clearInterval(closing);
      webhooks.close();
      await stopListening(server);
      await webhooks.idle();
      store.close();
    },
    setEndpoint: (merchantAccount, to) => void endpoints.set(merchantAccount, to),
    find,
    answerChallenge: answer,
    closeOffer: close,
    authorise: async (id) => void (await play(id, authorise)),
  };
}

/** The page on which the shopper passes or fails 3-D Secure; the browser goes back by GET. */
async function serveIssuer(
  request: IncomingMessage,
  response: ServerResponse,
  payment: Payment | undefined,
  answer: (id: string, isAuthenticated: boolean) => Promise<string>,
): Promise<void> {
  if (!payment) return void response.writeHead(404).end();
  if (request.method === 'POST') {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const location = await answer(payment.id, new URLSearchParams(body).get('answer') === 'pass');
    return void response.writeHead(303, { location }).end();
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(issuerPage(payment));
}
