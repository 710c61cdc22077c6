import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import express, { type ErrorRequestHandler, type Router } from 'express';
import { z } from 'zod';
import { alipayControlRoutes } from './alipay/control-routes.js';
import { loadCredentials, productCredentials } from './alipay/credentials.js';
import { createGateway } from './alipay/gateway.js';
import { NotificationQueue } from './alipay/notifications.js';
import { payerPageRoutes } from './alipay/payer-page.js';
import { PayerRefused, TradeBook } from './alipay/trades.js';
import { BadRequest, NotFound } from './control-errors.js';
import { controlRoutes } from './control-routes.js';
import { AlipayAndMerchantFaults } from './faults.js';
import { Journal } from './journal.js';
import { PortMemory, stopListening } from './listening.js';
import { merchantEndpointRoutes } from './merchant-endpoint.js';
import type { SandboxSettings } from './settings.js';
import { openStandIns } from './open-stand-ins.js';
import { lockFolder, writeStateFile } from './state-folder.js';

export interface Sandbox {
  readonly addresses: {
    readonly controlUrl: string;
    readonly alipayGateway: string;
    readonly credentialsFile: string;
    readonly journalFile: string;
  };
  close(): Promise<void>;
}

const expiryCheckMs = 1000;

export async function createSandbox(settings: SandboxSettings): Promise<Sandbox> {
  const unlock = lockFolder(settings.folder);
  try {
    return await startSandbox(settings, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function startSandbox(settings: SandboxSettings, unlock: () => void): Promise<Sandbox> {
  const { folder, host } = settings;
  const journal = await Journal.open(join(folder, 'journal.ndjson'), settings.isFsyncOn);
  const faults = new AlipayAndMerchantFaults(folder);
  const credentials = loadCredentials(folder);
  const notifications = new NotificationQueue(journal, faults, credentials, settings.speed);
  const trades = new TradeBook(journal, (trade, effect) => notifications.announce(trade, effect));
  await journal.load((entry) => {
    if (entry.kind === 'notification') notifications.recordAttempt(entry);
    const trade = trades.replay(entry, credentials.apps);
    if (trade) notifications.expect(trade, entry);
  });

  const standIns = openStandIns({ settings, journal, now: Date.now });
  let controlUrl = '';
  let gatewayPort = 0;
  const payerPageUrl = (code: string): string => `${controlUrl}/alipay/qr/${code}`;
  const gateway = createGateway({ trades, journal, faults, credentials, payerPageUrl });
  const control = createServer(
    createControlApp([
      merchantEndpointRoutes({ folder, journal, faults }),
      standIns.routes,
      express.Router().use(express.json(), express.urlencoded({ extended: false })),
      controlRoutes({ journal, faults, trades }),
      payerPageRoutes({ trades, journal, credentials }),
      alipayControlRoutes({
        trades,
        journal,
        credentials,
        notifications,
        gateway,
        host,
        gatewayPort: () => gatewayPort,
      }),
    ]),
  );
  const ports = new PortMemory(folder);
  // The control port first: the gateway puts it into every code it hands out.
  controlUrl = `http://${urlHost(host)}:${await ports.listen('control', control, host, settings.controlPort)}`;
  gatewayPort = await ports.listen('alipay', gateway, host, settings.alipayPort);
  const alipayGateway = `http://${urlHost(host)}:${gatewayPort}/gateway.do`;
  const credentialsFile = join(folder, 'credentials.json');
  writeStateFile(credentialsFile, {
    credentials: { ...productCredentials(folder, alipayGateway), ...(await standIns.listen(ports)) },
  });
  notifications.resume();
  const expiry = setInterval(() => trades.closeExpired(), expiryCheckMs);

  return {
    addresses: { controlUrl, alipayGateway, credentialsFile, journalFile: journal.file },
    close: async () => {
      clearInterval(expiry);
      notifications.stop();
      await Promise.all([stopListening(control), stopListening(gateway), standIns.close()]);
      await journal.close();
      unlock();
    },
  };
}

function createControlApp(
  routers: readonly Router[],
): (request: IncomingMessage, response: ServerResponse) => void {
  const app = express();
  app.disable('x-powered-by');
  for (const router of routers) app.use(router);
  app.use((request, response) => {
    response.status(404).json({ error: `The sandbox has nothing at ${request.method} ${request.path}.` });
  });
  app.use(answerError);
  return app;
}

/** Four parameters make it Express's error handler. */
const answerError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  const [status, message] = describeError(error);
  response.status(status).json({ error: message });
};

function describeError(error: unknown): [number, string] {
  if (error instanceof NotFound) return [404, error.message];
  if (error instanceof PayerRefused) return [409, error.message];
  if (error instanceof z.ZodError) return [400, z.prettifyError(error)];
  if (error instanceof BadRequest) return [400, error.message];
  // Express's body parser tells its own status: bad JSON, a body too large.
  const status = (error as { status?: unknown } | undefined)?.status;
  const message = error instanceof Error ? error.message : String(error);
  return [typeof status === 'number' ? status : 500, message];
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
