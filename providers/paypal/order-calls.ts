import {
  CheckoutPaymentIntent,
  PayeePaymentMethodPreference,
  PaypalExperienceUserAction,
  PaypalWalletContextShippingPreference,
} from '@paypal/paypal-server-sdk';
import type {
  CloseOutcome,
  NotExecuted,
  NotFound,
  QueryOutcome,
  StartOutcome,
  Unknown,
} from '../../domain/outcome.js';
import type { AdvanceRequest, OperationReference, StartRequest } from '../connector.js';
import { toPaypalAmount } from './amounts.js';
import type { Answer, PaypalClient } from './client.js';
import { advanceCodes, createCodes, payerCodes } from './codes.js';
import { mapOrder } from './map-order.js';
import { isOrderId, readOrder, type Order } from './order.js';
import { forPeople, unknown } from './reply.js';

/** As PayPal says in full how it is, and not only its id. */
export const inFull = 'return=representation';
const MAX_DESCRIPTION_LENGTH = 127;

/** Makes an order, which the payer may approve; nothing but our own capture of it moves money. */
export async function startOrder(client: PaypalClient, request: StartRequest): Promise<StartOutcome> {
  const value = toPaypalAmount(request.amountMinor, request.currency);
  if (value === undefined) {
    const error = { code: 'unsendable', message: 'PayPal cannot be asked for this amount and currency' };
    return { kind: 'failed', reason: 'invalid', error };
  }
  const answer = await client.ask((sdk) =>
    sdk.orders.createOrder({
      body: termsOf(request, value, client.credential.merchantId),
      paypalRequestId: `${request.reference}-create`,
      prefer: inFull,
    }),
  );
  switch (answer.kind) {
    case 'reply': {
      const read = readOrder(answer.reply, request, client.credential);
      if (read.kind === 'other') return unknown(read.error, 'replay');
      const { amountMinor, currency } = read.order;
      // PayPal does not compare the terms of a repetition, so we do: no payer is shown another amount.
      if (amountMinor !== request.amountMinor || currency !== request.currency) return unknown(otherTerms);
      const outcome = mapOrder(read.order, request, client.credential);
      return outcome.kind === 'closed'
        ? unknown({ code: 'VOIDED', message: 'the order was voided' })
        : offered(outcome);
    }
    case 'refused': {
      const reason = createCodes.get(answer.code);
      return reason ? { kind: 'failed', reason, error: answer.error } : unknown(answer.error, 'replay');
    }
    case 'denied':
      return { kind: 'not_executed', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, 'replay');
  }
}

const otherTerms = { code: 'other_terms', message: 'the order is of another amount than was asked for' };

/** An order without a page for its payer is of no use to anybody, and is asked for again. */
function offered(outcome: StartOutcome): StartOutcome {
  if (outcome.kind !== 'pending' || outcome.why !== 'user_action' || outcome.offer) return outcome;
  const error = {
    code: 'no_approval_page',
    message: 'PayPal names no page on which the payer could approve',
  };
  return unknown(error, 'replay');
}

/** Made of the request alone, so that a repetition is the same byte for byte. */
function termsOf(request: StartRequest, value: string, merchantId: string) {
  const { reference, currency, subject, returnUrl } = request;
  return {
    intent: request.kind === 'authorize' ? CheckoutPaymentIntent.Authorize : CheckoutPaymentIntent.Capture,
    purchaseUnits: [
      {
        customId: reference,
        // PayPal refuses a second payment under one, where the account is set so: a guard more.
        invoiceId: reference,
        description: forPeople(subject, MAX_DESCRIPTION_LENGTH),
        amount: { currencyCode: currency, value },
        payee: { merchantId },
      },
    ],
    paymentSource: {
      paypal: {
        experienceContext: {
          returnUrl,
          // Who turns back has not refused: the order can be approved to its end, and the merchant's page says so.
          cancelUrl: returnUrl,
          userAction: PaypalExperienceUserAction.PayNow,
          shippingPreference: PaypalWalletContextShippingPreference.NoShipping,
          // No bank transfer that takes days: what is sold is opened at once.
          paymentMethodPreference: PayeePaymentMethodPreference.ImmediatePaymentRequired,
        },
      },
    },
  };
}

export type FoundOrder = { readonly kind: 'order'; readonly order: Order } | NotFound | NotExecuted | Unknown;

/** By PayPal's id alone: there is no look-up by our reference. */
export async function findOrder(client: PaypalClient, of: OperationReference): Promise<FoundOrder> {
  const { providerReference: id } = of;
  if (id === null || !isOrderId(id)) return { kind: 'not_found' };
  const answer = await client.ask((sdk) => sdk.orders.getOrder({ id }));
  if (answer.kind === 'refused' && answer.status === 404) return { kind: 'not_found' };
  if (answer.kind !== 'reply') return notTold(answer);
  const read = readOrder(answer.reply, of, client.credential);
  return read.kind === 'order' ? read : unknown(read.error);
}

