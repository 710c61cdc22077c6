import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listen, stopListening } from '../listening.js';
import { answerCall, type AnswerPorts } from './answer-call.js';
import { StripeFaults } from './faults.js';
import { IdempotencyKeys } from './idempotency.js';
import type { Intent } from './intent-object.js';
import { answerChallenge, getIntent, settleProcessing, takeAnyway } from './intents.js';
import type { WriteJournal } from './journal-port.js';
import { Notifications, type Endpoint, type NotifyFetch } from './notifications.js';
import { challengePage } from './payer-page.js';
import { Refusal } from './refusal.js';
import { settleRefund } from './refunds.js';
import { ObjectStore } from '../object-store.js';
import { Work } from './work.js';

export interface StandInAccount {
  /** acct_… */
  readonly merchant: string;
  /** sk_test_… */
  readonly secretKey: string;
  readonly endpoint?: Endpoint;
}

export interface StripeStandInOptions {
  readonly accounts: readonly StandInAccount[];
  readonly journal: WriteJournal;
  readonly now: () => number;
  readonly notifyFetch: NotifyFetch;
  /** Where objects are kept; without it in memory only. */
  readonly folder?: string;
  /** How long the search does not know a new object; a minute at Stripe, in outages an hour. */
  readonly searchLagMs?: number;
  /** Divides the delays of the notifications. */
  readonly speed?: number;
}

export interface StripeStandIn {
  readonly server: Server;
  readonly faults: StripeFaults;
  readonly notifications: Notifications;
  /** 127.0.0.1; tells the URL. */
  listen(port?: number): Promise<string>;
  /** Instead of `listen`, where somebody else has the server listen. */
  serveAt(url: string): void;
  close(): Promise<void>;
  setEndpoint(merchant: string, endpoint: Endpoint): void;
  /** The payer, the issuer and the bank, played by hand. */
  passChallenge(intent: string): Promise<void>;
  failChallenge(intent: string): Promise<void>;
  settleProcessing(intent: string, isPaid: boolean): Promise<void>;
  settleRefund(refund: string, status: 'succeeded' | 'failed'): Promise<void>;
  /** Whatever state it is in. */
  takeAnyway(intent: string): Promise<void>;
}

export const API_VERSION = '2026-10-28.endive';

/** Stripe's API for cards, as far as a merchant of one account sees it, on a port of its own. */
export function createStripeStandIn(options: StripeStandInOptions): StripeStandIn {
  const { now, journal, searchLagMs = 60_000, speed = 1 } = options;
  const store = new ObjectStore(options.folder);
  const faults = new StripeFaults();
  const endpoints = new Map(options.accounts.map(({ merchant, endpoint }) => [merchant, endpoint]));
  const notifications = new Notifications({
    store,
    now,
    journal,
    faults,
    notifyFetch: options.notifyFetch,
    endpointOf: (account) => endpoints.get(account),
    apiVersion: API_VERSION,
    speed,
  });
  let url = '';
  const workFor = (account: string): Work => new Work(store, account, now(), url, searchLagMs);
  const finish = async (work: Work): Promise<void> => {
    for (const entry of work.entries) await journal(entry);
    for (const event of work.events) notifications.tell(event);
  };
  const keys = new IdempotencyKeys(store, now);
  const ports: AnswerPorts = { accounts: options.accounts, keys, faults, workFor, finish };

  const play = async (id: string, table: string, act: (work: Work) => unknown): Promise<void> => {
    const account = store.get(table, id)?.['account'];
    const work = workFor(typeof account === 'string' ? account : '');
    try {
      act(work);
    } catch (error) {
      // A decline, told to whoever asks next: the payer's own page is not answered with it.
      if (!(error instanceof Refusal) || error.status !== 402) throw error;
    }
    await finish(work);
  };
  const answerAs = (isAuthenticated: boolean) => (id: string) =>
    play(id, 'payment_intent', (work) => answerChallenge(work, getIntent(work, id), isAuthenticated));

  const server = createServer((request, response) => {
    const challenge = /^\/sandbox\/challenges\/(\w+)$/.exec(request.url ?? '');
    const answered = challenge?.[1]
      ? serveChallenge(challenge[1], request, response, store, answerAs)
      : answerCall(request, response, ports);
    answered.catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });

  const serveAt = (at: string): void => {
    url = at;
    notifications.resume();
  };

  return {
    server,
    faults,
    notifications,
    async listen(port = 0) {
      serveAt(`http://127.0.0.1:${await listen(server, '127.0.0.1', port)}`);
      return url;
    },
    serveAt,
    async close() {
      notifications.close();
      await stopListening(server);
      await notifications.idle();
      store.close();
    },
    setEndpoint: (merchant, endpoint) => void endpoints.set(merchant, endpoint),
    passChallenge: answerAs(true),
    failChallenge: answerAs(false),
    settleProcessing: (id, isPaid) =>
      play(id, 'payment_intent', (work) => settleProcessing(work, getIntent(work, id), isPaid)),
    settleRefund: (id, status) => play(id, 'refund', (work) => settleRefund(work, id, status)),
    takeAnyway: (id) => play(id, 'payment_intent', (work) => takeAnyway(work, getIntent(work, id))),
  };
}

/** The page on which the payer passes or fails 3-D Secure. */
async function serveChallenge(
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
  store: ObjectStore,
  answerAs: (isAuthenticated: boolean) => (id: string) => Promise<void>,
): Promise<void> {
  const intent = store.get('payment_intent', id) as Intent | undefined;
  if (!intent) return void response.writeHead(404).end();
  if (request.method === 'POST') {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    await answerAs(new URLSearchParams(body).get('answer') === 'pass')(id);
    return void response.writeHead(303, { location: intent.returnUrl ?? '/' }).end();
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(challengePage(intent));
}
