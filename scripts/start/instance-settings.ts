import { randomBytes } from 'node:crypto';
import { searchAttributeKeys } from '../../workflows/contract.js';
import { freePort } from '../processes/ports.js';
import { SetupError } from '../set-up/progress.js';
import { readRemembered, writeRemembered, type PortName, type StateFolder } from '../set-up/state-folder.js';
import type { SearchAttributeType } from '../temporal/search-attributes.js';

const TYPES: Partial<Record<string, SearchAttributeType>> = {
  KEYWORD: 'Keyword',
  TEXT: 'Text',
  INT: 'Int',
  DATETIME: 'Datetime',
  BOOL: 'Bool',
};

/** Those of the workflows' contract. */
export const SEARCH_ATTRIBUTES: Record<string, SearchAttributeType> = Object.fromEntries(
  Object.values(searchAttributeKeys).map(({ name, type }) => [name, TYPES[type] ?? 'Keyword']),
);

export const DYNAMIC_CONFIG: Record<string, string> = {
  'frontend.WorkflowPauseEnabled': 'true',
  'system.enableActivityEagerExecution': 'true',
  // Accounts take turns in their provider's queue.
  'matching.enableFairness': 'true',
};

/** The port of the last start while it is free, else another, remembered for the next. */
export async function rememberedPort(state: StateFolder, name: PortName, host?: string): Promise<number> {
  const port = await freePort([readRemembered(state).ports[name]], host);
  rememberPort(state, name, port);
  return port;
}

export async function apiPort(
  state: StateFolder,
  host: string,
  print: (line: string) => void,
): Promise<number> {
  const wished = wishedPort();
  const port = await freePort([wished, readRemembered(state).ports.api, 3000], host);
  if (wished !== undefined && port !== wished)
    print(`  ! Port ${wished} is taken by another program: the API gets ${port}.`);
  rememberPort(state, 'api', port);
  return port;
}

function wishedPort(): number | undefined {
  const text = process.env['PORT'];
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new SetupError(`PORT is "${text}", which is not a port: give a number from 1 to 65535.`);
}

export function rememberPort(state: StateFolder, name: PortName, port: number): void {
  const remembered = readRemembered(state);
  writeRemembered(state, { ...remembered, ports: { ...remembered.ports, [name]: port } });
}

/** An address to connect to: 0.0.0.0 and :: are only for binding. */
export function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

export function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.password = '';
  return parsed.href;
}

export function randomPassword(): string {
  return randomBytes(24).toString('hex');
}
