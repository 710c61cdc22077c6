import { z } from 'zod';
import { toMajorUnits } from '../../domain/money.js';
import type { ProviderError } from '../../domain/outcome.js';
import type { OperationReference, StartRequest } from '../connector.js';
import type { Answer, BtcpayClient, NoReply } from './client.js';
import { isInvoiceNotFound } from './codes.js';
import {
  forPeople,
  invoiceSchema,
  invoicesSchema,
  paymentMethodsSchema,
  type Invoice,
  type PaymentMethod,
} from './replies.js';

/** An invoice with all that was paid for it. */
export interface InvoiceState {
  readonly invoice: Invoice;
  readonly methods: readonly PaymentMethod[];
}

export type LookUp =
  /** All invoices of our reference, the oldest first; none where BTCPay knows none. */
  | { readonly kind: 'found'; readonly states: readonly InvoiceState[] }
  | NoReply
  /** A readable reply that is about something else. */
  | { readonly kind: 'foreign'; readonly error: ProviderError };

/** A raced start makes two; more than this nobody makes by accident. */
const MAX_INVOICES = 5;

/**
 * Everything BTCPay knows under our reference. BTCPay's own key for an invoice is random, so ours is its
 * `metadata.orderId`, which it indexes and searches exactly. Archived invoices can be paid too, and are asked for.
 */
export async function lookUp(
  client: BtcpayClient,
  { reference, providerReference }: Pick<OperationReference, 'reference' | 'providerReference'>,
): Promise<LookUp> {
  const query = new URLSearchParams({ orderId: reference, includeArchived: 'true', take: '20' });
  const listed = await client.call({
    method: 'GET',
    path: `/invoices?${query.toString()}`,
    reads: invoicesSchema,
  });
  if (listed.kind !== 'reply') return listed;
  const invoices = [...listed.value];
  if (providerReference !== null && !invoices.some(({ id }) => id === providerReference)) {
    const known = await getInvoice(client, providerReference);
    if (known.kind !== 'reply') return known;
    invoices.push(known.value);
  }
  const foreign = whatIsForeign(invoices, client.credential.storeId, reference);
  if (foreign) return { kind: 'foreign', error: foreign };
  return readStates(client, invoices.sort(byAge));
}

/** An invoice that we know of, and the list does not show: its order id was changed, or it is gone. */
async function getInvoice(client: BtcpayClient, id: string): Promise<Answer<Invoice>> {
  const path = `/invoices/${encodeURIComponent(id)}`;
  const answer = await client.call({ method: 'GET', path, reads: invoiceSchema });
  if (answer.kind !== 'refused' || !isInvoiceNotFound(answer.refusal)) return answer;
  const message = 'an invoice that BTCPay had made is gone from the store';
  return { kind: 'unclear', error: { code: 'invoice_gone', message } };
}

function whatIsForeign(
  invoices: readonly Invoice[],
  storeId: string,
  reference: string,
): ProviderError | undefined {
  if (invoices.some((invoice) => invoice.storeId !== storeId)) {
    return { code: 'other_merchant', message: 'the reply is about an invoice of another store' };
  }
  if (invoices.some(({ metadata }) => metadata.orderId !== reference)) {
    return { code: 'other_reference', message: 'the reply is about another order than was asked for' };
  }
  if (invoices.length > MAX_INVOICES) {
    return {
      code: 'too_many_invoices',
      message: `the store has ${invoices.length} invoices of one reference`,
    };
  }
  return undefined;
}

async function readStates(client: BtcpayClient, invoices: readonly Invoice[]): Promise<LookUp> {
  const states: InvoiceState[] = [];
  for (const invoice of invoices) {
    const path = `/invoices/${invoice.id}/payment-methods`;
    const methods = await client.call({ method: 'GET', path, reads: paymentMethodsSchema });
    if (methods.kind !== 'reply') return methods;
    states.push({ invoice, methods: methods.value });
  }
  return { kind: 'found', states };
}

/** Older first; of the same second, the same one for everybody who asks. */
function byAge(left: Invoice, right: Invoice): number {
  return left.createdTime - right.createdTime || (left.id < right.id ? -1 : 1);
}

/** How long an unconfirmed payment may take to be confirmed, and BTCPay goes on counting it: its own default. */
const MONITORING_MINUTES = 24 * 60;

/**
 * `expirationMinutes` are whole ones, from the server's clock, so that the invoice ends no later than our offer.
 * All that the store has its own defaults for, and that changes what counts as paid, is said.
 */
export function createInvoice(
  client: BtcpayClient,
  request: StartRequest,
  expirationMinutes: number,
): Promise<Answer<Invoice>> {
  const { paymentMethod, speedPolicy } = client.credential;
  const body = {
    amount: toMajorUnits(request),
    currency: request.currency,
    metadata: { orderId: request.reference, itemDesc: forPeople(request.subject, 200) },
    checkout: {
      paymentMethods: [paymentMethod],
      defaultPaymentMethod: paymentMethod,
      lazyPaymentMethods: false,
      speedPolicy,
      expirationMinutes,
      monitoringMinutes: MONITORING_MINUTES,
      paymentTolerance: 0,
      redirectURL: request.returnUrl,
      redirectAutomatically: false,
    },
  };
  return client.call({ method: 'POST', path: '/invoices', body, reads: invoiceSchema });
}

/** Its page shows no address any more, and BTCPay calls it paid no more; what comes to the address is still seen. */
export function markInvalid(client: BtcpayClient, id: string): Promise<Answer<Invoice>> {
  const body = { status: 'Invalid' };
  return client.call({ method: 'POST', path: `/invoices/${id}/status`, body, reads: invoiceSchema });
}

/** A look-up of an order that cannot be. */
export function askForNothing(client: BtcpayClient): Promise<Answer<readonly unknown[]>> {
  return client.call({
    method: 'GET',
    path: '/invoices?orderId=probe&take=1',
    reads: z.array(z.unknown()),
  });
}
