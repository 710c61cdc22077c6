import { z } from 'zod';
import { FaultBook } from '../fault-book.js';

/** Faults of a call that happen instead of the effect. */
const beforeEffect = [
  'timeout_before',
  'error_500_before',
  'error_502_html',
  'reset_before',
  'code',
  /** A look-up does not show yet what is there. */
  'query_not_yet',
] as const;

/** Faults of a call whose effect has taken place and is in the journal. */
const afterEffect = [
  'timeout_after',
  'error_500_after',
  'reset_after',
  'slow_drip',
  'truncated',
  'oversized',
  'garbage',
  'slow',
  'code_after',
  'order_code',
] as const;

/** Lies and missing proofs, in replies and notifications; at the front door what a browser made of the order. */
const falsified = [
  'wrong_amount',
  'wrong_currency',
  'wrong_merchant',
  'wrong_reference',
  'bad_signature',
  'no_signature',
  'foreign_certificate',
  'expired_certificate',
  'other_owner',
] as const;

export const callFaults = [...beforeEffect, ...afterEffect, ...falsified] as const;
export const notificationFaults = [...falsified, 'lost', 'delayed', 'duplicated'] as const;
const callOperations = ['*', 'front', 'query', 'refund', 'capture', 'void'] as const;

export type Operation = Exclude<(typeof callOperations)[number], '*'>;
export type Falsehood = (typeof falsified)[number];
export const falsehoods: readonly Falsehood[] = falsified;

const faultSchema = z
  .strictObject({
    operation: z.enum([...callOperations, 'notification']),
    fault: z.enum([...new Set([...callFaults, ...notificationFaults])]),
    /** How many calls it hits; -1: until cleared. */
    times: z.int().min(-1).max(1_000_000).default(1),
    /** The orderId that is asked about, or that is sent. */
    reference: z.string().min(1).optional(),
    delay_ms: z.int().min(0).max(3_600_000).optional(),
    copies: z.int().min(2).max(100).optional(),
    /** Of `code` and `code_after` the respCode, of `order_code` the origRespCode: answered signed. */
    code: z
      .string()
      .regex(/^[0-9A-Z]{2}$/)
      .optional(),
  })
  .refine((fault) => fault.times !== 0, '"times" must be positive, or -1 for "until cleared"')
  .refine(
    ({ operation, fault }) =>
      ((operation === 'notification' ? notificationFaults : callFaults) as readonly string[]).includes(fault),
    'this fault does not exist for this operation',
  )
  .refine(({ fault, code }) => !fault.includes('code') || code !== undefined, 'this fault needs a "code"');

export type Fault = z.infer<typeof faultSchema> & { id: number };

export class UnionPayFaults extends FaultBook<Operation | 'notification', Fault> {
  protected read(input: unknown, id: number): Fault {
    return { ...faultSchema.parse(input), id };
  }
}

export function isBeforeEffect(fault: string): fault is (typeof beforeEffect)[number] {
  return (beforeEffect as readonly string[]).includes(fault);
}

export function isFalsehood(fault: string): fault is Falsehood {
  return (falsified as readonly string[]).includes(fault);
}
