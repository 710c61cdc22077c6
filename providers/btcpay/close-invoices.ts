import type { CloseOutcome } from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import type { BtcpayClient } from './client.js';
import { lookUp, markInvalid, type InvoiceState } from './invoice-calls.js';
import { closeFromQuery, mapLookUp, type Reading } from './mapping.js';
import { countedPayments } from './paid-sum.js';

/**
 * Marks invalid what nothing was paid for, and says what BTCPay has then. An address cannot be taken back: before
 * its terms have ended a payer may have sent already, so that the answer stays "pending" until then. An API key that
 * may not mark invoices leaves it to BTCPay's own end, a day later.
 */
export async function closeInvoices(
  client: BtcpayClient,
  request: OperationReference,
  readingNow: () => Reading,
): Promise<CloseOutcome> {
  const before = await lookUp(client, request);
  const toMark = before.kind === 'found' ? before.states.filter(isUnpaidAndOpen) : [];
  if (toMark.length === 0) return closeFromQuery(mapLookUp(before, request, readingNow()));
  for (const { invoice } of toMark) await markInvalid(client, invoice.id);
  // Whatever became of the marks: it is the look-up that tells.
  return closeFromQuery(mapLookUp(await lookUp(client, request), request, readingNow()));
}

function isUnpaidAndOpen(state: InvoiceState): boolean {
  const { status } = state.invoice;
  return (status === 'New' || status === 'Expired') && countedPayments(state).length === 0;
}
