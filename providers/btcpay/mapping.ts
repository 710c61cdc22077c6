import type { NoReply } from './client.js';
import type {
  CloseOutcome,
  NotExecuted,
  Pending,
  ProviderError,
  QueryOutcome,
  StartOutcome,
  Unknown,
} from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import { coins } from './coins.js';
import { isConfigRefusal } from './codes.js';
import type { BtcpayCredential } from './credentials.js';
import { isPositive, toMinorUnits } from './decimal.js';
import { countedPayments, sumPaid, type PaidSum } from './paid-sum.js';
import { readOffer } from './offer.js';
import type { InvoiceState, LookUp } from './invoice-calls.js';

/** What an account's position is read by. */
export interface Reading {
  readonly credential: BtcpayCredential;
  /** After an invoice's end: for a transaction that was sent in time, and for clocks. */
  readonly inFlightMs: number;
  readonly nowMs: number;
}

type Request = Pick<
  OperationReference,
  'reference' | 'amountMinor' | 'currency' | 'providerReference' | 'offerEndsAtMs'
>;

export function mapLookUp(found: LookUp, request: Request, reading: Reading): QueryOutcome {
  if (found.kind === 'found') return mapStates(found.states, request, reading);
  if (found.kind === 'foreign') return unknown(found.error);
  return mapNoReply(found);
}

/** A look-up that BTCPay refuses, whatever the reason, says nothing about money: it is never `failed`. */
export function mapNoReply(answer: NoReply): NotExecuted | Unknown {
  if (answer.kind === 'not_delivered') return { kind: 'not_executed', error: answer.error };
  return unknown(answer.error);
}

/**
 * What became of a reference, from all of its invoices together: a payer who found two of them has paid for one
 * order. The payments decide, not the invoices' words for them: an invoice that is Expired or Invalid may hold money,
 * and a Settled one none.
 */
export function mapStates(states: readonly InvoiceState[], request: Request, reading: Reading): QueryOutcome {
  const [oldest] = states;
  if (!oldest) return { kind: 'not_found' };
  const wrong = states.map((state) => contradiction(state, request)).find((error) => error !== undefined);
  if (wrong) return unknown(wrong);
  const sum = sumPaid(states, coins[reading.credential.paymentMethod]);
  if (!sum.isTouched) return mapUntouched(states, request, reading);
  const settledMinor = isPositive(sum.settled) ? toMinorUnits(sum.settled, request.currency) : 0;
  if (settledMinor === undefined) return unknown(unreadableSum);
  if (settledMinor >= request.amountMinor) return succeeded(sum, settledMinor, request, reading);
  if (sum.isProcessing) return { kind: 'pending', why: 'processing', providerReference: oldest.invoice.id };
  // A part: the payer may still send the rest, and part payments add up (payment model, rule 11).
  if (!states.every((state) => isOver(state, reading))) return awaitingPayer(states, request, reading);
  if (settledMinor > 0) return succeeded(sum, settledMinor, request, reading);
  return unknown({ code: 'paid_dust', message: 'less than the smallest unit of the currency was paid' });
}

/** Undefined where the invoice is one of ours, and says the same about money everywhere. */
function contradiction(state: InvoiceState, request: Request): ProviderError | undefined {
  const { currency, type, status, additionalStatus, amount, paidAmount } = state.invoice;
  if (currency !== request.currency || type !== 'Standard' || !isPositive(amount)) {
    return { code: 'other_terms', message: 'the invoice is not on the terms on which we make one' };
  }
  const counted = countedPayments(state);
  if (counted.length === 0 && paidAmount && isPositive(paidAmount)) {
    return { code: 'unread_payments', message: 'the invoice was paid, and its payments do not show it' };
  }
  if (status === 'Settled' && counted.length === 0) {
    const code = additionalStatus === 'Marked' ? 'marked_settled' : 'settled_unpaid';
    return { code, message: 'the invoice is called settled, and no payment shows' };
  }
  return undefined;
}

