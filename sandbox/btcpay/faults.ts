import { join } from 'node:path';
import { z } from 'zod';
import { readStateFile, writeStateFile } from '../state-folder.js';
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

const callFaults = [...beforeEffect, ...afterEffect, ...falsified] as const;
const notificationFaults = [
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

/** The faults waiting to happen. They outlive a restart. */
export class FaultBook {
  readonly #file: string;
  #faults: Fault[];
  #lastId = 0;

  constructor(folder: string) {
    this.#file = join(folder, 'faults.json');
    this.#faults = (readStateFile(this.#file) ?? []) as Fault[];
    for (const { id } of this.#faults) this.#lastId = Math.max(this.#lastId, id);
  }

  /** Throws a ZodError for anything it does not know. */
  add(input: unknown): Fault {
    this.#lastId += 1;
    const fault: Fault = { ...faultSchema.parse(input), id: this.#lastId };
    this.#save([...this.#faults, fault]);
    return fault;
  }

  list(): readonly Fault[] {
    return this.#faults;
  }

  clear(): number {
    const count = this.#faults.length;
    this.#save([]);
    return count;
  }

  /** The oldest fault that hits this call, counted down. `*` means every call of the API, and no webhook. */
  take(operation: ApiOperation | 'notification', reference: string | undefined): Fault | undefined {
    const fault = this.#faults.find(
      (candidate) =>
        (candidate.operation === operation ||
          (candidate.operation === '*' && operation !== 'notification')) &&
        (candidate.reference === undefined || candidate.reference === reference),
    );
    if (fault === undefined || fault.times === -1) return fault;
    const hit = { ...fault };
    fault.times -= 1;
    this.#save(this.#faults.filter(({ times }) => times !== 0));
    return hit;
  }

  #save(faults: Fault[]): void {
    this.#faults = faults;
    writeStateFile(this.#file, faults);
  }
}

export function isBeforeEffect(fault: Fault): boolean {
  return (beforeEffect as readonly string[]).includes(fault.fault);
}
