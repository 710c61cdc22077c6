import type { CoinPayment, Invoice } from './invoice.js';

type Json = Record<string, unknown>;

/** The whole invoice for a line of the journal; integers too large for JSON as text. */
export function toSnapshot(invoice: Invoice): Json {
  return {
    ...invoice,
    amountMinor: String(invoice.amountMinor),
    rate: String(invoice.rate),
    payments: invoice.payments.map((payment) => ({ ...payment, satoshis: String(payment.satoshis) })),
  };
}

/** Undefined for a line that is not about an invoice. */
export function fromSnapshot(entry: Readonly<Json>): Invoice | undefined {
  const snapshot = entry['invoice'] as (Invoice & Json) | undefined;
  if (snapshot === undefined) return undefined;
  return {
    ...snapshot,
    amountMinor: BigInt(snapshot.amountMinor),
    rate: BigInt(snapshot.rate),
    payments: snapshot.payments.map((payment): CoinPayment => ({
      ...payment,
      satoshis: BigInt(payment.satoshis),
    })),
  };
}
