import type { OperationReference } from '../connector.js';
import type { ProviderError } from '../../domain/outcome.js';
import { fromPaypalAmount } from './amounts.js';
import { isLoopback, type PaypalCredential } from './credentials.js';
import { isRecord, recordOf, recordsOf, textOf, timeOf, unreadable, type Reply } from './reply.js';

const orderStates = ['CREATED', 'SAVED', 'APPROVED', 'VOIDED', 'COMPLETED', 'PAYER_ACTION_REQUIRED'] as const;
export type OrderState = (typeof orderStates)[number];

const captureStates = [
  'COMPLETED',
  'DECLINED',
  'PARTIALLY_REFUNDED',
  'PENDING',
  'REFUNDED',
  'FAILED',
] as const;
const authorizationStates = [
  'CREATED',
  'CAPTURED',
  'DENIED',
  'PARTIALLY_CAPTURED',
  'VOIDED',
  'PENDING',
  'EXPIRED',
] as const;
const refundStates = ['CANCELLED', 'FAILED', 'PENDING', 'COMPLETED'] as const;

/** Money of an order: a capture, an authorization or a refund. */
export interface Payment<State extends string> {
  readonly id: string;
  readonly state: State;
  readonly amountMinor: number;
  readonly currency: string;
  /** Our reference, where it bears one of its own; else that of the order. */
  readonly reference: string | undefined;
  readonly madeAtMs: number | undefined;
  readonly endsAtMs: number | undefined;
}

/** An order as PayPal says it is, held against what we asked for. */
export interface Order {
  readonly id: string;
  readonly state: OrderState;
  readonly amountMinor: number;
  readonly currency: string;
  /** Where the payer approves it; undefined where PayPal names no page that can be shown. */
  readonly approvalUrl: string | undefined;
  readonly captures: readonly Payment<(typeof captureStates)[number]>[];
  readonly authorizations: readonly Payment<(typeof authorizationStates)[number]>[];
  readonly refunds: readonly Payment<(typeof refundStates)[number]>[];
}

export type ReadOrder =
  | { readonly kind: 'order'; readonly order: Order }
  | { readonly kind: 'other'; readonly error: ProviderError };

export const isOrderId = (text: string): boolean => /^[A-Z0-9]{8,36}$/.test(text);

/** Undefined members, another reference or another payee: whatever cannot be read or is not ours is no answer. */
export function readOrder(reply: Reply, of: OperationReference, credential: PaypalCredential): ReadOrder {
  const id = textOf(reply, 'id');
  const state = orderStates.find((known) => known === reply['status']);
  const units = recordsOf(reply, 'purchase_units');
  const [unit] = units ?? [];
  if (!id || !isOrderId(id) || !state || !unit || units?.length !== 1) return other(unreadable('an order'));
  if (of.providerReference !== null && isOrderId(of.providerReference) && id !== of.providerReference) {
    return other({ code: 'other_order', message: 'the reply is about another order' });
  }
  if (!bearsOurs(textOf(unit, 'custom_id') ?? '', textOf(reply, 'intent'), of)) {
    return other({ code: 'other_reference', message: 'the order bears another reference or intent' });
  }
  const payee = textOf(recordOf(unit, 'payee'), 'merchant_id');
  if (payee !== credential.merchantId) {
    return other({
      code: 'other_merchant',
      message: 'the order pays another account, or does not say which',
    });
  }
  const amount = recordOf(unit, 'amount');
  const currency = textOf(amount, 'currency_code') ?? '';
  const amountMinor = fromPaypalAmount(amount?.['value'], currency);
  if (amountMinor === undefined) return other(unreadable('the order’s amount'));
  const payments = recordOf(unit, 'payments');
  const captures = readPayments(payments, 'captures', captureStates);
  const authorizations = readPayments(payments, 'authorizations', authorizationStates);
  const refunds = readPayments(payments, 'refunds', refundStates);
  if (!captures || !authorizations || !refunds) return other(unreadable('what was paid'));
  const approvalUrl = readApprovalUrl(reply, credential);
  return {
    kind: 'order',
    order: { id, state, amountMinor, currency, approvalUrl, captures, authorizations, refunds },
  };
}

/** What a capture is asked about by its own reference belongs to the authorization of the same payment. */
function bearsOurs(
  customId: string,
  intent: string | undefined,
  { kind, reference }: OperationReference,
): boolean {
  if (kind === 'capture')
    return intent === 'AUTHORIZE' && customId.slice(0, 26) === `${reference.slice(0, 25)}a`;
  return customId === reference && intent === (kind === 'authorize' ? 'AUTHORIZE' : 'CAPTURE');
}

function other(error: ProviderError): ReadOrder {
  return { kind: 'other', error };
}

function readPayments<State extends string>(
  payments: Reply | undefined,
  member: string,
  states: readonly State[],
): Payment<State>[] | undefined {
  const listed = recordsOf(payments, member);
  const read = listed?.map((payment) => readPayment(payment, states));
  return read?.every((payment) => payment !== undefined) ? read : undefined;
}

export function readPayment<State extends string>(
  payment: Reply,
  states: readonly State[],
): Payment<State> | undefined {
  const id = textOf(payment, 'id');
  const state = states.find((known) => known === payment['status']);
  const amount = recordOf(payment, 'amount');
  const currency = textOf(amount, 'currency_code');
  const amountMinor = currency === undefined ? undefined : fromPaypalAmount(amount?.['value'], currency);
  if (!id || !state || currency === undefined || amountMinor === undefined) return undefined;
  const reference = textOf(payment, 'invoice_id') ?? textOf(payment, 'custom_id');
  const madeAtMs = timeOf(payment, 'create_time');
  return {
    id,
    state,
    amountMinor,
    currency,
    reference,
    madeAtMs,
    endsAtMs: timeOf(payment, 'expiration_time'),
  };
}

export function readRefund(payment: Reply): Order['refunds'][number] | undefined {
  return readPayment(payment, refundStates);
}

export function readCapture(payment: Reply): Order['captures'][number] | undefined {
  return readPayment(payment, captureStates);
}

const approvalRelations = ['payer-action', 'approve'];
const paypalHosts = { live: 'www.paypal.com', test: 'www.sandbox.paypal.com' } as const;

/** Payers are sent to PayPal's own pages alone, or to a stand-in's on this machine. */
function readApprovalUrl(reply: Reply, { mode, apiUrl }: PaypalCredential): string | undefined {
  const links = recordsOf(reply, 'links') ?? [];
  const link = links.find(({ rel }) => approvalRelations.includes(String(rel)));
  const href = isRecord(link) ? (textOf(link, 'href') ?? '') : '';
  if (!URL.canParse(href)) return undefined;
  const { protocol, hostname, origin } = new URL(href);
  const isPaypal = protocol === 'https:' && hostname === paypalHosts[mode];
  const isStandIn = isLoopback(hostname) && origin === new URL(apiUrl).origin;
  return isPaypal || isStandIn ? href : undefined;
}
