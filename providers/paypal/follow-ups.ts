import type {
  Failed,
  FollowUpLookup,
  FollowUpOutcome,
  MovedEvidence,
  NotFound,
  ProviderError,
} from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import { toPaypalAmount } from './amounts.js';
import type { Answer, PaypalClient } from './client.js';
import { captureCodes, laterCodes, refundCodes, voidCodes } from './codes.js';
import { readRefunded } from './map-order.js';
import type { Order } from './order.js';
import { findOrder, inFull } from './order-calls.js';
import { unknown, unreadable } from './reply.js';

/** What an order shows of one follow-up; `not_found`: it shows none, and it can still be asked for. */
type Shown = FollowUpLookup;

/** One kind of act on the money of an order: what shows it, what asks for it, and which codes refuse it. */
interface Act {
  readonly show: (order: Order, request: FollowUpRequest) => Shown;
  readonly send: (
    client: PaypalClient,
    order: Order,
    request: FollowUpRequest,
    value: string,
  ) => Promise<Answer> | undefined;
  readonly codes: ReadonlyMap<string, Failed['reason']>;
}

export function followUp(act: Act) {
  return {
    start: (client: PaypalClient, request: FollowUpRequest) => start(act, client, request),
    query: (client: PaypalClient, request: FollowUpRequest) => look(act, client, request),
  };
}

/** The order is asked before and, whatever the call was told, after: it shows what really happened. */
async function start(act: Act, client: PaypalClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  const value = toPaypalAmount(request.amountMinor, request.currency);
  if (value === undefined) return failed('invalid', unsendable);
  const found = await findOrder(client, request.of);
  if (found.kind === 'not_found') return unknown(noOrder);
  if (found.kind !== 'order') return found;
  const before = act.show(found.order, request);
  if (before.kind !== 'not_found') return before;
  const sent = act.send(client, found.order, request, value);
  if (!sent) return failed('conflict', nothingThere);
  const answer = await sent;
  if (answer.kind === 'not_executed') return answer;
  if (answer.kind === 'denied') return { kind: 'not_executed', error: answer.error };
  const after = await look(act, client, request);
  if (after.kind === 'succeeded' || after.kind === 'failed' || after.kind === 'pending') return after;
  return afterNothing(act, request, answer, after);
}

/**
 * It does not show, or could not be asked: only a listed refusal of what does not show is a refusal, and none of a
 * repetition, because an order lags behind what an earlier call has done.
 */
function afterNothing(
  act: Act,
  { mayHaveBeenSent }: FollowUpRequest,
  answer: Extract<Answer, { kind: 'reply' | 'refused' | 'unclear' }>,
  after: FollowUpLookup | NotFound,
): FollowUpOutcome {
  if (answer.kind !== 'refused') {
    const error = answer.kind === 'unclear' ? answer.error : notShown;
    return unknown(error, 'replay');
  }
  if (after.kind !== 'not_found') return unknown(answer.error, 'replay');
  if (laterCodes.has(answer.code)) return { kind: 'pending', why: 'retry_same_key' };
  const reason = act.codes.get(answer.code);
  return reason && !mayHaveBeenSent ? failed(reason, answer.error) : unknown(answer.error);
}

async function look(act: Act, client: PaypalClient, request: FollowUpRequest): Promise<FollowUpLookup> {
  const found = await findOrder(client, request.of);
  if (found.kind === 'not_found') return unknown(noOrder);
  return found.kind === 'order' ? act.show(found.order, request) : found;
}

/** An authorization is captured once, in whole or in part; what is left of it is let go. */
export const capture = followUp({
  codes: captureCodes,
  show(order, request) {
    const [authorization] = order.authorizations;
    const ours = order.captures.find(({ reference }) => reference === request.reference);
    if (ours) return mapCapture(order, ours, request);
    switch (authorization?.state) {
      case 'CREATED':
      case 'PENDING':
        return { kind: 'not_found' };
      case 'CAPTURED':
      case 'PARTIALLY_CAPTURED':
        return failed('conflict', {
          code: 'already_captured',
          message: 'another capture took the authorization',
        });
      case 'VOIDED':
        return failed('expired', { code: 'VOIDED', message: 'the authorization was let go' });
      case 'EXPIRED':
        return failed('expired', { code: 'EXPIRED', message: 'the authorization has lapsed' });
      case 'DENIED':
      case undefined:
        return unknown(nothingThere);
    }
  },
  send(client, order, request, value) {
    const [authorization] = order.authorizations;
    if (!authorization) return undefined;
    return client.move((sdk) =>
      sdk.payments.captureAuthorizedPayment({
        authorizationId: authorization.id,
        paypalRequestId: `${request.reference}-capture`,
        prefer: inFull,
        body: {
          amount: { currencyCode: request.currency, value },
          invoiceId: request.reference,
          finalCapture: true,
        },
      }),
    );
  },
});

