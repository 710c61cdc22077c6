import { z } from 'zod';

/** What can go wrong with one call; `before` its effect, or `after` it. */
export const callFaults = [
  'timeout_before',
  'reset_before',
  'error_500_before',
  'error_502_html',
  'rate_limited',
  // Nothing was done, and the same key may be used again.
  'transient_error',
  // 422 with 704: the first call under this key is said to be still running.
  'in_progress',
  // The call is carried out as if its key had never been seen, and forgets it.
  'key_ignored',
  // What was answered under its key is forgotten first, as after a week.
  'keys_expired',
  'timeout_after',
  'reset_after',
  'error_500_after',
  'truncated',
  'oversized',
  'garbage',
  'slow_drip',
  'wrong_amount',
  'wrong_currency',
  'wrong_reference',
] as const;
export type CallFault = (typeof callFaults)[number];

export const notificationFaults = [
  'lost',
  'duplicated',
  'bad_signature',
  'no_signature',
  'wrong_amount',
  'wrong_currency',
  'wrong_reference',
  'wrong_merchant',
] as const;
export type NotificationFault = (typeof notificationFaults)[number];

/** A fault as somebody asks for it over HTTP: the name of a route, `notification`, or `*` for every route. */
export const faultSchema = z
  .strictObject({
    operation: z.string().min(1).max(64),
    fault: z.enum([...new Set([...callFaults, ...notificationFaults])]),
    /** How many calls it hits; -1: all, until cleared. */
    times: z.int().min(-1).max(1_000_000).default(1),
    /** Only calls that bear it, or are about a payment that does. */
    reference: z.string().min(1).optional(),
  })
  .refine(
    ({ operation, fault }) =>
      (operation === 'notification' ? notificationFaults : callFaults).some((known) => known === fault),
    'this fault does not exist for this operation',
  );
export type PlannedFault = z.input<typeof faultSchema>;
type Fault = CallFault | NotificationFault;

/** Faults that wait to happen, oldest first. */
export class AdyenFaults {
  #planned: (PlannedFault & { left: number })[] = [];

  add(planned: PlannedFault): void {
    this.#planned.push({ ...planned, left: planned.times ?? 1 });
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
  take(operation: string, isAbout: (reference: string) => boolean): CallFault | undefined {
    return this.#take([operation, '*'], isAbout) as CallFault | undefined;
  }

  takeForNotification(isAbout: (reference: string) => boolean): NotificationFault | undefined {
    return this.#take(['notification'], isAbout) as NotificationFault | undefined;
  }

  #take(operations: readonly string[], isAbout: (reference: string) => boolean): Fault | undefined {
    const found = this.#planned.find(
      ({ left, operation, reference }) =>
        left !== 0 && operations.includes(operation) && (reference === undefined || isAbout(reference)),
    );
    if (!found) return undefined;
    if (found.left > 0) found.left -= 1;
    return found.fault;
  }
}

/** The answer as a liar would give it. */
export function falsify(body: object, fault: CallFault | NotificationFault): object {
  const lie = lies[fault];
  if (!lie) return body;
  const [names, told] = lie;
  const text = JSON.stringify(body, (name: string, value: unknown) =>
    names.includes(name) ? told(value) : value,
  );
  return JSON.parse(text) as object;
}

const lies: Readonly<
  Partial<Record<CallFault | NotificationFault, readonly [string[], (value: unknown) => unknown]>>
> = {
  wrong_amount: [['value'], (value) => (typeof value === 'number' ? value - 1 : value)],
  wrong_currency: [['currency'], (value) => (value === 'USD' ? 'EUR' : 'USD')],
  wrong_merchant: [['merchantAccountCode'], () => 'SomebodyElse'],
  wrong_reference: [['merchantReference', 'reference', 'paymentPspReference'], () => '0'.repeat(28)],
};
