import { coinsFor, roundWorth, worthOf, worthScale } from './coin-amounts.js';

export type InvoiceStatus = 'New' | 'Processing' | 'Expired' | 'Invalid' | 'Settled';
export type AdditionalStatus = 'None' | 'PaidLate' | 'PaidPartial' | 'Marked' | 'Invalid' | 'PaidOver';

export interface CoinPayment {
  /** Transaction and output: `txid-0`. */
  readonly id: string;
  readonly satoshis: bigint;
  readonly receivedAtMs: number;
  /** Invalid: replaced or double-spent before it was in a block. */
  status: 'Processing' | 'Settled' | 'Invalid';
}

export interface Checkout {
  readonly speedPolicy: string;
  readonly paymentMethods: readonly string[];
  readonly paymentTolerance: number;
  readonly redirectUrl: string | null;
}

export interface Invoice {
  readonly id: string;
  readonly storeId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** Locked when the invoice is made. */
  readonly rate: bigint;
  readonly address: string;
  readonly checkout: Checkout;
  readonly createdAtMs: number;
  expiresAtMs: number;
  monitoredUntilMs: number;
  metadata: Readonly<Record<string, unknown>>;
  status: InvoiceStatus;
  additionalStatus: AdditionalStatus;
  isArchived: boolean;
  readonly payments: CoinPayment[];
}

export type InvoiceEvent =
  | { readonly type: 'InvoiceCreated' }
  | { readonly type: 'InvoiceReceivedPayment' | 'InvoicePaymentSettled'; readonly payment: CoinPayment }
  | { readonly type: 'InvoiceProcessing'; readonly overPaid: boolean }
  | { readonly type: 'InvoiceSettled'; readonly overPaid: boolean; readonly manuallyMarked: boolean }
  | { readonly type: 'InvoiceExpired'; readonly partiallyPaid: boolean }
  | { readonly type: 'InvoiceInvalid'; readonly manuallyMarked: boolean };

export function orderIdOf({ metadata }: Invoice): string | null {
  const orderId = metadata['orderId'];
  return typeof orderId === 'string' ? orderId : null;
}

export function coinsAsked({ amountMinor, currency, rate }: Invoice): bigint {
  return coinsFor(amountMinor, currency, rate);
}

/** Seen and not replaced, confirmed or not. */
export function countedPayments({ payments }: Invoice): CoinPayment[] {
  return payments.filter(({ status }) => status !== 'Invalid');
}

export function coinsPaid(invoice: Invoice, onlyConfirmed = false): bigint {
  return countedPayments(invoice)
    .filter(({ status }) => !onlyConfirmed || status === 'Settled')
    .reduce((sum, { satoshis }) => sum + satoshis, 0n);
}

/** In minor units of the invoice's currency, rounded once. */
export function paidMinor(invoice: Invoice, onlyConfirmed = false): bigint {
  return roundWorth(worthOf(coinsPaid(invoice, onlyConfirmed), invoice.currency, invoice.rate));
}

/** Compared unrounded: a satoshi less than asked for is too little. */
export function isUnderPaid(invoice: Invoice, onlyConfirmed = false): boolean {
  const asked =
    invoice.amountMinor * worthScale * BigInt(Math.round((100 - invoice.checkout.paymentTolerance) * 100));
  return worthOf(coinsPaid(invoice, onlyConfirmed), invoice.currency, invoice.rate) * 10_000n < asked;
}

export function isOverPaid(invoice: Invoice): boolean {
  return coinsPaid(invoice) > coinsAsked(invoice);
}
