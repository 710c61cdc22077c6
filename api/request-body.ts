import type { IncomingMessage } from 'node:http';
import { checkJson } from './json-checker.js';
import { fieldProblem, Problem } from './problem-details.js';

export const MAX_BODY_BYTES = 64 * 1024;
/** How much of an oversized body is read and dropped, so that the sender gets to see the answer. */
const MAX_DROPPED_BYTES = 4 * 1024 * 1024;

/** Providers send more than callers do: Stripe, Adyen and PayPal tell all of an object. Each parser has its own limit. */
export const MAX_NOTIFICATION_BYTES = 256 * 1024;

/** The whole body as bytes. Throws `body_too_large` beyond `maxBytes`. */
export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
      if (size > maxBytes + MAX_DROPPED_BYTES) break;
    }
  } catch {
    throw new Problem('malformed_json', 'The body ended before it was complete.');
  }
  if (size > maxBytes) {
    throw new Problem('body_too_large', `A body may have ${maxBytes} bytes at most.`, {
      headers: { connection: 'close' },
    });
  }
  return Buffer.concat(chunks, size);
}

/** Refuses what is not plain JSON by its headers, before a byte of it is read. */
export function requireJson(headers: IncomingMessage['headers']): void {
  const type = headers['content-type'] ?? '';
  const isJson = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/i.test(type.trim());
  if (!isJson)
    throw new Problem('unsupported_media_type', 'Send the body as `Content-Type: application/json`.');
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_media_type', 'Send the body without a Content-Encoding.');
  }
}

/** The body's JSON object. Throws `malformed_json` with the place of the fault. */
export function parseJsonObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  const checked = checkJson(bytes);
  if (!checked.ok) throw fieldProblem('malformed_json', checked.pointer, checked.detail);
  const { value } = checked;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fieldProblem('malformed_json', '', 'The body must be a JSON object.');
  }
  return value as Readonly<Record<string, unknown>>;
}
