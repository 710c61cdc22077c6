import type { ProviderError, Unknown } from '../../domain/outcome.js';

/** An object of Adyen's, as it came: nothing of it is believed before it was read. */
export type Reply = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that is a string with something in it. */
export function textOf(reply: Reply | undefined, member: string): string | undefined {
  const value = reply?.[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function recordOf(reply: Reply | undefined, member: string): Reply | undefined {
  const value = reply?.[member];
  return isRecord(value) ? value : undefined;
}

/** Fatal to anything that is not UTF-8 and JSON. */
export function parseJson(body: Buffer): Reply | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Adyen's own number of a payment or of a change to one: 16 letters and digits, capital ones since 2020. */
export function pspReferenceOf(reply: Reply): string | undefined {
  const text = textOf(reply, 'pspReference');
  return text !== undefined && isPspReference(text) ? text : undefined;
}

export function isPspReference(text: string): boolean {
  return /^[0-9A-Za-z]{8,64}$/.test(text);
}

const MAX_CODE_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 200;

export function errorOf(code: string, message: string): ProviderError {
  return { code: forPeople(code, MAX_CODE_LENGTH), message: forPeople(message, MAX_MESSAGE_LENGTH) };
}

export function forPeople(text: string, maxLength: number): string {
  return Array.from(text.replace(/\p{C}/gu, ' ')).slice(0, maxLength).join('');
}

export function unknown(
  error: ProviderError,
  recover: 'query' | 'replay' = 'query',
  providerReference?: string,
): Unknown {
  return {
    kind: 'unknown',
    recover,
    error,
    ...(providerReference === undefined ? {} : { providerReference }),
  };
}

export function unreadable(what: string): ProviderError {
  return { code: 'unreadable_reply', message: `Adyen's reply does not say ${what} readably` };
}
