import { createServer } from 'node:net';
import { SetupError } from '../set-up/progress.js';

// Below the range Linux hands to outgoing connections (32768 up), so that a port that is remembered is still
// free tomorrow.
const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 31_999;

const handedOut = new Set<number>();

/** A port nobody listens on: the first preferred one that is free, else one chosen by chance. */
export async function freePort(
  preferred: number | readonly (number | undefined)[] = [],
  host = '127.0.0.1',
): Promise<number> {
  const wishes = typeof preferred === 'number' ? [preferred] : preferred;
  for (const port of wishes) {
    if (port !== undefined && (await claim(port, host))) return port;
  }
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT + 1));
    if (await claim(port, host)) return port;
  }
  throw new SetupError(
    `No port between ${LOWEST_PORT} and ${HIGHEST_PORT} can be listened on at ${host}; is HOST an address of this machine?`,
  );
}

async function claim(port: number, host: string): Promise<boolean> {
  // Marked before the first await: two callers at the same time must not be given the same port.
  if (handedOut.has(port)) return false;
  handedOut.add(port);
  if (await isPortFree(port, host)) return true;
  handedOut.delete(port);
  return false;
}

/** The process that had it has ended: a restart may have it again. */
export function releasePort(port: number): void {
  handedOut.delete(port);
}

export function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
