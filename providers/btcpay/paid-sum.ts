import type { Coin } from './coins.js';
import { compare, isPositive, minus, plus, times, ZERO, type Decimal } from './decimal.js';
import type { InvoiceState } from './invoice-calls.js';
import type { Payment, PaymentMethod } from './replies.js';

/** What came for one reference, over all of its invoices. */
export interface PaidSum {
  /** Confirmed, in major units of the invoices' currency at their locked rates, without the methods' fees. */
  readonly settled: Decimal;
  /** Something was seen that is not confirmed yet. */
  readonly isProcessing: boolean;
  /** Any payment that BTCPay counts, confirmed or not. */
  readonly isTouched: boolean;
  /** The oldest invoice with confirmed money; null where there is none. */
  readonly invoiceId: string | null;
  /** Of the last confirmed payment. */
  readonly paidAtMs: number | null;
}

export function sumPaid(states: readonly InvoiceState[], coin: Coin): PaidSum {
  const payments = states.flatMap(countedPayments);
  const settled = states.map((state) => settledWorth(state, coin)).reduce(plus, ZERO);
  const confirmedAtMs = payments.filter(isSettled).map(({ receivedDate }) => receivedDate);
  return {
    settled,
    isProcessing: payments.some(({ status }) => status === 'Processing'),
    isTouched: payments.length > 0,
    invoiceId: states.find((state) => countedPayments(state).some(isSettled))?.invoice.id ?? null,
    paidAtMs: confirmedAtMs.length > 0 ? Math.max(...confirmedAtMs) : null,
  };
}

/** Not those that were replaced, double-spent or dropped: BTCPay calls them Invalid. */
export function countedPayments({ methods }: InvoiceState): readonly Payment[] {
  return methods.flatMap(({ payments }) => payments.filter(({ status }) => status !== 'Invalid'));
}

/**
 * Confirmed coins at the locked rate, exactly. What is over by less than the coin's smallest unit is the rounding of
 * the coin amount that was asked for (BTCPay rounds it up, and calls the rest dust), not a payment too much: one
 * satoshi can be worth several units of a currency.
 */
function settledWorth({ invoice, methods }: InvoiceState, coin: Coin): Decimal {
  const worth = methods.map(methodWorth).reduce(plus, ZERO);
  const surplus = minus(worth, invoice.amount);
  const smallest: Decimal = { units: 1n, scale: coin.divisibility };
  const rates = methods.filter(hasSettled).map(({ rate }) => rate);
  const isDust = rates.some((rate) => compare(surplus, times(smallest, rate)) < 0);
  return isPositive(surplus) && isDust ? invoice.amount : worth;
}

function methodWorth({ rate, payments }: PaymentMethod): Decimal {
  const inCoins = payments
    .filter(isSettled)
    .map(({ value, fee }) => minus(value, fee))
    .reduce(plus, ZERO);
  return times(inCoins, rate);
}

function hasSettled({ payments }: PaymentMethod): boolean {
  return payments.some(isSettled);
}

function isSettled({ status }: Payment): boolean {
  return status === 'Settled';
}
