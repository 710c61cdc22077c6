import { z } from 'zod';
import { FaultBook } from '../fault-book.js';
import { apiOperations, type ApiOperation } from './greenfield-api.js';

/** Faults of a call that happen instead of the effect. */
const beforeEffect = [
  'reset_before',
  'timeout_before',
  'error_500_before',
  'error_502_html',
  'rate_limited',
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
] as const;

const falsified = ['wrong_amount', 'wrong_currency', 'wrong_merchant', 'wrong_reference'] as const;

export const callFaults = [...beforeEffect, ...afterEffect, ...falsified] as const;
export const notificationFaults = [
  'wrong_amount',
  'wrong_merchant',
  'wrong_reference',
  'bad_signature',
  'no_signature',
  'lost',
  'delayed',
  'duplicated',
] as const;

const faultSchema = z
  .strictObject({
    operation: z.enum(['*', ...apiOperations, 'notification']),
    fault: z.enum([...new Set([...callFaults, ...notificationFaults])]),
    /** How many calls it hits; -1: until cleared. */
    times: z.int().min(-1).max(1_000_000).default(1),
    /** The order's id. */
    reference: z.string().min(1).optional(),
    delay_ms: z.int().min(0).max(3_600_000).optional(),
    /** For `duplicated`: how many copies of one delivery are sent. */
    copies: z.int().min(2).max(100).optional(),
    /** Of `code`: what is answered. */
    status: z.int().min(400).max(599).optional(),
    code: z.string().optional(),
  })
  .refine((fault) => fault.times !== 0, '"times" must be positive, or -1 for "until cleared"')
  .refine(
    ({ operation, fault }) =>
      ((operation === 'notification' ? notificationFaults : callFaults) as readonly string[]).includes(fault),
    'this fault does not exist for this operation',
  )
  .refine(
    ({ fault, status, code }) => fault !== 'code' || (status !== undefined && code !== undefined),
    'the fault "code" needs a "status" and a "code"',
  );

export type Fault = z.infer<typeof faultSchema> & { id: number };

export class BtcpayFaults extends FaultBook<ApiOperation | 'notification', Fault> {
  protected read(input: unknown, id: number): Fault {
    return { ...faultSchema.parse(input), id };
  }
}

export function isBeforeEffect(fault: Fault): boolean {
  return (beforeEffect as readonly string[]).includes(fault.fault);
}
