import type { House } from '../house.js';
import { ledgerBalances } from '../ledger-balances.js';
import type { Merchant } from '../merchant.js';

/** What the provider's journal, our ledger and our answers say of one payment. Amounts in minor units. */
export interface Books {
  readonly holds: readonly number[];
  readonly charges: readonly number[];
  readonly releases: readonly number[];
  readonly refunds: readonly number[];
  /** What our ledger says the provider holds for the merchant. */
  readonly inLedgerMinor: number;
  /** By GET. */
  readonly receivedMinor: number;
  readonly refundedMinor: number;
  /** The types of its events, oldest first. */
  readonly events: readonly string[];
}

export async function readBooks(house: House, merchant: Merchant, id: string): Promise<Books> {
  const moved = (kind: 'hold' | 'charge' | 'release' | 'refund') => house.sandbox.moved(id, kind);
  const payment = await merchant.payment(id);
  const events = await merchant.get(`/v1/payments/${id}/events`);
  const balances = Object.entries(await ledgerBalances(house, id));
  return {
    holds: await moved('hold'),
    charges: await moved('charge'),
    releases: await moved('release'),
    refunds: await moved('refund'),
    inLedgerMinor: balances
      .filter(([account]) => account.startsWith('provider:'))
      .reduce((sum, [, amount]) => sum + amount, 0),
    receivedMinor: payment['amount_received'] as number,
    refundedMinor: payment['amount_refunded'] as number,
    events: (events.body['data'] as { type: string }[]).map(({ type }) => type),
  };
}
