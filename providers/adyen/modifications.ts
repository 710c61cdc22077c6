import type { FollowUpLookup, FollowUpOutcome } from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import { toAdyenAmount } from './amounts.js';
import type { AdyenApis, AdyenClient, Answer } from './client.js';
import { modificationCodes } from './codes.js';
import { refused } from './payment-result.js';
import { isPspReference, pspReferenceOf, textOf, unknown, unreadable } from './reply.js';

type Terms = {
  readonly merchantAccount: string;
  readonly reference: string;
  readonly amount: { readonly currency: string; readonly value: number };
};
type Send = (apis: AdyenApis, psp: string, terms: Terms, idempotencyKey: string) => Promise<unknown>;

/** Takes a part too; what is left of the authorization is let go, unless the account captures several times. */
export function startCapture(client: AdyenClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  return modify(client, request, ({ modifications }, psp, terms, idempotencyKey) =>
    modifications.captureAuthorisedPayment(psp, terms, { idempotencyKey }),
  );
}

/** The whole of it: a cancel takes no amount. */
export function startVoid(client: AdyenClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  return modify(client, request, ({ modifications }, psp, { merchantAccount, reference }, idempotencyKey) =>
    modifications.cancelAuthorisedPaymentByPspReference(
      psp,
      { merchantAccount, reference },
      { idempotencyKey },
    ),
  );
}

export function startRefund(client: AdyenClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  return modify(client, request, ({ modifications }, psp, terms, idempotencyKey) =>
    modifications.refundCapturedPayment(psp, terms, { idempotencyKey }),
  );
}

/** Adyen answers that it has received the order; what came of it is told by a webhook alone. */
async function modify(client: AdyenClient, request: FollowUpRequest, send: Send): Promise<FollowUpOutcome> {
  const { kind, reference, of } = request;
  const amount = toAdyenAmount(request.amountMinor, request.currency);
  if (!amount) {
    const message = 'Adyen cannot be asked for this amount and currency';
    return refused('invalid', { code: 'unsendable', message });
  }
  const psp = of.providerReference;
  if (psp === null || !isPspReference(psp)) {
    return unknown({ code: 'no_payment', message: 'Adyen’s number of the payment is not known' });
  }
  const terms = { merchantAccount: client.credential.merchantAccount, reference, amount };
  const answer = await client.move((apis) => send(apis, psp, terms, `${reference}-${kind}`));
  // Nothing but a webhook tells of an earlier call, and certainly no refusal of this one.
  if (answer.kind === 'refused' && request.mayHaveBeenSent) return unknown(answer.error);
  return readReceived(answer, psp);
}

function readReceived(answer: Answer, of: string): FollowUpOutcome {
  switch (answer.kind) {
    case 'reply': {
      const { reply } = answer;
      const providerReference = pspReferenceOf(reply);
      if (textOf(reply, 'paymentPspReference') !== of) {
        return unknown({ code: 'other_reference', message: 'the reply is about another payment' });
      }
      if (textOf(reply, 'status') !== 'received' || providerReference === undefined) {
        return unknown(unreadable('that it has received the order'));
      }
      return { kind: 'pending', why: 'accepted', providerReference };
    }
    case 'refused': {
      const reason = modificationCodes.get(answer.code);
      return reason ? refused(reason, answer.error) : unknown(answer.error, 'replay');
    }
    case 'denied':
      return { kind: 'not_executed', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, 'replay');
  }
}

export function queryModification(): Promise<FollowUpLookup> {
  return Promise.resolve(unknown(noLookUp));
}

export const noLookUp = {
  code: 'no_look_up',
  message: 'Adyen cannot be asked how a payment stands; its webhooks tell',
};
