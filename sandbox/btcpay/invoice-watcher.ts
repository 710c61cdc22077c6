import { countedPayments, isOverPaid, isUnderPaid, type Invoice, type InvoiceEvent } from './invoice.js';

/**
 * Moves an invoice to where its payments and the time have it, and tells what happened on the way: BTCPay Server's
 * InvoiceWatcher (2.x), step by step. Run again it finds nothing to do.
 */
export function watch(invoice: Invoice, nowMs: number): InvoiceEvent[] {
  const events: InvoiceEvent[] = [];
  if (invoice.status === 'New' && nowMs >= invoice.expiresAtMs) {
    invoice.status = 'Expired';
    events.push({ type: 'InvoiceExpired', partiallyPaid: invoice.additionalStatus === 'PaidPartial' });
  }
  if (invoice.status === 'New' || invoice.status === 'Expired') takePayments(invoice, events);
  if (invoice.status === 'Processing') takeBack(invoice);
  if (invoice.status === 'Processing') confirm(invoice, nowMs, events);
  return events;
}

function takePayments(invoice: Invoice, events: InvoiceEvent[]): void {
  const hasPayment = countedPayments(invoice).length > 0;
  if (!isUnderPaid(invoice)) {
    if (invoice.status === 'Expired') invoice.additionalStatus = 'PaidLate';
    else {
      invoice.status = 'Processing';
      invoice.additionalStatus = isOverPaid(invoice) ? 'PaidOver' : 'None';
      events.push({ type: 'InvoiceProcessing', overPaid: isOverPaid(invoice) });
    }
  } else if (hasPayment) invoice.additionalStatus = 'PaidPartial';
}

/** A payment that was replaced, or one more. */
function takeBack(invoice: Invoice): void {
  if (isUnderPaid(invoice)) {
    invoice.status = 'New';
    invoice.additionalStatus = countedPayments(invoice).length > 0 ? 'PaidPartial' : 'None';
  } else invoice.additionalStatus = isOverPaid(invoice) ? 'PaidOver' : 'None';
}

function confirm(invoice: Invoice, nowMs: number, events: InvoiceEvent[]): void {
  if (!isUnderPaid(invoice, true)) {
    invoice.status = 'Settled';
    events.push({ type: 'InvoiceSettled', overPaid: isOverPaid(invoice), manuallyMarked: false });
  } else if (nowMs >= invoice.monitoredUntilMs) {
    invoice.status = 'Invalid';
    events.push({ type: 'InvoiceInvalid', manuallyMarked: false });
  }
}

/** By hand: whatever was paid. False where BTCPay does not let it be done. */
export function mark(invoice: Invoice, status: 'Invalid' | 'Settled'): InvoiceEvent | undefined {
  if (!markable(invoice).includes(status)) return undefined;
  invoice.status = status;
  invoice.additionalStatus = 'Marked';
  return status === 'Settled'
    ? { type: 'InvoiceSettled', overPaid: isOverPaid(invoice), manuallyMarked: true }
    : { type: 'InvoiceInvalid', manuallyMarked: true };
}

export function markable({ status, additionalStatus }: Invoice): ('Settled' | 'Invalid')[] {
  const isMarked = additionalStatus === 'Marked';
  const canSettle = status !== 'Settled';
  const canInvalidate = status === 'New' || status === 'Processing' || status === 'Expired';
  return [
    ...(canSettle ? (['Settled'] as const) : []),
    ...(canInvalidate || (isMarked && status !== 'Invalid') ? (['Invalid'] as const) : []),
  ];
}
