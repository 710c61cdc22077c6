import { randomBytes } from 'node:crypto';
import type { Journal, JournalEntry } from '../journal.js';
import { parseTime, type Message } from './message.js';
import { randomDigits } from './platform.js';

export const providerName = 'union_pay';

/** An order that a payer's browser has brought, or one that acts on such an order (04, 03, 32). */
export interface Order {
  /** As the merchant signed it. */
  readonly terms: Message;
  readonly code: string;
  readonly createdAtMs: number;
  /** Of a follow-up: the order it acts on. */
  readonly of: Order | undefined;
  state: 'open' | 'paid' | 'held' | 'done';
  /** Why the payer's last card was refused; the page stays open. */
  refusedBy: string | undefined;
  queryId: string | undefined;
  /** What was paid, held or moved: the order's worth, unless a test asked for another sum. */
  movedMinor: number;
}

/** Why the payer cannot do what they want, in words for a person. */
export class PayerRefused extends Error {
  override readonly name = 'PayerRefused';
}

/** What a follow-up writes into the journal. */
const effects: Readonly<Record<string, 'charge' | 'release' | 'refund'>> = {
  '03': 'charge',
  '04': 'refund',
  '32': 'release',
};

/**
 * All orders, as a fold over the journal: every change is first appended, then applied. Nothing here waits, so two
 * calls can never see one order in between.
 */
export class OrderBook {
  readonly #orders = new Map<string, Order>();

  constructor(private readonly journal: Journal) {}

  /** Applies one line of an old journal. */
  replay(entry: JournalEntry): void {
    if (entry.provider === providerName && entry['terms'] !== undefined) this.#apply(entry);
  }

  find({ merId, orderId, txnTime }: Message): Order | undefined {
    return this.#orders.get(`${merId} ${orderId} ${txnTime}`);
  }

  /** For the control API, which names an order by its number alone. */
  findByNumber(orderId: string): Order | undefined {
    return this.list().find(({ terms }) => terms['orderId'] === orderId);
  }

  findByCode(code: string): Order | undefined {
    return this.list().find((order) => order.code === code);
  }

  findByQueryId(merId: string, queryId: string): Order | undefined {
    return this.list().find((order) => order.terms['merId'] === merId && order.queryId === queryId);
  }

  list(): Order[] {
    return [...this.#orders.values()];
  }

  followUpsOf(order: Order): Order[] {
    return this.list().filter(({ of }) => of === order);
  }

  /** Of what was paid or held: what no follow-up has taken yet. */
  remainingMinor(order: Order): number {
    return this.followUpsOf(order).reduce((left, { movedMinor }) => left - movedMinor, order.movedMinor);
  }

  open(terms: Message): Order {
    const code = randomBytes(12).toString('base64url');
    return this.#write('offer', terms, { amount_minor: Number(terms['txnAmt']), code });
  }

  /** Moves the payer's money, once: for good (01), or as a pre-authorization (02). */
  pay(order: Order, nowMs: number, amountMinor = Number(order.terms['txnAmt'])): void {
    if (!isPayable(order, nowMs)) throw new PayerRefused(`This order cannot be paid: ${tell(order, nowMs)}.`);
    const kind = order.terms['txnType'] === '02' ? 'hold' : 'charge';
    this.#write(kind, order.terms, { amount_minor: amountMinor, query_id: createQueryId(order.terms) });
  }

  /** A capture, a void or a refund; what it moves is moved at once. */
  followUp(terms: Message, of: Order): Order {
    const kind = effects[terms['txnType'] ?? ''] ?? 'refund';
    const details = { amount_minor: Number(terms['txnAmt']), query_id: createQueryId(terms) };
    return this.#write(kind, terms, { ...details, of: of.queryId }, of.terms['orderId']);
  }

  #write(
    kind: JournalEntry['kind'],
    terms: Message,
    details: Record<string, unknown>,
    reference = terms['orderId'],
  ): Order {
    const entry = this.journal.append({
      provider: providerName,
      kind,
      reference: reference ?? '',
      order_id: terms['orderId'] ?? '',
      currency: 'CNY',
      ...details,
      terms,
    });
    return this.#apply(entry);
  }

  #apply(entry: JournalEntry): Order {
    const terms = entry['terms'] as Message;
    const key = `${terms['merId']} ${terms['orderId']} ${terms['txnTime']}`;
    const order = this.#orders.get(key) ?? this.#orderFrom(entry, terms);
    this.#orders.set(key, order);
    if (entry.kind === 'offer') return order;
    order.queryId = String(entry['query_id']);
    order.movedMinor = Number(entry['amount_minor']);
    if (order.of) order.state = 'done';
    else order.state = entry.kind === 'hold' ? 'held' : 'paid';
    return order;
  }

  #orderFrom(entry: JournalEntry, terms: Message): Order {
    const of = entry['of'];
    return {
      terms,
      code: typeof entry['code'] === 'string' ? entry['code'] : '',
      createdAtMs: Date.parse(entry.at),
      of: typeof of === 'string' ? this.findByQueryId(terms['merId'] ?? '', of) : undefined,
      state: 'open',
      refusedBy: undefined,
      queryId: undefined,
      movedMinor: 0,
    };
  }
}

export function endsAtMs({ terms }: Order): number {
  return parseTime(terms['payTimeout'] ?? '');
}

export function isPayable(order: Order, nowMs: number): boolean {
  return order.state === 'open' && nowMs < endsAtMs(order);
}

/** The state in words, for payers and for error messages. */
export function tell(order: Order, nowMs: number): string {
  if (order.state !== 'open') return order.state === 'held' ? 'already authorized' : 'already paid';
  if (nowMs >= endsAtMs(order)) return 'its time is over';
  return order.refusedBy === undefined
    ? 'waiting for the payer'
    : `the card was refused (${order.refusedBy})`;
}

/** 21 digits, as UnionPay's numbers have. */
function createQueryId(terms: Message): string {
  return `${randomDigits(4)}${(terms['txnTime'] ?? '').slice(4)}${randomDigits(7)}`;
}
