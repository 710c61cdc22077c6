import type {
  Closed,
  CloseOutcome,
  Failed,
  Offer,
  Pending,
  ProviderError,
  QueryOutcome,
  Succeeded,
  Unknown,
} from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import type { StripeClient } from './client.js';
import { declineCodes, softDeclines } from './codes.js';
import { findIntent, retrieveIntent, type FoundIntent } from './find-intent.js';
import { readIntent, readPaid, type Intent } from './intent.js';
import { codeOf, errorOf, unknown, unreadable } from './reply.js';

export async function queryIntent(client: StripeClient, of: OperationReference): Promise<QueryOutcome> {
  return outcomeOf(await findIntent(client, of), client, of);
}

function outcomeOf(found: FoundIntent, client: StripeClient, of: OperationReference): QueryOutcome {
  return found.kind === 'intent' ? mapIntent(found.intent, client, of) : found;
}

/** What the state of a PaymentIntent means for the sale or the authorization that made it. */
export function mapIntent(
  intent: Intent,
  { credential }: StripeClient,
  of: OperationReference,
): Succeeded | Pending | Failed | Closed | Unknown {
  const { id: providerReference, status } = intent;
  switch (status) {
    case 'succeeded':
    case 'requires_capture': {
      // A sale is captured at once: one that waits for it is not what was asked for.
      if (status === 'requires_capture' && of.kind !== 'authorize') {
        return unknown(
          { code: 'unexpected_state', message: 'a sale waits to be captured' },
          'query',
          providerReference,
        );
      }
      const paid = readPaid(intent, of, credential);
      return paid
        ? { kind: 'succeeded', paid }
        : unknown(unreadable('its charge'), 'query', providerReference);
    }
    case 'processing':
      return { kind: 'pending', why: 'processing', providerReference };
    case 'requires_action':
      return { kind: 'pending', why: 'user_action', providerReference, ...offerOf(intent, of) };
    case 'requires_payment_method':
    case 'requires_confirmation':
      return refused(intent);
    case 'canceled':
      return { kind: 'closed' };
  }
}

function offerOf({ redirectUrl }: Intent, { offerEndsAtMs }: OperationReference): { offer?: Offer } {
  return redirectUrl === undefined
    ? {}
    : { offer: { type: 'redirect', data: redirectUrl, endsAtMs: offerEndsAtMs } };
}

function refused({ id: providerReference, status, lastError }: Intent): Failed | Unknown {
  const reason = declineCodes.get(codeOf(lastError) ?? '');
  const error = lastError ? errorOf(lastError) : { code: status, message: 'Stripe does not say why' };
  if (!reason) return unknown(error, 'query', providerReference);
  return { kind: 'failed', reason, ...softOf(error), error, stillPayable: true, providerReference };
}

/** Whether another acquirer may accept what was declined with this code. */
export function softOf({ code }: ProviderError): Pick<Failed, 'soft'> {
  const soft = softDeclines.get(code);
  return soft ? { soft } : {};
}

/** An authorization that holds money is no longer closed but voided: it is told instead. */
export async function closeIntent(client: StripeClient, of: OperationReference): Promise<CloseOutcome> {
  const found = await findIntent(client, of);
  if (found.kind !== 'intent') return found;
  switch (found.intent.status) {
    case 'requires_payment_method':
    case 'requires_confirmation':
    case 'requires_action':
      return cancelIntent(client, of, found.intent.id);
    case 'processing':
    case 'requires_capture':
    case 'canceled':
    case 'succeeded':
      return closeFromQuery(mapIntent(found.intent, client, of));
  }
}

/** Cancels, and where that was not confirmed says what became of the PaymentIntent instead. */
export async function cancelIntent(
  client: StripeClient,
  of: OperationReference,
  id: string,
): Promise<CloseOutcome> {
  const answer = await sendCancel(client, of, id);
  if (answer.kind === 'not_executed') return answer;
  if (answer.kind === 'reply') {
    const read = readIntent(answer.reply, of, client.credential);
    if (read.kind === 'intent' && read.intent.status === 'canceled') return { kind: 'closed' };
  }
  return closeFromQuery(outcomeOf(await retrieveIntent(client, of, id), client, of));
}

const KEY_PERIOD_MS = 60_000;

/**
 * A PaymentIntent can be canceled once, whatever the key, so the key only has to be explicit: with one that stayed the
 * same, a cancel refused in one state would be answered by that refusal for a day, in every later state.
 */
export function sendCancel(client: StripeClient, of: OperationReference, id: string) {
  const period = Math.floor(client.now() / KEY_PERIOD_MS).toString(36);
  return client.ask((sdk) =>
    sdk.paymentIntents.cancel(
      id,
      { cancellation_reason: 'abandoned' },
      { idempotencyKey: `${of.reference}-cancel-${period}` },
    ),
  );
}

function closeFromQuery(queried: QueryOutcome): CloseOutcome {
  switch (queried.kind) {
    case 'succeeded':
    case 'pending':
    case 'closed':
    case 'not_executed':
    case 'unknown':
    case 'not_found':
      return queried;
    case 'failed':
      return unknown(queried.error, 'query', queried.providerReference);
  }
}
