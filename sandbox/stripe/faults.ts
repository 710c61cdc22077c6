import { z } from 'zod';

/** What can go wrong with one call; `before` its effect, or `after` it. */
export const stripeFaults = [
  'timeout_before',
  'reset_before',
  'error_502_html',
  'rate_limited',
  'lock_timeout',
  // As any answer of a call that ran, this 500 is kept under the key.
  'error_500_before',
  'error_500_after',
  'timeout_after',
  'reset_after',
  'truncated',
  'oversized',
  'garbage',
  'slow_drip',
  'wrong_amount',
  'wrong_currency',
  'wrong_reference',
  'wrong_mode',
  // A search or a list does not show yet what is there.
  'query_not_yet',
  // The call runs whatever was done under its key, nothing is kept under it, and its answer is lost.
  'key_ignored',
  // What was answered under its key is forgotten first, as after a day.
  'keys_expired',
] as const;
export type StripeFault = (typeof stripeFaults)[number];

export const notificationFaults = [
  'lost',
  'duplicated',
  'bad_signature',
  'no_signature',
  'stale_signature',
  'future_signature',
  'wrong_amount',
  'wrong_currency',
  'wrong_reference',
] as const;
export type StripeNotificationFault = (typeof notificationFaults)[number];

export interface PlannedFault {
  /** The name of a route (routes.ts), `notification`, or `*` for every route. */
  readonly operation: string;
  readonly fault: StripeFault | StripeNotificationFault;
  /** How many calls it hits; -1: all, until cleared. */
  readonly times?: number;
  /** Only calls that bear it, or are about a PaymentIntent that does. */
  readonly reference?: string | undefined;
}

/** A fault as somebody asks for it over HTTP. */
export const faultSchema = z
  .strictObject({
    operation: z.string().min(1).max(64),
    fault: z.enum([...new Set([...stripeFaults, ...notificationFaults])]),
    times: z.int().min(-1).max(1_000_000).default(1),
    reference: z.string().min(1).optional(),
  })
  .refine(
    ({ operation, fault }) =>
      (operation === 'notification' ? notificationFaults : stripeFaults).some((known) => known === fault),
    'this fault does not exist for this operation',
  );

/** Faults that wait to happen, oldest first. */
export class StripeFaults {
  #planned: { operation: string; fault: PlannedFault['fault']; left: number; reference?: string }[] = [];

  add({ operation, fault, times = 1, reference }: PlannedFault): void {
    this.#planned.push({
      operation,
      fault,
      left: times,
      ...(reference === undefined ? {} : { reference }),
    });
  }

  /** Those that still wait. */
  list(): readonly PlannedFault[] {
    return this.#planned
      .filter(({ left }) => left !== 0)
      .map(({ left, ...planned }) => ({ ...planned, times: left }));
  }

  clear(): void {
    this.#planned = [];
  }

  /** `isAbout` tells whether this call has to do with a reference. */
  take(operation: string, isAbout: (reference: string) => boolean): PlannedFault['fault'] | undefined {
    const isNotification = operation === 'notification';
    const found = this.#planned.find(
      (planned) =>
        planned.left !== 0 &&
        (planned.reference === undefined || isAbout(planned.reference)) &&
        (planned.operation === operation || (planned.operation === '*' && !isNotification)),
    );
    if (!found) return undefined;
    if (found.left > 0) found.left -= 1;
    return found.fault;
  }
}

/** The answer as a liar would give it, wherever in it the fact stands. */
export function falsify(body: object, fault: PlannedFault['fault']): object {
  const lie = lies[fault as StripeFault];
  if (!lie) return body;
  const [names, told] = lie;
  const text = JSON.stringify(body, (name: string, value: unknown) =>
    names.includes(name) ? told(value) : value,
  );
  return JSON.parse(text) as object;
}

const another = (value: unknown): unknown => (typeof value === 'number' && value > 0 ? value - 1 : value);
const lies: Readonly<Partial<Record<StripeFault, readonly [string[], (value: unknown) => unknown]>>> = {
  wrong_amount: [['amount', 'amount_received', 'amount_capturable'], another],
  wrong_currency: [['currency'], (value) => (value === 'usd' ? 'eur' : 'usd')],
  wrong_reference: [['quittance_reference', 'quittance_capture'], () => '0'.repeat(28)],
  wrong_mode: [['livemode'], () => true],
  query_not_yet: [['data'], () => []],
};
