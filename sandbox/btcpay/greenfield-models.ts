import { formatFixed, formatRate, minorDigits } from './coin-amounts.js';
import {
  coinsAsked,
  coinsPaid,
  countedPayments,
  paidMinor,
  type CoinPayment,
  type Invoice,
} from './invoice.js';
import { markable } from './invoice-watcher.js';

type Json = Record<string, unknown>;

const seconds = (epochMs: number): number => Math.floor(epochMs / 1000);
const formatCoins = (satoshis: bigint): string => formatFixed(satoshis, 8);

/** InvoiceData of the Greenfield API: amounts are decimal strings, times seconds since the epoch. */
export function invoiceModel(invoice: Invoice, pageUrl: string): Json {
  const { checkout, currency, metadata } = invoice;
  const digits = minorDigits(currency);
  return {
    id: invoice.id,
    storeId: invoice.storeId,
    amount: formatFixed(invoice.amountMinor, digits),
    paidAmount: formatFixed(paidMinor(invoice), digits),
    currency,
    type: 'Standard',
    checkoutLink: pageUrl,
    createdTime: seconds(invoice.createdAtMs),
    expirationTime: seconds(invoice.expiresAtMs),
    monitoringExpiration: seconds(invoice.monitoredUntilMs),
    status: invoice.status,
    additionalStatus: invoice.additionalStatus,
    availableStatusesForManualMarking: markable(invoice),
    archived: invoice.isArchived,
    metadata,
    checkout: {
      speedPolicy: checkout.speedPolicy,
      paymentMethods: checkout.paymentMethods,
      defaultPaymentMethod: null,
      expirationMinutes: Math.round((invoice.expiresAtMs - invoice.createdAtMs) / 60_000),
      monitoringMinutes: Math.round((invoice.monitoredUntilMs - invoice.expiresAtMs) / 60_000),
      paymentTolerance: checkout.paymentTolerance,
      redirectURL: checkout.redirectUrl,
      redirectAutomatically: false,
      defaultLanguage: null,
      lazyPaymentMethods: null,
    },
    receipt: { enabled: null, showQR: null, showPayments: null },
  };
}

/** InvoicePaymentMethodDataModel: one method, Bitcoin on its own chain. */
export function paymentMethodModels(invoice: Invoice, onlyAccounted: boolean): Json[] {
  const asked = coinsAsked(invoice);
  const paid = coinsPaid(invoice);
  const due = asked - paid;
  const payments = onlyAccounted ? countedPayments(invoice) : invoice.payments;
  return [
    {
      activated: true,
      paymentMethodId: 'BTC-CHAIN',
      currency: 'BTC',
      destination: invoice.address,
      paymentLink: paymentLink(invoice, due > 0n ? due : 0n),
      rate: formatRate(invoice.rate),
      paymentMethodPaid: formatCoins(paid),
      totalPaid: formatCoins(paid),
      due: formatCoins(due),
      amount: formatCoins(asked),
      paymentMethodFee: formatCoins(0n),
      payments: payments.map((payment) => paymentModel(invoice, payment)),
      additionalData: { keyPath: '0/0', payjoinEnabled: false, accountDerivation: null },
    },
  ];
}

/** BIP 21. */
export function paymentLink(invoice: Invoice, satoshis: bigint): string {
  return `bitcoin:${invoice.address}?amount=${formatCoins(satoshis)}`;
}

export function paymentModel(
  { address }: Invoice,
  { id, satoshis, receivedAtMs, status }: CoinPayment,
): Json {
  return {
    id,
    receivedDate: seconds(receivedAtMs),
    value: formatCoins(satoshis),
    fee: formatCoins(0n),
    status,
    destination: address,
  };
}
