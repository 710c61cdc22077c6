import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Connection } from '@temporalio/client';
import { freePort } from '../processes/ports.js';
import { logTail, spawnProcess, type RunningProcess } from '../processes/processes.js';
import { SetupError } from '../set-up/progress.js';

import { ensureSearchAttributes, type SearchAttributeType } from './search-attributes.js';

export { findTemporalBinary } from './temporal-binary.js';
export type { SearchAttributeType } from './search-attributes.js';

export interface TemporalServerOptions {
  binary: string;
  logFile: string;
  /** Without it everything is in memory. */
  databaseFile?: string;
  port?: number;
  /** A port, or 'headless' (the default) for no Web UI. */
  uiPort?: number | 'headless' | 'free';
  /** Taken as they are, without a look whether they are free: for a restart, whose clients keep the address. */
  fixedPorts?: { port: number; uiPort: number };
  /** What the Web UI binds to; the server itself stays on loopback. */
  uiHost?: string;
  namespace?: string;
  searchAttributes?: Record<string, SearchAttributeType>;
  dynamicConfig?: Record<string, string>;
}

export interface RunningTemporal extends RunningProcess {
  address: string;
  uiUrl?: string;
}

const READY_TIMEOUT_MS = 60_000;

/** Starts `temporal server start-dev` and waits until the namespace answers with its search attributes. */
export async function startTemporalDevServer(options: TemporalServerOptions): Promise<RunningTemporal> {
  const { port, uiPort } = options.fixedPorts ?? (await choosePorts(options));
  if (options.databaseFile !== undefined) mkdirSync(dirname(options.databaseFile), { recursive: true });
  const running = await spawnProcess({
    name: 'Temporal',
    command: options.binary,
    args: commandLine(options, port, uiPort),
    env: withoutTemporalSettings(process.env),
    logFile: options.logFile,
    stopTimeoutMs: 15_000,
  });
  const address = `127.0.0.1:${port}`;
  await whenReady(running, address, options);
  running.unref();
  const uiUrl = uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` };
  return Object.assign(running, { address, ...uiUrl });
}

async function choosePorts(
  options: TemporalServerOptions,
): Promise<{ port: number; uiPort: number | undefined }> {
  const port = await freePort(options.port);
  const { uiPort = 'headless', uiHost } = options;
  if (uiPort === 'headless') return { port, uiPort: undefined };
  return { port, uiPort: await freePort(uiPort === 'free' ? [] : uiPort, uiHost) };
}

function commandLine(options: TemporalServerOptions, port: number, uiPort: number | undefined): string[] {
  const args = ['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'];
  args.push('--disable-config-file', '--disable-config-env');
  if (uiPort === undefined) args.push('--headless');
  else
    args.push(
      '--ui-port',
      String(uiPort),
      '--ui-ip',
      options.uiHost ?? '127.0.0.1',
      '--ui-disable-news-fetch',
    );
  if (options.databaseFile !== undefined) args.push('--db-filename', options.databaseFile);
  if (options.namespace !== undefined) args.push('--namespace', options.namespace);
  for (const [key, value] of Object.entries(options.dynamicConfig ?? {}))
    args.push('--dynamic-config-value', `${key}=${value}`);
  return args;
}

/** TEMPORAL_* variables configure the CLI as a client; a stray one must not bend our own server. */
function withoutTemporalSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

async function whenReady(
  running: RunningProcess,
  address: string,
  options: TemporalServerOptions,
): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!running.hasExited()) {
    try {
      await checkNamespace(address, options);
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        await running.stop();
        const message = error instanceof Error ? error.message : String(error);
        throw new SetupError(`Temporal was not ready after 60 s: ${message}\n${logTail(running.logFile)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new SetupError(`Temporal did not start.\n${logTail(running.logFile)}`);
}

async function checkNamespace(address: string, options: TemporalServerOptions): Promise<void> {
  const namespace = options.namespace ?? 'default';
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    await connection.workflowService.describeNamespace({ namespace });
    await ensureSearchAttributes(connection, namespace, options.searchAttributes ?? {});
  } finally {
    await connection.close();
  }
}
