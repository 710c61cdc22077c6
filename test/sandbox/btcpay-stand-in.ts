import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { createBtcpayConnector } from '../../providers/btcpay/index.js';
import type { Connector, Credentials, StartRequest } from '../../providers/connector.js';
import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import { createBtcpayStandIn } from '../../sandbox/btcpay/stand-in.js';
import { Journal } from '../../sandbox/journal.js';
import { listen, stopListening } from '../../sandbox/listening.js';
import type { StandIn } from '../../sandbox/stand-in.js';

export type Json = Record<string, any>;

/** The stand-in with a journal and a clock of this test's own. */
export class RunningStandIn {
  /** Milliseconds by which both the server's and the connector's clocks are ahead. */
  aheadMs = 0;
  url = '';
  controlUrl = '';
  credentials: Record<string, Json> = {};
  #journal!: Journal;
  #standIn!: StandIn;
  #control!: Server;

  private constructor(readonly folder: string) {}

  static async open(): Promise<RunningStandIn> {
    const running = new RunningStandIn(mkdtempSync(join(tmpdir(), 'btcpay-stand-in-')));
    await running.#start(0);
    return running;
  }

  readonly now = (): number => Date.now() + this.aheadMs;

  async #start(port: number): Promise<void> {
    const journal = await Journal.open(join(this.folder, 'journal.ndjson'), false);
    await journal.load(() => undefined);
    const ports = { folder: this.folder, host: '127.0.0.1', journal, speed: 1000, now: this.now };
    const standIn = createBtcpayStandIn(ports);
    const listening = await listen(standIn.server, '127.0.0.1', port);
    this.url = `http://127.0.0.1:${listening}`;
    this.credentials = standIn.start(this.url);
    this.#control = createServer(express().use(standIn.routes));
    this.controlUrl = `http://127.0.0.1:${await listen(this.#control, '127.0.0.1', 0)}`;
    this.#journal = journal;
    this.#standIn = standIn;
  }

  async #stop(): Promise<void> {
    await Promise.all([stopListening(this.#standIn.server), stopListening(this.#control)]);
    await this.#standIn.close();
    await this.#journal.close();
  }

  async restart(): Promise<void> {
    await this.#stop();
    await this.#start(Number(new URL(this.url).port));
  }

  async close(): Promise<void> {
    await this.#stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get store(): Json {
    return this.credentials['btcpay-sandbox']!;
  }

  connector(changes: Json = {}, deadlineMs = 1000): Connector {
    const credentials = (): Credentials => ({ ...this.store, ...changes }) as unknown as Credentials;
    return createBtcpayConnector({ credentials, now: this.now }, { ...defaultOutboundLimits, deadlineMs });
  }

  request(reference: string, changes: Partial<StartRequest> = {}): StartRequest {
    const plannedAtMs = this.now();
    return {
      account: { accountId: 'acct_1', credential: 'btcpay-sandbox' },
      reference,
      kind: 'sale',
      amountMinor: 10_000,
      currency: 'USD',
      providerReference: null,
      plannedAtMs,
      offerEndsAtMs: plannedAtMs + 15.5 * 60_000,
      subject: 'A course',
      returnUrl: 'https://pay.example.com/return',
      flow: null,
      paymentToken: null,
      payer: { id: 'payer-1', ip: null },
      refusedFunding: [],
      notifyUrl: 'https://pay.example.com/notifications/btcpay/acct_1',
      ...changes,
    };
  }

  /** A person on the invoice's page: pays, mines a block, takes back, lets time pass. */
  async play(invoiceId: string, action: string, body: Json = {}): Promise<{ status: number; body: Json }> {
    return this.#json(`${this.url}/i/${invoiceId}/${action}`, 'POST', body);
  }

  /** A call of the API, as anybody with the key may make it. */
  async api(method: string, path: string, body?: unknown, apiKey: string = this.store['apiKey']) {
    const url = `${this.url}/api/v1/stores/${this.store['storeId']}${path}`;
    return this.#json(url, method, body, { authorization: `token ${apiKey}` });
  }

  /** The next call of this operation fails so. */
  async fault(operation: string, fault: string, more: Json = {}): Promise<void> {
    const { status, body } = await this.control('POST', '/faults', { operation, fault, ...more });
    if (status !== 201) throw new Error(JSON.stringify(body));
  }

  control(method: string, path: string, body?: unknown) {
    return this.#json(`${this.controlUrl}${path}`, method, body);
  }

  async invoicesOf(reference: string): Promise<Json[]> {
    const { body } = await this.control('GET', '/invoices');
    return (body['invoices'] as Json[]).filter(({ metadata }) => metadata.orderId === reference);
  }

  async #json(url: string, method: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Json };
  }

  /** What really happened to the payer's coins, in the invoice's currency. */
  async chargedMinor(reference: string): Promise<number> {
    const entries = await this.#journal.readKey(reference);
    return entries
      .filter(({ kind }) => kind === 'charge')
      .reduce((sum, entry) => sum + Number(entry['amount_minor']), 0);
  }

  async deliveries(reference: string): Promise<Json[]> {
    const entries = await this.#journal.readKey(reference);
    return entries.filter(({ kind }) => kind === 'notification');
  }
}

export interface Arrival {
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
  readonly said: Json;
}

/** A merchant's webhook endpoint: keeps what arrives, byte for byte. */
export async function openEndpoint(statusFor: (arrival: number) => number = () => 200) {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      arrivals.push({ body, headers: request.headers, said: JSON.parse(body.toString('utf8')) as Json });
      response.writeHead(statusFor(arrivals.length)).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { url, arrivals, close: () => stopListening(server) };
}

let references = 0;
/** Of our form, and new each time. */
export function newReference(): string {
  references += 1;
  return `0btcpay${String(references).padStart(18, '0')}s01`;
}
