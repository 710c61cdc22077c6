import { z } from 'zod';

/** What can go wrong with one call; `before` its effect, or `after` it. */
export const callFaults = [
  'timeout_before',
  'reset_before',
  'error_502_html',
  'error_500_before',
  'rate_limited',
  'error_500_after',
  'timeout_after',
  'reset_after',
  'truncated',
  'oversized',
  'garbage',
  'slow_drip',
  'wrong_amount',
  'wrong_currency',
  'wrong_merchant',
  'wrong_reference',
  // An order does not show yet what was taken for it.
  'query_not_yet',
  // An order does not show yet what of it was given back.
  'refunds_not_yet',
  // The call runs whatever was done under its key, which is not kept for it either.
  'key_ignored',
  // What was answered under its key is forgotten first, as after its life.
  'keys_expired',
  // Another call with the same order or key is under way.
  'in_progress',
  // The one that `code` names, without an effect.
  'code',
] as const;
export type CallFault = (typeof callFaults)[number];

export const notificationFaults = [
  'lost',
  'duplicated',
  'bad_signature',
  'no_signature',
  'stale',
  'foreign_certificate',
  'wrong_amount',
  'wrong_reference',
] as const;
export type NotificationFault = (typeof notificationFaults)[number];

export const callNames = [
  'token',
  'create',
  'get',
  'capture',
  'authorize',
  'capture_authorization',
  'void',
  'refund',
  'get_payment',
  'certificate',
] as const;
export type CallName = (typeof callNames)[number];

/** A fault as somebody asks for it over HTTP. */
export const faultSchema = z
  .strictObject({
    operation: z.enum(['*', 'notification', ...callNames]),
    fault: z.enum([...new Set([...callFaults, ...notificationFaults])]),
    times: z.int().min(-1).max(1_000_000).default(1),
    reference: z.string().min(1).optional(),
    code: z
      .string()
      .regex(/^[A-Z_]{3,80}$/)
      .optional(),
    status: z.int().min(400).max(599).optional(),
  })
  .refine(
    ({ operation, fault }) =>
      (operation === 'notification' ? notificationFaults : callFaults).some((known) => known === fault),
    'this fault does not exist for this operation',
  );

export type PlannedFault = z.output<typeof faultSchema>;

/** Faults that wait to happen, oldest first. */
export class FaultList {
  #planned: { fault: PlannedFault; left: number }[] = [];

  add(fault: PlannedFault): void {
    this.#planned.push({ fault, left: fault.times });
  }

  list(): readonly PlannedFault[] {
    return this.#planned
      .filter(({ left }) => left !== 0)
      .map(({ fault, left }) => ({ ...fault, times: left }));
  }

  clear(): void {
    this.#planned = [];
  }

  /** `isAbout` tells whether the call has to do with a reference. */
  take(
    operation: PlannedFault['operation'],
    isAbout: (reference: string) => boolean,
  ): PlannedFault | undefined {
    const found = this.#planned.find(
      ({ fault, left }) =>
        left !== 0 &&
        (fault.reference === undefined || isAbout(fault.reference)) &&
        (fault.operation === operation || (fault.operation === '*' && operation !== 'notification')),
    );
    if (!found) return undefined;
    if (found.left > 0) found.left -= 1;
    return found.fault;
  }
}

type Lie = readonly [names: readonly string[], told: (value: unknown) => unknown];

const lies: Readonly<Record<string, Lie>> = {
  wrong_amount: [['value'], (value) => (String(value).includes('.') ? '0.01' : '1')],
  wrong_currency: [['currency_code'], (value) => (value === 'USD' ? 'EUR' : 'USD')],
  wrong_merchant: [['merchant_id'], () => 'ZZZZZZZZZZZZZ'],
  wrong_reference: [['custom_id', 'invoice_id'], () => '0'.repeat(28)],
  refunds_not_yet: [
    ['refunds', 'status'],
    (value) =>
      typeof value === 'string' ? value.replace(/^(PARTIALLY_)?REFUNDED$/, 'COMPLETED') : undefined,
  ],
  query_not_yet: [['payments', 'status'], (value) => (value === 'COMPLETED' ? 'APPROVED' : undefined)],
};

/** The answer as a liar would give it, wherever in it the fact stands. */
export function falsify(body: object, fault: string): object {
  const lie = lies[fault];
  if (!lie) return body;
  const [names, told] = lie;
  const text = JSON.stringify(body, (name: string, value: unknown) =>
    names.includes(name) ? told(value) : value,
  );
  return JSON.parse(text) as object;
}
