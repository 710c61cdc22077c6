import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Connector, Credentials, FollowUpRequest, StartRequest } from '../../providers/connector.js';
import { defaultOutboundLimits } from '../../providers/outbound-call.js';
import { createWechatPayConnector } from '../../providers/wechat_pay/index.js';
import { createSandbox, type Sandbox } from '../../sandbox/create-sandbox.js';

export type Answer = any;

export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface House {
  readonly folder: string;
  readonly sandbox: Sandbox;
  readonly credentials: Record<string, Credentials>;
  readonly connector: Connector;
  newConnector(): Connector;
  /** What came at the merchant's notify_url, which answers with `reply`. */
  readonly arrivals: Arrival[];
  reply: (arrival: number) => number;
  control(method: string, path: string, body?: unknown): Promise<Answer>;
  journal(reference: string, kind?: string): Promise<Answer[]>;
  /** A sale under a number of its own. */
  request(changes?: Partial<StartRequest>): StartRequest;
  refundOf(of: StartRequest, amountMinor: number, number?: number): FollowUpRequest;
  close(): Promise<void>;
}

const quick = { ...defaultOutboundLimits, deadlineMs: 600 };
let lastNumber = 0;

/** The sandbox, a merchant's notify_url and the connector, all in this process; the accounts as `change` makes them. */
export async function openHouse(
  options: { speed?: number; folder?: string; change?: (known: Credentials) => Credentials } = {},
): Promise<House> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'wechat-pay-'));
  const sandbox = await createSandbox({
    folder,
    host: '127.0.0.1',
    controlPort: 0,
    alipayPort: 0,
    speed: options.speed ?? 6000,
    isFsyncOn: false,
  });
  const { credentials } = JSON.parse(readFileSync(sandbox.addresses.credentialsFile, 'utf8')) as {
    credentials: Record<string, Credentials>;
  };
  const change = options.change ?? ((known: Credentials) => known);
  const credentialOf = (name: string) => change(credentials[name] ?? { provider: '', mode: 'test' });
  const newConnector = () => createWechatPayConnector({ credentials: credentialOf, now: Date.now }, quick);
  const arrivals: Arrival[] = [];
  const listener = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      arrivals.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(house.reply(arrivals.length)).end();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const notifyUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/notify`;
  const { controlUrl } = sandbox.addresses;
  const house: House = {
    folder,
    sandbox,
    credentials,
    connector: newConnector(),
    newConnector,
    arrivals,
    reply: () => 200,
    async control(method, path, body) {
      const response = await fetch(`${controlUrl}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = (await response.json()) as Answer;
      if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
      return answer;
    },
    async journal(reference, kind) {
      const query = `reference=${reference}${kind === undefined ? '' : `&kind=${kind}`}`;
      return (await house.control('GET', `/journal?${query}`)).entries;
    },
    request(changes = {}) {
      const plannedAtMs = Date.now();
      return {
        account: { accountId: 'acct_1', credential: 'wechat-pay-sandbox' },
        reference: numberOf('s', (lastNumber += 1)),
        kind: 'sale',
        amountMinor: 100_000,
        currency: 'CNY',
        providerReference: null,
        plannedAtMs,
        offerEndsAtMs: Math.floor(plannedAtMs / 1000) * 1000 + 300_000,
        subject: '会员 <年费>',
        returnUrl: 'https://shop.example.com/back',
        notifyUrl,
        flow: 'qr_code',
        paymentToken: null,
        payer: { id: 'payer-1', ip: '203.0.113.7' },
        refusedFunding: [],
        ...changes,
      };
    },
    refundOf(of, amountMinor, number = 1) {
      const reference = of.reference.slice(0, 25) + `r0${number}`;
      return { ...of, kind: 'refund', reference, amountMinor, of };
    },
    async close() {
      await sandbox.close();
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  return house;
}

function numberOf(kind: string, number: number): string {
  const payment = `0w${process.pid.toString(36)}x${Date.now().toString(36)}x${number.toString(36)}`;
  return `${payment.padEnd(25, '0')}${kind}01`;
}

/** Waits for a condition, never for luck. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadlineMs = Date.now() + 10_000;
  while (Date.now() < deadlineMs) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    await wait(20);
  }
  throw new Error(`Waited in vain until ${what}.`);
}
