import { randomBytes } from 'node:crypto';
import type { Journal, JournalEntry } from '../journal.js';
import type { OrderTerms } from './order-terms.js';
import { randomDigits } from './platform.js';

export const providerName = 'wechat_pay';
export type Product = 'NATIVE' | 'MWEB';
export type OrderState = 'NOTPAY' | 'SUCCESS' | 'CLOSED';

export interface Order {
  readonly mchid: string;
  readonly product: Product;
  readonly terms: OrderTerms;
  readonly fingerprint: string;
  readonly code: string;
  readonly createdAtMs: number;
  /** The payment's end. It does not close the order. */
  readonly expiresAtMs: number;
  state: OrderState;
  transactionId: string | undefined;
  openid: string | undefined;
  /** What the payer paid for it: the order's worth, unless a test asked for another sum. */
  paidMinor: number | undefined;
  /** What WeChat Pay's own coupons paid of it. */
  couponMinor: number;
  paidAtMs: number | undefined;
}

/** Why the payer cannot do what they want, in words for a person. */
export class PayerRefused extends Error {
  override readonly name = 'PayerRefused';
}

const shortestLifeMs = 60_000;
const defaultLifeMs = 7 * 24 * 3_600_000;

/**
 * All orders, as a fold over the journal: every change is first appended, then applied. Nothing here waits, so two
 * calls can never see one order in between.
 */
export class OrderBook {
  readonly #orders = new Map<string, Order>();
  readonly #byCode = new Map<string, Order>();

  constructor(private readonly journal: Journal) {}

  /** Applies one line of an old journal. */
  replay(entry: JournalEntry): void {
    if (entry.provider === providerName && ['offer', 'charge', 'close'].includes(entry.kind))
      this.#apply(entry);
  }

  find(mchid: string, outTradeNo: string): Order | undefined {
    return this.#orders.get(keyOf(mchid, outTradeNo));
  }

  findByTransaction(mchid: string, transactionId: string): Order | undefined {
    return this.list().find((order) => order.mchid === mchid && order.transactionId === transactionId);
  }

  /** For the control API, which names an order by its number alone. */
  findByNumber(outTradeNo: string): Order | undefined {
    return this.list().find(({ terms }) => terms.out_trade_no === outTradeNo);
  }

  findByCode(code: string): Order | undefined {
    return this.#byCode.get(code);
  }

  list(): Order[] {
    return [...this.#orders.values()];
  }

  create(mchid: string, product: Product, terms: OrderTerms, fingerprint: string): Order {
    return this.#write(
      'offer',
      { mchid, terms },
      {
        amount_minor: terms.amount.total,
        currency: 'CNY',
        product,
        terms,
        fingerprint,
        code: randomBytes(12).toString('base64url'),
      },
    );
  }

  /** Moves the payer's money, once. */
  pay(order: Order, amountMinor = order.terms.amount.total, couponMinor = 0): JournalEntry {
    if (!isPayable(order)) throw new PayerRefused(`This order cannot be paid: ${tell(order)}.`);
    return this.#append('charge', order, {
      amount_minor: amountMinor,
      coupon_minor: couponMinor,
      currency: 'CNY',
      transaction_id: `42${randomDigits(26)}`,
      openid: `o${randomBytes(20).toString('base64url')}`,
    });
  }

  close(order: Order): void {
    this.#write('close', order, { reason: 'merchant' });
  }

  #write(
    kind: JournalEntry['kind'],
    order: Pick<Order, 'mchid' | 'terms'>,
    details: Record<string, unknown>,
  ): Order {
    this.#append(kind, order, details);
    const written = this.find(order.mchid, order.terms.out_trade_no);
    if (!written) throw new Error('an order that was written is not there');
    return written;
  }

  #append(
    kind: JournalEntry['kind'],
    { mchid, terms }: Pick<Order, 'mchid' | 'terms'>,
    details: Record<string, unknown>,
  ): JournalEntry {
    const reference = terms.out_trade_no;
    const entry = this.journal.append({ provider: providerName, kind, reference, mchid, ...details });
    this.#apply(entry);
    return entry;
  }

  #apply(entry: JournalEntry): void {
    const key = keyOf(String(entry['mchid']), entry.reference ?? '');
    const order = this.#orders.get(key) ?? orderFrom(entry);
    this.#orders.set(key, order);
    this.#byCode.set(order.code, order);
    if (entry.kind === 'close') order.state = 'CLOSED';
    if (entry.kind !== 'charge') return;
    order.state = 'SUCCESS';
    order.transactionId = String(entry['transaction_id']);
    order.openid = String(entry['openid']);
    order.paidMinor = Number(entry['amount_minor']);
    order.couponMinor = Number(entry['coupon_minor']);
    order.paidAtMs = Date.parse(entry.at);
  }
}

function orderFrom(entry: JournalEntry): Order {
  const terms = entry['terms'] as OrderTerms;
  const createdAtMs = Date.parse(entry.at);
  const wantedMs =
    terms.time_expire === undefined ? createdAtMs + defaultLifeMs : Date.parse(terms.time_expire);
  return {
    mchid: String(entry['mchid']),
    product: entry['product'] as Product,
    terms,
    fingerprint: String(entry['fingerprint']),
    code: String(entry['code']),
    createdAtMs,
    // An end less than a minute ahead is moved, not refused.
    expiresAtMs: Math.max(wantedMs, createdAtMs + shortestLifeMs),
    state: 'NOTPAY',
    transactionId: undefined,
    openid: undefined,
    paidMinor: undefined,
    couponMinor: 0,
    paidAtMs: undefined,
  };
}

export function isOver(order: Order): boolean {
  return Date.now() >= order.expiresAtMs;
}

export function isPayable(order: Order): boolean {
  return order.state === 'NOTPAY' && !isOver(order);
}

/** The state in words, for payers and for error messages. */
export function tell(order: Order): string {
  switch (order.state) {
    case 'NOTPAY':
      return isOver(order) ? 'its time is over' : 'waiting for the payer';
    case 'SUCCESS':
      return 'already paid';
    case 'CLOSED':
      return 'closed without a payment';
  }
}

function keyOf(mchid: string, outTradeNo: string): string {
  return `${mchid} ${outTradeNo}`;
}
