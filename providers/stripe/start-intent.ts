import type { Stripe } from 'stripe';
import type { CloseOutcome, FailureReason, ProviderError, StartOutcome } from '../../domain/outcome.js';
import type { StartRequest } from '../connector.js';
import { toStripeAmount } from './amounts.js';
import type { Answer, StripeClient } from './client.js';
import { createCodes, declineCodes } from './codes.js';
import { notTold, retrieveIntent } from './find-intent.js';
import { readCard, readIntent, REFERENCE_KEY, type Intent } from './intent.js';
import { cancelIntent, mapIntent, queryIntent, softOf } from './query-intent.js';
import { codeOf, forPeople, recordOf, unknown } from './reply.js';

/** A card just entered (`pm_…`), or one that the payer has saved (`cus_…/pm_…`) and that is charged without them. */
interface CardToken {
  readonly paymentMethod: string;
  readonly customer: string | undefined;
}

/** Looks at the card where some are not wanted, charges it, and cancels what it declined. */
export async function startIntent(client: StripeClient, request: StartRequest): Promise<StartOutcome> {
  const token = readToken(request.paymentToken);
  if (!token) return refuse('invalid', 'token_invalid', 'the token is neither pm_… nor cus_…/pm_…');
  const amount = toStripeAmount(request.amountMinor, request.currency);
  if (amount === undefined) {
    return refuse('invalid', 'unsendable', 'Stripe cannot be asked for this amount and currency');
  }
  const unwanted = await refuseUnwantedCard(client, request, token);
  // It says nothing of a call before this one.
  if (unwanted?.kind === 'failed' && request.mayHaveBeenSent)
    return { kind: 'not_executed', error: unwanted.error };
  if (unwanted) return unwanted;
  const answer = await client.move((sdk) =>
    sdk.paymentIntents.create(termsOf(request, token, amount), {
      idempotencyKey: `${request.reference}-create`,
    }),
  );
  return readCreated(client, request, answer);
}

function readToken(text: string | null): CardToken | undefined {
  const match = /^(?:(cus_\w{1,100})\/)?(pm_\w{1,100})$/.exec(text ?? '');
  return match?.[2] === undefined ? undefined : { paymentMethod: match[2], customer: match[1] };
}

const MAX_DESCRIPTION_LENGTH = 500;

/** Made of the request alone, so that a repetition is the same byte for byte: Stripe compares. */
function termsOf(
  request: StartRequest,
  { paymentMethod, customer }: CardToken,
  amount: number,
): Stripe.PaymentIntentCreateParams {
  return {
    amount,
    currency: request.currency.toLowerCase(),
    capture_method: request.kind === 'authorize' ? 'manual' : 'automatic',
    confirm: true,
    payment_method: paymentMethod,
    // payment_method_types is refused since 2026-09-30.endive.
    allowed_payment_method_types: ['card'],
    description: forPeople(request.subject, MAX_DESCRIPTION_LENGTH),
    metadata: { [REFERENCE_KEY]: request.reference },
    expand: ['latest_charge'],
    ...(customer === undefined ? { return_url: request.returnUrl } : { customer, off_session: true }),
  };
}

/**
 * A look-up that fails is no reason to charge a card that may be unwanted, and none to say anything of an earlier call
 * under the same key: nothing is sent. Only of a card that Stripe does not know is the create asked, whose own
 * refusal, kept under its key, also tells of an earlier one.
 */
async function refuseUnwantedCard(
  client: StripeClient,
  { refusedFunding }: StartRequest,
  { paymentMethod }: CardToken,
): Promise<StartOutcome | undefined> {
  if (refusedFunding.length === 0) return undefined;
  const answer = await client.ask((sdk) => sdk.paymentMethods.retrieve(paymentMethod));
  if (answer.kind === 'refused' && codeOf(answer.refusal) === 'resource_missing') return undefined;
  if (answer.kind !== 'reply') {
    const isConfig =
      answer.kind === 'denied' || (answer.kind === 'not_executed' && answer.reason === 'config');
    return { kind: 'not_executed', ...(isConfig ? { reason: 'config' } : {}), error: notTold(answer).error };
  }
  const { reply } = answer;
  const card = recordOf(reply, 'card');
  // In test mode pm_card_visa and its like stand for a card that is made anew, under another id, at each use.
  const isOther = reply['id'] !== paymentMethod && !paymentMethod.startsWith('pm_card_');
  if (isOther || !card) {
    const error = {
      code: 'card_unreadable',
      message: 'Stripe does not say what card it is; nothing was charged',
    };
    return { kind: 'not_executed', error };
  }
  const { funding } = readCard(card);
  if (!refusedFunding.includes(funding)) return undefined;
  return refuse(
    'declined',
    'card_funding_refused',
    `the merchant takes no ${funding} cards; nothing was charged`,
  );
}

