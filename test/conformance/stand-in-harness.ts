import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeId, providerKey } from '../../domain/ids.js';
import type { OfferFlow, StartOutcome } from '../../domain/outcome.js';
import type {
  Connector,
  ConnectorDependencies,
  Credentials,
  RawNotification,
  StartRequest,
} from '../../providers/connector.js';
import { createSandbox } from '../../sandbox/create-sandbox.js';
import { SandboxControl } from '../sandbox-control.js';
import type { ConformanceHarness, FaultName, FaultyCall, Way } from './harness.js';

export interface StandInSettings {
  readonly provider: string;
  /** The names of two accounts under which the sandbox tells their credentials. */
  readonly credentials: readonly [string, string];
  /** The settings of a credential that are secrets. */
  readonly secretSettings: readonly string[];
  /** A credential that parses, and with which the provider refuses the caller. */
  readonly spoil: (credential: Credentials) => Credentials;
  readonly currency: string;
  readonly amountMinor: number;
  readonly flow: OfferFlow | null;
  /** Where `/faults` of this provider is, in the control server. */
  readonly controlPath: string;
  /** The stand-in's own name for the call that stands for ours. */
  readonly calls: Readonly<Partial<Record<FaultyCall, string | ((fault: FaultName) => string)>>>;
  readonly createPatient: (dependencies: ConnectorDependencies) => Connector;
  readonly createImpatient: (dependencies: ConnectorDependencies) => Connector;
  readonly token?: (way: Way) => string;
  readonly pay: (sandbox: SandboxControl, request: StartRequest, started: StartOutcome) => Promise<void>;
  /** Where notifications go by the account instead of by the request. */
  readonly registerEndpoint?: (sandbox: SandboxControl, url: string) => Promise<void>;
}

const OFFER_LIFETIME_MS = 10 * 60_000;

/** A provider's stand-in with the connector before it, both in this process, and our notify URL. */
export async function openStandIn(settings: StandInSettings): Promise<ConformanceHarness> {
  const folder = mkdtempSync(join(tmpdir(), 'quittance-conformance-'));
  const opened = await createSandbox({
    folder,
    host: '127.0.0.1',
    controlPort: 0,
    alipayPort: 0,
    speed: 100_000,
    isFsyncOn: false,
  });
  const sandbox = new SandboxControl(opened.addresses.controlUrl);
  const { known, secrets } = readCredentials(opened.addresses.credentialsFile, settings);
  let shiftMs = 0;
  const dependencies: ConnectorDependencies = {
    credentials: (name) => {
      const credential = known[name];
      if (!credential) throw new Error(`there is no credential ${name}`);
      return credential;
    },
    now: () => Date.now() + shiftMs,
  };
  const connector = settings.createPatient(dependencies);
  const accountOf = (credential: string) => ({ accountId: `acct_${credential}`, credential });
  const [first, second] = settings.credentials;
  const account = accountOf(first);
  const catcher = await openCatcher(connector, account);
  await settings.registerEndpoint?.(sandbox, catcher.url);
  const faultsPath = `${settings.controlPath}/faults`;

  return {
    connector,
    connectAnew: () => settings.createPatient(dependencies),
    impatient: settings.createImpatient(dependencies),
    account,
    otherAccount: accountOf(second),
    wrongAccount: accountOf('spoiled'),
    secrets,
    request: (way = {}) => requestFor(settings, account, catcher.url, way),
    pay: (request, started) => settings.pay(sandbox, request, started),
    async inject(call, fault) {
      const named = settings.calls[call];
      if (named === undefined) throw new Error(`no call of ${settings.provider} stands for ${call}`);
      const operation = typeof named === 'string' ? named : named(fault);
      await sandbox.call('POST', faultsPath, { operation, fault });
    },
    clearFaults: () => sandbox.call('DELETE', faultsPath),
    outage: (down) => sandbox.call('POST', `/${settings.provider}/outage`, { down }),
    journal: (reference) => sandbox.journal({ reference }),
    arrivals: () => catcher.arrivals,
    accept: (isAccepted) => catcher.accept(isAccepted),
    shiftClock: (byMs) => {
      shiftMs = byMs;
    },
    async close() {
      await opened.close();
      await catcher.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readCredentials(
  file: string,
  settings: StandInSettings,
): { known: Record<string, Credentials>; secrets: string[] } {
  const { credentials } = JSON.parse(readFileSync(file, 'utf8')) as {
    credentials: Record<string, Credentials>;
  };
  const [first] = settings.credentials;
  const genuine = credentials[first];
  if (!genuine) throw new Error(`the sandbox tells no credential ${first}`);
  const known = { ...credentials, spoiled: settings.spoil(genuine) };
  const secrets = Object.values(known).flatMap((credential) =>
    settings.secretSettings.flatMap((setting) => linesOf(credential[setting])),
  );
  return { known, secrets: [...new Set(secrets)] };
}

/** A part of a key is as bad as the whole: each line of a PEM counts. */
function linesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(linesOf);
  if (typeof value !== 'string') return [];
  return value.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----'));
}

function requestFor(
  settings: StandInSettings,
  account: StartRequest['account'],
  notifyUrl: string,
  way: Way,
): StartRequest {
  const kind = way.kind ?? 'sale';
  const nowMs = Date.now();
  return {
    account,
    reference: providerKey(makeId('payment', nowMs, randomBytes(10)), kind, 1),
    kind,
    amountMinor: settings.amountMinor,
    currency: settings.currency,
    providerReference: null,
    plannedAtMs: nowMs,
    offerEndsAtMs: Math.floor((nowMs + OFFER_LIFETIME_MS) / 1000) * 1000,
    subject: 'Order 1',
    returnUrl: 'https://shop.example/thanks',
    notifyUrl,
    flow: way.flow ?? settings.flow,
    paymentToken: settings.token?.(way) ?? null,
    payer: { id: 'payer-1', ip: '203.0.113.7' },
    refusedFunding: [],
  };
}

/** Our notify URL: keeps what comes, and answers as the connector says one answers this provider. */
async function openCatcher(connector: Connector, account: StartRequest['account']) {
  const arrivals: RawNotification[] = [];
  let isAccepted = true;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      arrivals.push({ account, body: Buffer.concat(chunks), headers: request.headers });
      const { status, contentType, body } = connector.notificationReply(isAccepted);
      response.writeHead(status, { 'content-type': contentType }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/notifications/${account.accountId}`,
    arrivals,
    accept: (accepted: boolean) => {
      isAccepted = accepted;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
