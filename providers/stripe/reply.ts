import type { ProviderError, Unknown } from '../../domain/outcome.js';

/** An object of Stripe's, as it came: nothing of it is believed before it was read. */
export type Reply = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that is a string with something in it. */
export function textOf(reply: Reply, member: string): string | undefined {
  const value = reply[member];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function recordOf(reply: Reply | undefined, member: string): Reply | undefined {
  const value = reply?.[member];
  return isRecord(value) ? value : undefined;
}

/** Stripe's times are whole seconds since the epoch. */
export function timeOf(reply: Reply | undefined, member: string): number | undefined {
  const value = reply?.[member];
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value * 1000 : undefined;
}

/** The most telling of the codes: why the issuer declined, else what failed. */
export function codeOf(error: Reply | undefined): string | undefined {
  return error && (textOf(error, 'decline_code') ?? textOf(error, 'code'));
}

const MAX_CODE_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 200;

export function errorOf(error: Reply): ProviderError {
  const code = codeOf(error) ?? textOf(error, 'type') ?? 'no_code';
  return {
    code: forPeople(code, MAX_CODE_LENGTH),
    message: forPeople(withoutSecrets(textOf(error, 'message') ?? ''), MAX_MESSAGE_LENGTH),
  };
}

export function forPeople(text: string, maxLength: number): string {
  return Array.from(text.replace(/\p{C}/gu, ' ')).slice(0, maxLength).join('');
}

/** Messages quote keys and tokens ("No such PaymentMethod: 'pm_…'"), which are secrets of the payer's or ours. */
function withoutSecrets(message: string): string {
  return message
    .replace(/\w+_secret_\w+/g, '…')
    .replace(/\b(sk|rk|pk|whsec|pm|cus|tok|ctoken|card|src)_[\w*]+/g, '$1_…');
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
  return { code: 'unreadable_reply', message: `Stripe's reply does not say ${what} readably` };
}
