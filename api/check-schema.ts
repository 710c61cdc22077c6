import type { z } from 'zod';
import type { HttpProblemCode } from '../domain/problem-codes.js';
import { toPointer } from './json-checker.js';
import { Problem, type FieldError } from './problem-details.js';

const MAX_ERRORS = 20;

/** The value as its schema gives it, or a Problem that lists every fault; its code is that of the first. */
export function checkSchema<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.flatMap((issue) => faultsOf(issue, value));
  // One sentence per field: that "cny" is no currency either need not be said.
  const byPointer = new Map([...found].reverse().map((fault) => [fault.error.pointer, fault]));
  const faults = found.filter((fault) => byPointer.get(fault.error.pointer) === fault).slice(0, MAX_ERRORS);
  const [first] = faults;
  if (!first) throw new Error('a refusal without an issue');
  const detail =
    faults.length === 1 ? first.error.detail : `${first.error.detail} (and ${faults.length - 1} more)`;
  throw new Problem(first.code, `${first.error.pointer}: ${detail}`, {
    errors: faults.map((fault) => fault.error),
  });
}

interface Fault {
  readonly code: HttpProblemCode;
  readonly error: FieldError;
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      code: 'unknown_field',
      error: { pointer: toPointer([...issue.path, key]), detail: 'This field is not known.' },
    }));
  }
  const pointer = toPointer(issue.path);
  if (issue.code === 'invalid_type' && valueAt(value, issue.path) === undefined) {
    return [{ code: 'missing_field', error: { pointer, detail: 'This field is required.' } }];
  }
  return [{ code: 'invalid_field', error: { pointer, detail: sentence(issue.message) } }];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Record<PropertyKey, unknown>)[part]
        : undefined,
    value,
  );
}

function sentence(message: string): string {
  const text = message.slice(0, 200);
  return text.endsWith('.') ? text : `${text}.`;
}
