import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

const defaultDripMs = 200;
const oversizedLimitBytes = 1024 * 1024 * 1024;

/** True where the fault was the answer, or the silence; the effect has taken place by then. */
export async function answerBroken(
  response: ServerResponse,
  text: string,
  fault: string,
  delayMs?: number,
): Promise<boolean> {
  switch (fault) {
    case 'timeout_after':
      return true;
    case 'error_500_after':
      answerServerError(response);
      return true;
    case 'reset_after':
      resetConnection(response);
      return true;
    case 'slow_drip':
      await answerDripping(response, text, delayMs);
      return true;
    case 'truncated':
      answerTruncated(response, text);
      return true;
    case 'oversized':
      await answerEndlessly(response, text);
      return true;
    case 'garbage':
      answerGarbage(response);
      return true;
    default:
      return false;
  }
}

/** Ends the connection with RST, as a crashed peer or a firewall does. */
export function resetConnection(response: ServerResponse): void {
  const { socket } = response;
  if (socket && 'resetAndDestroy' in socket) socket.resetAndDestroy();
  else response.destroy();
}

export function answerServerError(response: ServerResponse): void {
  response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error');
}

export function answerBadGateway(response: ServerResponse): void {
  response
    .writeHead(502, { 'content-type': 'text/html' })
    .end('<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>');
}

/** A success by its status line, of which not a byte can be read. */
export function answerGarbage(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(randomBytes(200));
}

/** A well-framed answer whose JSON stops in the middle. */
export function answerTruncated(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' }).end(text.slice(0, text.length / 2));
}

/** The right answer, one byte at a time. */
export async function answerDripping(
  response: ServerResponse,
  text: string,
  delayMs = defaultDripMs,
): Promise<void> {
  const bytes = Buffer.from(text);
  response.writeHead(200, { 'content-type': 'text/html;charset=utf-8', 'content-length': bytes.length });
  for (const byte of bytes) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await wait(delayMs, undefined, { ref: false });
  }
  response.end();
}

/** A body that does not end before the caller hangs up (or a gigabyte has gone, so that nobody's disk fills up). */
export async function answerEndlessly(response: ServerResponse, text: string): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/html;charset=utf-8' });
  response.write(text.slice(0, -1));
  const chunk = Buffer.alloc(64 * 1024, ' ');
  for (let sent = 0; sent < oversizedLimitBytes && !response.destroyed; sent += chunk.length) {
    if (!response.write(chunk)) await drained(response);
  }
  response.destroy();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end).off('close', end);
      resolve();
    };
    response.once('drain', end).once('close', end);
  });
}
