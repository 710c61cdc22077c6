import type { ProviderError, Unknown } from '../../domain/outcome.js';

export type Reply = Readonly<Record<string, unknown>>;

const MAX_CODE_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 200;

export function isRecord(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for what is not the JSON of an object. */
export function parseReply(body: Buffer): Reply | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** A member that is a string with something in it. */
export function textOf(reply: Reply, member: string): string | undefined {
  const value = reply[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A sum in fen: a positive integer, or undefined. */
export function fenOf(reply: Reply, member: string): number | undefined {
  const value = reply[member];
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

export function errorOf(reply: Reply): ProviderError {
  const code = forPeople(textOf(reply, 'code') ?? 'no_code', MAX_CODE_LENGTH);
  return { code, message: forPeople(textOf(reply, 'message') ?? '', MAX_MESSAGE_LENGTH) };
}

export function forPeople(text: string, maxLength: number): string {
  return Array.from(text.replace(/\p{C}/gu, ' ')).slice(0, maxLength).join('');
}

export function unreadable(what: string): ProviderError {
  return { code: 'unreadable_reply', message: `the signed reply does not say ${what} readably` };
}

export function unknown(error: ProviderError, recover: 'query' | 'replay'): Unknown {
  return { kind: 'unknown', recover, error };
}
