import { randomBytes } from 'node:crypto';
import { BadRequest } from '../control-errors.js';
import { newRegtestAddress } from './addresses.js';
import type { CreateRequest } from './invoice-request.js';
import {
  countedPayments,
  orderIdOf,
  paidMinor,
  type CoinPayment,
  type Invoice,
  type InvoiceEvent,
} from './invoice.js';
import { mark, watch } from './invoice-watcher.js';
import { newId } from './webhook-events.js';

/** What happened to an invoice, for the journal: an offer, coins seen, coins confirmed, an end. */
export type InvoiceFact = 'offer' | 'scan' | 'charge' | 'close';

export interface BookPorts {
  /** Takes a fact down before anybody hears of it. */
  readonly record: (fact: InvoiceFact, invoice: Invoice, details: Record<string, unknown>) => void;
  /** Tells the store's webhooks, while the invoice is as the event left it. */
  readonly announce: (invoice: Invoice, event: InvoiceEvent) => void;
  readonly now: () => number;
}

export interface ListFilter {
  readonly orderIds: readonly string[];
  readonly isArchivedToo: boolean;
  readonly skip: number;
  readonly take: number;
}

/** All invoices of all stores. Nothing here waits, so two calls never see an invoice in between. */
export class InvoiceBook {
  readonly #invoices = new Map<string, Invoice>();

  constructor(private readonly ports: BookPorts) {}

  /** Puts an invoice back as a journal has it. */
  restore(invoice: Invoice): void {
    this.#invoices.set(invoice.id, invoice);
  }

  create(storeId: string, request: CreateRequest, rate: bigint): Invoice {
    const createdAtMs = this.ports.now();
    const { checkout } = request;
    const expiresAtMs = createdAtMs + checkout.expirationMinutes * 60_000;
    const invoice: Invoice = {
      id: newId(),
      storeId,
      amountMinor: request.amountMinor,
      currency: request.currency,
      rate,
      address: newRegtestAddress(),
      checkout: {
        speedPolicy: checkout.speedPolicy,
        paymentMethods: ['BTC-CHAIN'],
        paymentTolerance: checkout.paymentTolerance,
        redirectUrl: checkout.redirectURL ?? null,
      },
      createdAtMs,
      expiresAtMs,
      monitoredUntilMs: expiresAtMs + checkout.monitoringMinutes * 60_000,
      metadata: request.metadata,
      status: 'New',
      additionalStatus: 'None',
      isArchived: false,
      payments: [],
    };
    this.#invoices.set(invoice.id, invoice);
    this.ports.record('offer', invoice, { amount_minor: Number(invoice.amountMinor) });
    this.ports.announce(invoice, { type: 'InvoiceCreated' });
    return invoice;
  }

  find(id: string): Invoice | undefined {
    const invoice = this.#invoices.get(id);
    if (invoice) this.#watch(invoice);
    return invoice;
  }

  /** The newest first, as the real server lists them. */
  list(storeId: string, { orderIds, isArchivedToo, skip, take }: ListFilter): Invoice[] {
    const found = [...this.#invoices.values()].filter(
      (invoice) =>
        invoice.storeId === storeId &&
        (isArchivedToo || !invoice.isArchived) &&
        (orderIds.length === 0 || orderIds.includes(orderIdOf(invoice) ?? '')),
    );
    for (const invoice of found) this.#watch(invoice);
    return found.reverse().slice(skip, skip + take);
  }

  latest(count: number): Invoice[] {
    return [...this.#invoices.values()].reverse().slice(0, count);
  }

  ofOrder(orderId: string): Invoice[] {
    return [...this.#invoices.values()].filter((invoice) => orderIdOf(invoice) === orderId);
  }

  mark(invoice: Invoice, status: 'Invalid' | 'Settled'): boolean {
    const event = mark(invoice, status);
    if (!event) return false;
    this.ports.record('close', invoice, { marked: status });
    this.ports.announce(invoice, event);
    return true;
  }

  archive(invoice: Invoice, isArchived: boolean): void {
    invoice.isArchived = isArchived;
    this.ports.record('close', invoice, { archived: isArchived });
  }

  update(invoice: Invoice, metadata: Readonly<Record<string, unknown>>): void {
    invoice.metadata = metadata;
    this.ports.record('offer', invoice, { metadata_changed: true });
  }

  /** Somebody sends coins to the address. That works at any time, whatever the invoice says. */
  pay(invoice: Invoice, satoshis: bigint): CoinPayment {
    if (satoshis < 1n) throw new BadRequest('Nobody can send less than one satoshi.');
    this.#watch(invoice);
    const payment: CoinPayment = {
      id: `${randomBytes(32).toString('hex')}-0`,
      satoshis,
      receivedAtMs: this.ports.now(),
      status: 'Processing',
    };
    invoice.payments.push(payment);
    this.ports.record('scan', invoice, { payment: payment.id, satoshis: String(satoshis) });
    this.ports.announce(invoice, { type: 'InvoiceReceivedPayment', payment });
    this.#watch(invoice);
    return payment;
  }

  /** A block has what was seen so far. */
  confirm(invoice: Invoice): void {
    const waiting = invoice.payments.filter(({ status }) => status === 'Processing');
    if (waiting.length === 0) throw new BadRequest('No payment of this invoice waits for a confirmation.');
    for (const payment of waiting) {
      const beforeMinor = paidMinor(invoice, true);
      payment.status = 'Settled';
      const amountMinor = Number(paidMinor(invoice, true) - beforeMinor);
      this.ports.record('charge', invoice, { payment: payment.id, amount_minor: amountMinor });
      this.ports.announce(invoice, { type: 'InvoicePaymentSettled', payment });
    }
    this.#watch(invoice);
  }

  /** The sender takes back what no block has yet (replace by fee). */
  replace(invoice: Invoice): void {
    const waiting = countedPayments(invoice).filter(({ status }) => status === 'Processing');
    if (waiting.length === 0) throw new BadRequest('No payment of this invoice can be replaced.');
    for (const payment of waiting) payment.status = 'Invalid';
    this.ports.record('scan', invoice, { replaced: waiting.map(({ id }) => id) });
    this.#watch(invoice);
  }

  /** Lets the invoice's time pass at once, and with `isMonitoringToo` the time in which it is watched. */
  expire(invoice: Invoice, isMonitoringToo: boolean): void {
    const nowMs = this.ports.now();
    invoice.expiresAtMs = Math.min(invoice.expiresAtMs, nowMs);
    if (isMonitoringToo) invoice.monitoredUntilMs = Math.min(invoice.monitoredUntilMs, nowMs);
    this.ports.record('offer', invoice, { time_passed: true });
    this.#watch(invoice);
  }

  /** For what only time changes: also where nobody asks. */
  watchAll(): void {
    for (const invoice of this.#invoices.values()) this.#watch(invoice);
  }

  #watch(invoice: Invoice): void {
    for (const event of watch(invoice, this.ports.now())) {
      const isEnd = event.type === 'InvoiceExpired' || event.type === 'InvoiceInvalid';
      this.ports.record(isEnd ? 'close' : 'offer', invoice, { status: invoice.status });
      this.ports.announce(invoice, event);
    }
  }
}
