import { createScanner } from 'jsonc-parser';

/** JSON as the API takes it, or where and why not. `pointer` is where the fault lies, as far as it was read. */
export type CheckedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly pointer: string; readonly detail: string };

export const MAX_DEPTH = 32;

/** Kinds of jsonc-parser's tokens; its own `const enum` cannot be imported from an isolated module. */
const tokens = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  string: 10,
  number: 11,
  endOfFile: 17,
} as const;

/** Names that would reach an object's prototype in careless code, ours or a library's. */
const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype']);

interface Level {
  readonly kind: 'object' | 'array';
  readonly names: Set<string>;
  /** Where in this level the scanner is: the last name read, or the index. */
  at: string | number;
  awaitsName: boolean;
}

/**
 * Reads JSON more strictly than JSON.parse: no name twice in an object, no deeper than 32, no NUL, no lone
 * surrogate, no name of the prototype chain, no number that would be rounded to an integer. One pass over the
 * tokens, without recursion, before anything is built from them.
 */
export function checkJson(bytes: Uint8Array): CheckedJson {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { ok: false, pointer: '', detail: 'The body is not valid UTF-8.' };
  }
  const fault = findFault(text);
  if (fault) return { ok: false, ...fault };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, pointer: '', detail: 'The body is not JSON (RFC 8259).' };
  }
}

interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** Faults of content; JSON.parse finds those of grammar afterwards, so this only has to keep its place. */
function findFault(text: string): Fault | undefined {
  const scanner = createScanner(text, false);
  const levels: Level[] = [];
  for (;;) {
    const token = scanner.scan() as number;
    const level = levels.at(-1);
    switch (token) {
      case tokens.openBrace:
      case tokens.openBracket: {
        if (levels.length === MAX_DEPTH) {
          return fault(levels, `The body is nested deeper than ${MAX_DEPTH} levels.`);
        }
        const isObject = token === tokens.openBrace;
        levels.push({
          kind: isObject ? 'object' : 'array',
          names: new Set(),
          at: isObject ? '' : 0,
          awaitsName: isObject,
        });
        break;
      }
      case tokens.closeBrace:
      case tokens.closeBracket:
        levels.pop();
        break;
      case tokens.comma:
        if (level?.kind === 'array') level.at = Number(level.at) + 1;
        if (level?.kind === 'object') level.awaitsName = true;
        break;
      case tokens.string: {
        const found = readString(scanner.getTokenValue(), level);
        if (found !== undefined) return fault(levels, found);
        break;
      }
      case tokens.number:
        if (roundsToInteger(scanner.getTokenValue())) {
          return fault(levels, 'A number is too precise to be kept exactly.');
        }
        break;
      case tokens.endOfFile:
        return undefined;
      default:
    }
  }
}

function readString(value: string, level: Level | undefined): string | undefined {
  const isName = level?.kind === 'object' && level.awaitsName;
  if (value.includes('\0')) return `A ${isName ? 'name' : 'string'} contains NUL.`;
  if (/\p{Surrogate}/u.test(value))
    return `A ${isName ? 'name' : 'string'} contains half of a surrogate pair.`;
  if (!isName) return undefined;
  level.awaitsName = false;
  level.at = value;
  if (forbiddenNames.has(value)) return `The name ${value} is not allowed.`;
  if (level.names.has(value)) return 'A name stands twice in the same object.';
  level.names.add(value);
  return undefined;
}

/** True for 100.00000000000000001, which JavaScript would read as 100; not for 100.0, 1e5 or 1.5. */
function roundsToInteger(literal: string): boolean {
  // Nobody means a number this long, and the patterns below are not linear.
  if (literal.length > 64) return true;
  const match = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal);
  if (!match) return false;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  if (!Number.isInteger(Number(literal))) return false;
  const digits = (whole + fraction).replace(/0+$/, '');
  if (digits === '' || /^0+$/.test(digits)) return false;
  const decimals = fraction.length - (whole.length + fraction.length - digits.length);
  return decimals - Number(exponent) > 0;
}

function fault(levels: readonly Level[], detail: string): Fault {
  return { pointer: toPointer(levels.map((level) => level.at)), detail };
}

/** RFC 6901. */
export function toPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
