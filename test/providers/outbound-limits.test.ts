import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connector, Credentials, FollowUpRequest, StartRequest } from '../../providers/connector.js';
import { createConnectors, providerNames } from '../../providers/registry.js';
import { createSandbox } from '../../sandbox/create-sandbox.js';
import { until } from '../until.js';

/** An activity that calls a provider has this long; a call that takes longer is cut off in the middle. */
const ACTIVITY_BUDGET_MS = 20_000;
const MAX_BYTES = 4 * 1024 * 1024;

/** A peer that takes every connection and means no good. */
class Hostile {
  readonly #open = new Set<Socket>();
  sentBytes = 0;
  calls = 0;
  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.sentBytes = Math.max(this.sentBytes, socket.bytesWritten);
        this.#open.delete(socket);
      });
    });
  }

  static async open(behave: (response: ServerResponse) => void): Promise<Hostile> {
    const server = createServer((request, response) => {
      hostile.calls += 1;
      request.resume();
      behave(response);
    });
    const hostile = new Hostile(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hostile;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get openConnections(): number {
    return this.#open.size;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

const behaviours = {
  'never answers': () => undefined,
  'drips without an end': (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const drip = setInterval(() => response.write(' '), 100);
    response.on('close', () => clearInterval(drip));
  },
  'answers without an end': (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(64 * 1024, ' ');
    const pour = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', pour);
    pour();
  },
} as const;

let credentials: Record<string, Credentials>;

/** The sandbox's accounts: whatever is an address in them is led to the hostile peer below. */
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quittance-limits-'));
  const settings = { folder, host: '127.0.0.1', controlPort: 0, alipayPort: 0, speed: 1, isFsyncOn: false };
  const sandbox = await createSandbox(settings);
  const file = readFileSync(sandbox.addresses.credentialsFile, 'utf8');
  ({ credentials } = JSON.parse(file) as { credentials: Record<string, Credentials> });
  await sandbox.close();
  rmSync(folder, { recursive: true, force: true });
});

const ledAstray = (credential: Credentials, origin: string): Credentials =>
  Object.fromEntries(
    Object.entries(credential).map(([setting, value]) => {
      const isAddress = typeof value === 'string' && value.startsWith('http://127.0.0.1:');
      return [setting, isAddress ? value.replace(/^http:\/\/[^/]+/, origin) : value];
    }),
  ) as unknown as Credentials;

describe.each(Object.entries(behaviours))('a peer that %s', (_, behave) => {
  let hostile: Hostile;
  beforeAll(async () => {
    hostile = await Hostile.open(behave);
  });
  afterAll(() => hostile.close());

  test(
    'ends every call of every connector within its limits, with nothing left open',
    { timeout: 60_000 },
    async () => {
      const calls = providerNames.flatMap((provider) => callsOf(provider, hostile.origin));
      expect(calls.length).toBeGreaterThanOrEqual(3 * providerNames.length);
      const told = await Promise.all(
        calls.map(async ({ name, call }) => {
          const startedAt = performance.now();
          const { kind } = await call();
          return { name, kind, tookMs: performance.now() - startedAt };
        }),
      );
      // What asks nobody may say something else; it is never said that money moved, or that none did.
      const claims = ['succeeded', 'closed', 'not_found', 'alive', 'failed'];
      expect(told.filter(({ kind }) => claims.includes(kind))).toEqual([]);
      expect(told.filter(({ tookMs }) => tookMs > ACTIVITY_BUDGET_MS)).toEqual([]);
      expect(hostile.calls).toBeGreaterThan(2 * providerNames.length);
      await until('all connections are closed', async () => hostile.openConnections === 0);
      expect(hostile.sentBytes).toBeLessThan(MAX_BYTES);
    },
  );
});

function callsOf(
  provider: string,
  origin: string,
): { name: string; call: () => Promise<{ kind: string }> }[] {
  const own = Object.values(credentials).find((credential) => credential.provider === provider);
  // A wallet is our own ledger: it calls nobody.
  if (!own || !Object.values(own).some((value) => String(value).startsWith('http://'))) return [];
  const connector: Connector = createConnectors({
    credentials: () => ledAstray(own, origin),
    now: Date.now,
    wallets: { find: () => Promise.resolve(undefined) },
  }).get(provider);
  const request = requestFor(connector);
  const followUp: FollowUpRequest = {
    ...request,
    reference: request.reference.replace('s01', 'r01'),
    of: request,
  };
  const { refund, capture, void: release } = connector;
  return [
    { name: `${provider} start`, call: () => connector.start(request) },
    { name: `${provider} query`, call: () => connector.query(request) },
    { name: `${provider} close`, call: () => connector.close(request) },
    { name: `${provider} probe`, call: () => connector.probe(request.account) },
    ...[refund, capture, release].flatMap((port, index) =>
      port ? [{ name: `${provider} follow-up ${index}`, call: () => port.start(followUp) }] : [],
    ),
  ];
}

/** What the providers' own pages would have made of a card. */
const tokens: Readonly<Record<string, string>> = {
  stripe: 'pm_card_visa',
  adyen: Buffer.from(
    JSON.stringify({
      paymentMethod: {
        type: 'scheme',
        holderName: 'J. Smith',
        encryptedCardNumber: 'test_4111111111111111',
        encryptedExpiryMonth: 'test_03',
        encryptedExpiryYear: 'test_2030',
        encryptedSecurityCode: 'test_737',
      },
    }),
  ).toString('base64url'),
};

/** PayPal is asked by its own id alone: of an order that was never made it says so without asking. */
const knownIds: Readonly<Record<string, string>> = { paypal: '5O190127TN364715T' };

function requestFor({ provider, capabilities }: Connector): StartRequest {
  const nowMs = Date.now();
  return {
    account: { accountId: 'acct_1', credential: 'any' },
    reference: '0abcdefghijklmnopqrstuvwxs01',
    kind: 'sale',
    amountMinor: Math.max(capabilities.minAmountMinor, 10_000),
    currency: capabilities.currencies.includes('CNY') ? 'CNY' : (capabilities.currencies[0] ?? 'USD'),
    providerReference: knownIds[provider] ?? null,
    plannedAtMs: nowMs,
    offerEndsAtMs: nowMs + 600_000,
    subject: 'Order 1',
    returnUrl: 'https://shop.example/thanks',
    notifyUrl: 'https://shop.example/notifications',
    flow: capabilities.flows[0] ?? null,
    paymentToken: tokens[provider] ?? null,
    payer: { id: 'payer-1', ip: '203.0.113.7' },
    refusedFunding: [],
  };
}
