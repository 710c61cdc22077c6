import { z } from 'zod';
import { FaultBook } from '../fault-book.js';

/** Faults of a call that happen instead of the effect. */
const beforeEffect = [
  'timeout_before',
  'error_500_before',
  'error_502_html',
  'reset_before',
  'system_error_before',
  'unsigned_error',
  'rate_limited',
  'accepted_202',
  'code',
  /** A look-up does not show yet what is there. */
  'query_not_yet',
] as const;

/** Faults of a call whose effect has taken place and is in the journal. */
const afterEffect = [
  'timeout_after',
  'error_500_after',
  'reset_after',
  'system_error_after',
  'slow_drip',
  'truncated',
  'oversized',
  'garbage',
  'slow',
] as const;

/** Lies and missing proofs; they fit replies and notifications alike. */
const falsified = [
  'wrong_amount',
  'wrong_currency',
  'wrong_merchant',
  'wrong_reference',
  'bad_signature',
  'no_signature',
  'stale_clock',
  'unknown_serial',
] as const;

/** What becomes of an accepted refund. */
const refundEnds = ['ends_abnormal', 'ends_closed'] as const;

export const callFaults = [...beforeEffect, ...afterEffect, ...falsified, ...refundEnds] as const;
export const notificationFaults = [...falsified, 'lost', 'delayed', 'duplicated', 'probe'] as const;

const callOperations = [
  '*',
  'native',
  'h5',
  'query',
  'close',
  'refund',
  'refund_query',
  'certificates',
] as const;

export type Operation = Exclude<(typeof callOperations)[number], '*'>;
export type Falsehood = (typeof falsified)[number];

const faultSchema = z
  .strictObject({
    operation: z.enum([...callOperations, 'notification']),
    fault: z.enum([...new Set([...callFaults, ...notificationFaults])]),
    /** How many calls it hits; -1: until cleared. */
    times: z.int().min(-1).max(1_000_000).default(1),
    /** An out_trade_no, or a refund's out_refund_no. */
    reference: z.string().min(1).optional(),
    delay_ms: z.int().min(0).max(3_600_000).optional(),
    copies: z.int().min(2).max(100).optional(),
    /** Of `code`: what is answered, signed. */
    status: z.int().min(400).max(599).optional(),
    code: z.string().optional(),
  })
  .refine((fault) => fault.times !== 0, '"times" must be positive, or -1 for "until cleared"')
  .refine(
    ({ operation, fault }) =>
      ((operation === 'notification' ? notificationFaults : callFaults) as readonly string[]).includes(fault),
    'this fault does not exist for this operation',
  )
  .refine((fault) => fault.fault !== 'code' || fault.code !== undefined, 'the fault "code" needs a "code"');

export type Fault = z.infer<typeof faultSchema> & { id: number };

export class WechatPayFaults extends FaultBook<Operation | 'notification', Fault> {
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