export const voidHeld = followUp({
  codes: voidCodes,
  show(order, request) {
    const [authorization] = order.authorizations;
    switch (authorization?.state) {
      case 'VOIDED':
      case 'EXPIRED': {
        const { amountMinor, currency } = authorization;
        const { reference } = request;
        const moved = { reference, amountMinor, currency, providerReference: order.id, movedAtMs: null };
        return { kind: 'succeeded', moved };
      }
      case 'CREATED':
      case 'PENDING':
        return { kind: 'not_found' };
      case 'CAPTURED':
      case 'PARTIALLY_CAPTURED':
        return failed('conflict', { code: 'already_captured', message: 'the authorization was captured' });
      case 'DENIED':
      case undefined:
        return unknown(nothingThere);
    }
  },
  send(client, order, request) {
    const [authorization] = order.authorizations;
    if (!authorization) return undefined;
    return client.move((sdk) =>
      sdk.payments.voidPayment({
        authorizationId: authorization.id,
        paypalRequestId: `${request.reference}-void`,
        prefer: inFull,
      }),
    );
  },
});

export const refund = followUp({
  codes: refundCodes,
  show(order, request) {
    const ours = order.refunds.find(({ reference }) => reference === request.reference);
    if (ours) return mapPayment(ours, request, ours.id, returned);
    // We know that it was paid: an order that does not show even that lags behind, and tells nothing of refunds.
    return order.captures.length === 0 ? unknown(nothingThere) : { kind: 'not_found' };
  },
  send(client, order, request, value) {
    const [captured] = order.captures.filter(({ state }) => refundable.includes(state));
    if (!captured) return undefined;
    return client.move((sdk) =>
      sdk.payments.refundCapturedPayment({
        captureId: captured.id,
        paypalRequestId: `${request.reference}-refund`,
        prefer: inFull,
        body: {
          amount: { currencyCode: request.currency, value },
          invoiceId: request.reference,
          customId: request.reference,
        },
      }),
    );
  },
});

const refundable: readonly string[] = ['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'PENDING'];
const captured: readonly string[] = ['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED'];
const returned: readonly string[] = ['COMPLETED'];

function mapPayment(
  payment: Order['captures'][number] | Order['refunds'][number],
  request: FollowUpRequest,
  providerReference: string,
  done: readonly string[],
): FollowUpOutcome {
  const { state, amountMinor, currency, madeAtMs } = payment;
  if (currency !== request.currency)
    return unknown({ code: 'other_currency', message: 'it is in another currency' });
  if (state === 'PENDING') return { kind: 'pending', why: 'processing', providerReference };
  if (done.includes(state)) {
    const { reference } = request;
    const moved: MovedEvidence = {
      reference,
      amountMinor,
      currency,
      providerReference,
      movedAtMs: madeAtMs ?? null,
    };
    return { kind: 'succeeded', moved };
  }
  return {
    ...failed('declined', { code: state, message: 'PayPal did not carry it out' }),
    providerReference,
  };
}

/** With what of it went back: somebody may have refunded it in PayPal's own pages. */
function mapCapture(
  order: Order,
  capture: Order['captures'][number],
  request: FollowUpRequest,
): FollowUpOutcome {
  const outcome = mapPayment(capture, request, order.id, captured);
  if (outcome.kind !== 'succeeded') return outcome;
  const { moved } = outcome;
  const refundedMinor = readRefunded(order, [capture]);
  if (refundedMinor === undefined || refundedMinor > moved.amountMinor) {
    return unknown(unreadable('how much of it is left'), 'query', order.id);
  }
  return { kind: 'succeeded', moved: { ...moved, refundedMinor } };
}

function failed(reason: Failed['reason'], error: ProviderError): Failed {
  return { kind: 'failed', reason, error };
}

const unsendable = { code: 'unsendable', message: 'PayPal cannot be asked for this amount and currency' };
const noOrder = { code: 'no_order', message: 'PayPal does not find the order' };
const nothingThere = { code: 'nothing_taken', message: 'the order shows no money that this could act on' };
const notShown = { code: 'not_shown', message: 'the order does not show it' };