function mapUntouched(states: readonly InvoiceState[], request: Request, reading: Reading): QueryOutcome {
  return states.every((state) => isUnpayable(state, reading))
    ? { kind: 'closed' }
    : awaitingPayer(states, request, reading);
}

/**
 * An address can be paid for ever, and BTCPay sees it for ever. "Unpayable" is what is fair to say: the terms have
 * ended, what was sent in time has had time to show, and BTCPay has stopped waiting (it stopped monitoring, or the
 * invoice is marked invalid). Money that comes later is late money (payment model, rule 12): a webhook tells of it.
 */
function isUnpayable(state: InvoiceState, reading: Reading): boolean {
  const { status, monitoringExpiration } = state.invoice;
  if (!isOver(state, reading)) return false;
  return status === 'Invalid' || (status === 'Expired' && reading.nowMs >= monitoringExpiration);
}

/** No more money is expected: its terms have ended, and what was in flight has arrived. */
function isOver({ invoice }: InvoiceState, { inFlightMs, nowMs }: Reading): boolean {
  if (invoice.status === 'Settled') return true;
  const hasEnded = invoice.status === 'Expired' || invoice.status === 'Invalid';
  return hasEnded && nowMs >= invoice.expirationTime + inFlightMs;
}

/** Of several invoices the oldest is the one that was, or will be, shown. */
function awaitingPayer(states: readonly InvoiceState[], request: Request, reading: Reading): Pending {
  const [oldest] = states;
  const waiting = { kind: 'pending', why: 'user_action' } as const;
  if (!oldest) return waiting;
  const pending = { ...waiting, providerReference: oldest.invoice.id };
  if (!isPayable(oldest, reading.nowMs)) return pending;
  const read = readOffer(oldest, reading.credential, request);
  return read.kind === 'offer' ? { ...pending, offer: read.offer } : pending;
}

export function isPayable({ invoice }: InvoiceState, nowMs: number): boolean {
  return invoice.status === 'New' && nowMs < invoice.expirationTime;
}

function succeeded(sum: PaidSum, amountMinor: number, request: Request, reading: Reading): QueryOutcome {
  const { invoiceId, paidAtMs } = sum;
  if (invoiceId === null) return unknown(unreadableSum);
  return {
    kind: 'succeeded',
    paid: {
      reference: request.reference,
      merchant: reading.credential.storeId,
      amountMinor,
      currency: request.currency,
      // BTCPay sends nothing back by itself: a refund there is a page on which the payer claims it.
      refundedMinor: 0,
      providerReference: invoiceId,
      paidAtMs,
    },
  };
}

const unreadableSum: ProviderError = {
  code: 'unreadable_sum',
  message: 'what was paid cannot be added up',
};

export function closeFromQuery(queried: QueryOutcome): CloseOutcome {
  return queried.kind === 'failed' ? unknown(queried.error) : queried;
}

/** What a look-up inside `start` found, where that is no offer: only the caller's own query can say it all. */
export function startFromQuery(queried: QueryOutcome): StartOutcome {
  if (queried.kind !== 'closed' && queried.kind !== 'not_found') return queried;
  return unknown({ code: 'invoice_over', message: 'the invoice of this reference can no longer be paid' });
}

/**
 * A look-up that `start` makes before it makes anything: where BTCPay cannot be asked, nothing is made. A key that is
 * refused can make nothing either, and what an earlier call may have made was never shown to anybody.
 */
export function startWithoutLookUp(found: Exclude<LookUp, { kind: 'found' }>): StartOutcome {
  if (found.kind === 'foreign') return unknown(found.error);
  if (found.kind === 'refused' && isConfigRefusal(found.refusal)) {
    return { kind: 'failed', reason: 'config', error: found.error };
  }
  return { kind: 'not_executed', error: found.error };
}

export function unknown(error: ProviderError, recover: 'query' | 'replay' = 'query'): Unknown {
  return { kind: 'unknown', recover, error };
}
