import type { NewJournalEntry } from '../journal.js';
import type { ObjectStore, StoredObject } from '../object-store.js';
import { missing } from './refusal.js';
import { minorOf, type Money } from './money.js';

/** How the payer's way to pay behaves once the money is asked for. */
export type Funding = 'good' | 'declined' | 'denied' | 'pending';

export interface Capture {
  readonly id: string;
  readonly status: 'COMPLETED' | 'PENDING' | 'DECLINED' | 'REFUNDED' | 'PARTIALLY_REFUNDED';
  readonly amount: Money;
  readonly invoice_id: string | null;
  readonly create_time: string;
}

export interface Authorization {
  readonly id: string;
  readonly status: 'CREATED' | 'CAPTURED' | 'PARTIALLY_CAPTURED' | 'VOIDED' | 'DENIED';
  readonly amount: Money;
  readonly create_time: string;
  readonly expiration_time: string;
}

export interface Refund {
  readonly id: string;
  readonly capture: string;
  readonly status: 'COMPLETED' | 'PENDING';
  readonly amount: Money;
  readonly invoice_id: string | null;
  readonly custom_id: string | null;
  readonly create_time: string;
}

export interface Order extends StoredObject {
  readonly account: string;
  readonly intent: 'CAPTURE' | 'AUTHORIZE';
  readonly status: 'CREATED' | 'PAYER_ACTION_REQUIRED' | 'APPROVED' | 'COMPLETED';
  readonly amount: Money;
  readonly custom_id: string | null;
  readonly invoice_id: string | null;
  readonly description: string | null;
  readonly returnUrl: string | null;
  readonly cancelUrl: string | null;
  readonly createdAtMs: number;
  readonly approvedAtMs: number | null;
  readonly funding: Funding;
  readonly captures: readonly Capture[];
  readonly authorizations: readonly Authorization[];
  readonly refunds: readonly Refund[];
}

export interface EventToTell {
  readonly account: string;
  readonly type: string;
  readonly resourceType: 'checkout-order' | 'capture' | 'authorization' | 'refund';
  readonly resource: object;
}

/** An order that nobody approved ends sooner than one that was (https://developer.paypal.com/docs/api/orders/v2/). */
const CREATED_LIFETIME_MS = 6 * 3_600_000;
const APPROVED_LIFETIME_MS = 3 * 3_600_000;

/**
 * One call's work on the orders of one account: they change at once, in one turn of the event loop; what is to be
 * written down and told stands here until the caller has done both.
 */
export class Book {
  readonly entries: NewJournalEntry[] = [];
  readonly events: EventToTell[] = [];

  constructor(
    private readonly store: ObjectStore,
    readonly account: string,
    readonly nowMs: number,
    readonly baseUrl: string,
  ) {}

  get now(): string {
    return new Date(this.nowMs).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  get(id: string): Order {
    const order = this.store.get('order', id) as Order | undefined;
    if (order?.account !== this.account || this.#isGone(order)) throw missing();
    return order;
  }

  find(isIt: (order: Order) => boolean): Order {
    const found = this.orders().find(isIt);
    if (!found) throw missing();
    return found;
  }

  orders(): Order[] {
    return (this.store.all('order') as Order[]).filter(({ account }) => account === this.account);
  }

  put(order: Order): Order {
    this.store.put('order', order);
    return order;
  }

  /** Under the order's own reference; `more` may name that of the part. */
  note(
    kind: NewJournalEntry['kind'],
    { id, custom_id: reference }: Order,
    amount: Money,
    more: Record<string, unknown> = {},
  ): void {
    const money = { amount_minor: minorOf(amount), currency: amount.currency_code };
    this.entries.push({ provider: 'paypal', kind, reference, order: id, ...money, ...more });
  }

  tell(type: string, resourceType: EventToTell['resourceType'], resource: object): void {
    this.events.push({ account: this.account, type, resourceType, resource: structuredClone(resource) });
  }

  #isGone({ status, createdAtMs, approvedAtMs }: Order): boolean {
    if (status === 'COMPLETED') return false;
    return approvedAtMs === null
      ? this.nowMs > createdAtMs + CREATED_LIFETIME_MS
      : this.nowMs > approvedAtMs + APPROVED_LIFETIME_MS;
  }
}
