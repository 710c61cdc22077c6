import type { ProviderError, Unknown } from '../../domain/outcome.js';

/** An object of PayPal's, as it came: nothing of it is believed before it was read. */
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

/** Undefined where it is not a list of objects; a list that is not there is empty. */
export function recordsOf(reply: Reply | undefined, member: string): readonly Reply[] | undefined {
  const value: unknown = reply?.[member] ?? [];
  if (!Array.isArray(value)) return undefined;
  const members: unknown[] = value;
  return members.every(isRecord) ? members : undefined;
}

/** PayPal's times are RFC 3339. */
export function timeOf(reply: Reply | undefined, member: string): number | undefined {
  return parseTime(textOf(reply, member) ?? '');
}

export function parseTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const epochMs = Date.parse(text);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** The most telling word: the first issue, else the name of the error. */
export function codeOf(refusal: Reply): string {
  const [detail] = recordsOf(refusal, 'details') ?? [];
  return textOf(detail, 'issue') ?? textOf(refusal, 'name') ?? textOf(refusal, 'error') ?? 'no_code';
}

const MAX_CODE_LENGTH = 64;
const MAX_MESSAGE_LENGTH = 200;

export function errorOf(refusal: Reply): ProviderError {
  const [detail] = recordsOf(refusal, 'details') ?? [];
  const message =
    textOf(detail, 'description') ?? textOf(refusal, 'message') ?? textOf(refusal, 'error_description') ?? '';
  return {
    code: forPeople(codeOf(refusal), MAX_CODE_LENGTH),
    message: forPeople(message, MAX_MESSAGE_LENGTH),
  };
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
  return { code: 'unreadable_reply', message: `PayPal's reply does not say ${what} readably` };
}