async function readCreated(
  client: StripeClient,
  request: StartRequest,
  answer: Answer,
): Promise<StartOutcome> {
  switch (answer.kind) {
    case 'reply': {
      const read = readIntent(answer.reply, request, client.credential);
      if (read.kind !== 'intent') return unknown(read.error);
      return answer.isReplayed
        ? startFromNow(client, request, read.intent.id)
        : startFrom(client, request, read.intent);
    }
    case 'refused':
      return readRefused(client, request, answer);
    case 'denied':
      return { kind: 'not_executed', reason: 'config', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, answer.isFinal ? 'query' : 'replay');
  }
}

/** Stripe repeats what it first answered: what was paid then may have been refunded since. */
async function startFromNow(client: StripeClient, request: StartRequest, id: string): Promise<StartOutcome> {
  const found = await retrieveIntent(client, request, id);
  if (found.kind === 'intent') return startFrom(client, request, found.intent);
  const error = { code: 'not_told', message: 'Stripe does not tell how the PaymentIntent is now' };
  return unknown(error, 'query', id);
}

async function startFrom(client: StripeClient, request: StartRequest, intent: Intent): Promise<StartOutcome> {
  const outcome = mapIntent(intent, client, request);
  switch (outcome.kind) {
    case 'pending': {
      if (outcome.why !== 'user_action' || outcome.offer) return outcome;
      const error = {
        code: 'action_unsupported',
        message: 'the payer would have to act in a way we cannot offer',
      };
      return decline(client, request, intent.id, error, 'declined');
    }
    case 'failed':
      return decline(client, request, intent.id, outcome.error, outcome.reason);
    case 'closed': {
      const error = { code: 'canceled', message: 'Stripe has canceled the PaymentIntent' };
      return { kind: 'failed', reason: 'expired', error, providerReference: intent.id };
    }
    case 'succeeded':
    case 'unknown':
      return outcome;
  }
}

/**
 * A 4xx that names a PaymentIntent has made one, whatever else it says; one that names none has made none, and says
 * nothing of an earlier call unless it is that call's own answer.
 */
async function readRefused(
  client: StripeClient,
  request: StartRequest,
  { refusal, error, isReplayed }: Extract<Answer, { kind: 'refused' }>,
): Promise<StartOutcome> {
  const code = codeOf(refusal) ?? '';
  const made = recordOf(refusal, 'payment_intent');
  if (!made) {
    if (request.mayHaveBeenSent && !isReplayed) return unknown(error);
    const reason = createCodes.get(code);
    return reason ? { kind: 'failed', reason, error } : unknown(error);
  }
  const read = readIntent(made, request, client.credential);
  if (read.kind !== 'intent') return unknown(read.error);
  const { id, status } = read.intent;
  switch (status) {
    case 'requires_payment_method':
    case 'requires_confirmation':
    case 'requires_action':
    case 'canceled':
      return decline(client, request, id, error, declineCodes.get(code));
    case 'processing':
    case 'requires_capture':
    case 'succeeded':
      return startFromQuery(await queryIntent(client, { ...request, providerReference: id }), error, id);
  }
}

/**
 * What was declined could still be paid with another card, so it is canceled first. Once Stripe confirms that, an
 * unlisted code does no harm: nothing was taken, and nothing can be.
 */
async function decline(
  client: StripeClient,
  request: StartRequest,
  id: string,
  error: ProviderError,
  reason: FailureReason | undefined,
): Promise<StartOutcome> {
  const closed: CloseOutcome = await cancelIntent(client, request, id);
  const failed = {
    kind: 'failed',
    reason: reason ?? 'declined',
    ...softOf(error),
    error,
    providerReference: id,
  } as const;
  switch (closed.kind) {
    case 'closed':
      return failed;
    case 'succeeded':
      return closed;
    case 'pending':
      if (closed.why === 'processing') return closed;
      return reason ? { ...failed, stillPayable: true } : unknown(error, 'query', id);
    case 'not_executed':
    case 'not_found':
    case 'unknown':
      return reason ? { ...failed, stillPayable: true } : unknown(error, 'query', id);
  }
}

function startFromQuery(
  queried: Awaited<ReturnType<typeof queryIntent>>,
  because: ProviderError,
  id: string,
): StartOutcome {
  switch (queried.kind) {
    case 'succeeded':
    case 'pending':
    case 'failed':
      return queried;
    // The create was executed, even if the query was not: "never ran" would be a lie.
    case 'not_executed':
    case 'unknown':
    case 'closed':
    case 'not_found':
      return unknown(because, 'query', id);
  }
}

function refuse(reason: FailureReason, code: string, message: string): StartOutcome {
  return { kind: 'failed', reason, error: { code, message } };
}