/** Of a question that PayPal did not answer: whatever the refusal, it says nothing about the money. */
export function notTold(answer: Exclude<Answer, { kind: 'reply' }>): NotExecuted | Unknown {
  if (answer.kind === 'not_executed') return answer;
  if (answer.kind === 'denied') return { kind: 'not_executed', error: answer.error };
  return unknown(answer.error);
}

export async function queryOrder(client: PaypalClient, of: OperationReference): Promise<QueryOutcome> {
  const found = await findOrder(client, of);
  return found.kind === 'order' ? mapOrder(found.order, of, client.credential) : found;
}

/** Takes the money of an approved order, or holds it: once under one key, which PayPal keeps for 45 days. */
export async function advanceOrder(client: PaypalClient, request: AdvanceRequest): Promise<StartOutcome> {
  const { providerReference: id, reference, number } = request;
  if (id === null || !isOrderId(id)) {
    return unknown({ code: 'no_order', message: 'there is no order that could be taken' });
  }
  const terms = { id, paypalRequestId: `${reference}-advance-${number}`, prefer: inFull };
  const answer = await client.move(
    (sdk) =>
      request.kind === 'authorize' ? sdk.orders.authorizeOrder(terms) : sdk.orders.captureOrder(terms),
    request.sendBeforeMs,
  );
  switch (answer.kind) {
    case 'reply': {
      const read = readOrder(answer.reply, request, client.credential);
      if (read.kind === 'other') return unknown(read.error);
      return taken(mapOrder(read.order, request, client.credential));
    }
    case 'refused':
      return readRefusal(client, request, answer);
    case 'denied':
      return { kind: 'not_executed', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, 'replay');
  }
}

/** A 2xx that shows no money is no answer to a call that takes it. */
function taken(outcome: QueryOutcome): StartOutcome {
  switch (outcome.kind) {
    case 'succeeded':
    case 'failed':
    case 'not_executed':
    case 'unknown':
      return outcome;
    case 'pending':
      return outcome.why === 'processing' ? outcome : unknown(untaken);
    case 'closed':
    case 'not_found':
      return unknown(untaken);
  }
}

const untaken = { code: 'not_taken', message: 'PayPal does not show that it took the money' };

/**
 * A refusal is held against the order itself: an earlier call may have taken the money, whatever this one was told. Only
 * where the order shows none does the code count.
 */
async function readRefusal(
  client: PaypalClient,
  request: AdvanceRequest,
  { code, error }: Extract<Answer, { kind: 'refused' }>,
): Promise<StartOutcome> {
  const reason = advanceCodes.get(code);
  const isForPayer = payerCodes.has(code);
  const queried = await queryOrder(client, request);
  switch (queried.kind) {
    case 'succeeded':
    case 'failed':
      return queried;
    case 'pending': {
      if (queried.why === 'processing') return queried;
      const { providerReference } = queried;
      const known = providerReference === undefined ? {} : { providerReference };
      if (reason) return { kind: 'failed', reason, error, stillPayable: true, ...known };
      if (!isForPayer) return unknown(error);
      return {
        kind: 'pending',
        why: 'user_action',
        ...known,
        ...(queried.offer ? { offer: queried.offer } : {}),
      };
    }
    case 'closed':
      return { kind: 'failed', reason: reason ?? 'expired', error };
    case 'not_found':
    case 'not_executed':
    case 'unknown':
      return unknown(error);
  }
}

/**
 * From then on a call of ours that the order does not show was never carried out: none is sent in its second half
 * (`advanceKeyLifetimeMs`, `sendBeforeMs`), and none lives a tenth as long.
 */
export const HORIZON_MS = 3_600_000;

/**
 * PayPal has no call that cancels an order: it ends by itself, hours later. But nobody except us can take its money,
 * so it is over as soon as we say so, unless we have sent that call: then the order itself has to show, long enough
 * after it, that nothing came of it.
 */
export async function closeOrder(client: PaypalClient, of: OperationReference): Promise<CloseOutcome> {
  const takenAtMs = of.advanceTakenAtMs ?? null;
  const isNeverTaken = takenAtMs === null;
  const found = await findOrder(client, of);
  if (found.kind === 'not_found') return isNeverTaken ? { kind: 'closed' } : unknown(vanished);
  if (found.kind !== 'order') return found;
  const outcome = mapOrder(found.order, of, client.credential);
  switch (outcome.kind) {
    case 'pending': {
      if (outcome.why === 'processing') return outcome;
      const isOver = isNeverTaken || client.now() >= takenAtMs + HORIZON_MS;
      return isOver ? { kind: 'closed' } : outcome;
    }
    case 'failed':
      // Its one capture was declined, and there cannot be another.
      return { kind: 'closed' };
    case 'succeeded':
    case 'closed':
    case 'unknown':
      return outcome;
  }
}

const vanished = {
  code: 'vanished',
  message: 'PayPal does not know the order any more that we asked it to take',
};
