import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { AlipaySdk } from 'alipay-sdk';
import ts from 'typescript';

export type Answer = any;

const repository = resolve(import.meta.dirname, '../..');

/** The sandbox compiled for this test run alone, so that the tests need no build and run it as a real process. */
export function compileSandbox(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-build-'));
  const source = join(repository, 'sandbox');
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const target = join(folder, 'sandbox', name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const options = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
    };
    writeFileSync(
      target,
      ts.transpileModule(readFileSync(join(source, name), 'utf8'), { compilerOptions: options }).outputText,
    );
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

export interface AccountCredentials {
  appId: string;
  sellerId: string;
  gateway: string;
  privateKey: string;
  alipayPublicKey: string;
}

interface ReadyLine {
  controlUrl: string;
  alipayGateway: string;
  credentialsFile: string;
  journalFile: string;
}

export interface RunningSandbox extends ReadyLine {
  child: ChildProcess;
  folder: string;
  accounts: Record<string, AccountCredentials>;
  sdk: AlipaySdk;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export function newStateFolder(): string {
  return mkdtempSync(join(tmpdir(), 'sandbox-state-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export async function startSandbox(
  build: string,
  folder: string,
  environment: Record<string, string> = {},
): Promise<RunningSandbox> {
  const child = spawnSandbox(build, { SANDBOX_DIR: folder, ...environment });
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('The sandbox ended before it was ready.'))),
  ])) as [string];
  const ready = JSON.parse(line) as ReadyLine;
  const { credentials } = JSON.parse(readFileSync(ready.credentialsFile, 'utf8')) as {
    credentials: Record<string, AccountCredentials>;
  };
  return {
    child,
    folder,
    ...ready,
    accounts: credentials,
    sdk: sdkFor(credentials['alipay-sandbox']!),
    stop: async (signal: NodeJS.Signals = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      return ((await ended) as [number | null])[0];
    },
  };
}

export function spawnSandbox(build: string, environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(build, 'sandbox/main.js')], {
    env: { PATH: process.env['PATH'], TZ: 'America/New_York', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function sdkFor(account: AccountCredentials, timeoutMs = 2000): AlipaySdk {
  return new AlipaySdk({ ...account, keyType: 'PKCS8', timeout: timeoutMs });
}

/** Now, or later, as Alipay writes times: GMT+8 whatever the zone of the test. */
export function beijing(offsetMs = 0): string {
  return new Date(Date.now() + offsetMs + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}

export function call(
  sandbox: Pick<RunningSandbox, 'sdk'>,
  operation: string,
  bizContent: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Promise<Record<string, Answer>> {
  return sandbox.sdk.exec(
    `alipay.trade.${operation}`,
    { timestamp: beijing(), bizContent, ...more },
    { validateSign: true },
  );
}

export function offerOf(outTradeNo: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const timeExpire = beijing(30 * 60_000);
  return {
    out_trade_no: outTradeNo,
    total_amount: '1000.00',
    subject: '会员 <年费>',
    time_expire: timeExpire,
    ...more,
  };
}

export async function control(
  sandbox: RunningSandbox,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Answer }> {
  const response = await fetch(`${sandbox.controlUrl}${path}`, {
    method,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

export async function journalOf(
  sandbox: RunningSandbox,
  reference: string,
  kind?: string,
): Promise<Answer[]> {
  const { body } = await control(
    sandbox,
    'GET',
    `/journal?reference=${reference}${kind === undefined ? '' : `&kind=${kind}`}`,
  );
  return body.entries as Answer[];
}

/** Waits for a condition, never for luck. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = Date.now() + 15_000;
  while (Date.now() < deadline) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    await wait(25);
  }
  throw new Error(`Waited in vain until ${what}.`);
}

export interface NotificationListener {
  url: string;
  arrivals: Record<string, string>[];
  answer: (arrival: number) => { status: number; body: string };
  close(): Promise<void>;
}

/** A merchant's notify_url: keeps the decoded fields of whatever arrives. */
export async function listenForNotifications(): Promise<NotificationListener> {
  const listener: NotificationListener = {
    url: '',
    arrivals: [],
    answer: () => ({ status: 200, body: 'success' }),
    close: () => closeServer(server),
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      listener.arrivals.push(Object.fromEntries(new URLSearchParams(text)));
      const { status, body } = listener.answer(listener.arrivals.length);
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  listener.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`;
  return listener;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
