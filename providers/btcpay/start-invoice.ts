import type { NotExecuted, ProviderError, StartOutcome } from '../../domain/outcome.js';
import type { StartRequest } from '../connector.js';
import type { Answer, BtcpayClient } from './client.js';
import { createRefusal } from './codes.js';
import { createInvoice, lookUp, markInvalid, type InvoiceState } from './invoice-calls.js';
import {
  isPayable,
  mapStates,
  startFromQuery,
  startWithoutLookUp,
  unknown,
  type Reading,
} from './mapping.js';
import { readOffer } from './offer.js';
import { countedPayments } from './paid-sum.js';
import type { Invoice } from './replies.js';

const MINUTE_MS = 60_000;

/**
 * Adopts the invoice of our reference, or makes it. After a create whose answer was lost, as after one that was
 * answered, the reference is looked up again: only what BTCPay then has is offered.
 */
export async function startInvoice(
  client: BtcpayClient,
  request: StartRequest,
  readingNow: () => Reading,
): Promise<StartOutcome> {
  const before = await lookUp(client, request);
  if (before.kind !== 'found') return startWithoutLookUp(before);
  if (before.states.length > 0) return offerOldest(client, before.states, request, readingNow());

  const minutes = Math.floor((request.offerEndsAtMs - readingNow().nowMs) / MINUTE_MS);
  if (minutes < 1) return tooLate;
  const created = await createInvoice(client, request, minutes);
  const ended = whatEndsIt(created);
  if (ended) return ended;

  const providerReference = created.kind === 'reply' ? created.value.id : null;
  const after = await lookUp(client, { reference: request.reference, providerReference });
  if (after.kind === 'found' && after.states.length > 0) {
    return offerOldest(client, after.states, request, readingNow());
  }
  const error = created.kind === 'reply' ? unseen : created.error;
  return { ...unknown(error, 'replay'), ...(providerReference === null ? {} : { providerReference }) };
}

const tooLate: NotExecuted = {
  kind: 'not_executed',
  error: { code: 'too_late', message: 'less than a minute is left, and BTCPay makes no shorter invoice' },
};

const unseen: ProviderError = {
  code: 'unseen_invoice',
  message: 'BTCPay made an invoice and could not be asked about it',
};

/** A create that proves that it made nothing; undefined where it may have made an invoice. */
function whatEndsIt(created: Answer<Invoice>): StartOutcome | undefined {
  if (created.kind === 'not_delivered') return { kind: 'not_executed', error: created.error };
  const reason = created.kind === 'refused' ? createRefusal(created.refusal) : undefined;
  return reason && created.kind === 'refused' ? { kind: 'failed', reason, error: created.error } : undefined;
}

/** The oldest invoice is the one that is offered, by whoever asks; the others must not be on offer beside it. */
async function offerOldest(
  client: BtcpayClient,
  states: readonly InvoiceState[],
  request: StartRequest,
  reading: Reading,
): Promise<StartOutcome> {
  const outcome = mapStates(states, request, reading);
  const [oldest, ...newer] = states;
  if (!oldest || outcome.kind !== 'pending' || outcome.why !== 'user_action') return startFromQuery(outcome);
  for (const duplicate of newer.filter((state) => isUnpaidOffer(state))) {
    const marked = await markInvalid(client, duplicate.invoice.id);
    if (marked.kind !== 'reply') return unknown(marked.error, 'replay');
  }
  if (outcome.offer) return outcome;
  const known = { providerReference: oldest.invoice.id };
  if (!isPayable(oldest, reading.nowMs)) return { ...unknown(invoiceOver), ...known };
  const read = readOffer(oldest, reading.credential, request);
  if (read.kind === 'other_chain') return { kind: 'failed', reason: 'config', error: read.error, ...known };
  return { ...unknown(read.kind === 'unreadable' ? read.error : invoiceOver, 'replay'), ...known };
}

function isUnpaidOffer(state: InvoiceState): boolean {
  return state.invoice.status === 'New' && countedPayments(state).length === 0;
}

const invoiceOver: ProviderError = {
  code: 'invoice_over',
  message: 'the invoice of this reference can no longer be offered',
};
