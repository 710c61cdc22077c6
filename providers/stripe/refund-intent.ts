import type {
  FollowUpLookup,
  FollowUpOutcome,
  NotExecuted,
  NotFound,
  Unknown,
} from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import { fromStripeAmount, toStripeAmount } from './amounts.js';
import type { StripeClient } from './client.js';
import { refundCodes } from './codes.js';
import { findIntent, notTold, readPage } from './find-intent.js';
import { REFERENCE_KEY } from './intent.js';
import { codeOf, forPeople, recordOf, textOf, timeOf, unknown, unreadable, type Reply } from './reply.js';

export async function startRefund(client: StripeClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  const amount = toStripeAmount(request.amountMinor, request.currency);
  if (amount === undefined) {
    const error = { code: 'unsendable', message: 'Stripe cannot be asked for this amount and currency' };
    return { kind: 'failed', reason: 'invalid', error };
  }
  const found = await findIntent(client, request.of);
  if (found.kind === 'not_found') return unknown(noPayment);
  if (found.kind !== 'intent') return found;
  const { id } = found.intent;
  const answer = await client.move((sdk) =>
    sdk.refunds.create(
      { payment_intent: id, amount, metadata: { [REFERENCE_KEY]: request.reference } },
      { idempotencyKey: `${request.reference}-refund` },
    ),
  );
  switch (answer.kind) {
    case 'reply':
      return mapRefund(answer.reply, request, id);
    case 'refused':
      return afterRefusal(client, request, id, answer);
    case 'denied':
      return { kind: 'not_executed', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, answer.isFinal ? 'query' : 'replay');
  }
}

/** "Already refunded" may speak of this very refund: the list tells. */
async function afterRefusal(
  client: StripeClient,
  request: FollowUpRequest,
  id: string,
  { refusal, error }: { refusal: Reply; error: Unknown['error'] },
): Promise<FollowUpOutcome> {
  const found = await findRefund(client, request, id);
  if (found.kind === 'refund') return mapRefund(found.refund, request, id);
  const reason = refundCodes.get(codeOf(refusal) ?? '');
  return found.kind === 'not_found' && reason ? { kind: 'failed', reason, error } : unknown(error);
}

export async function queryRefund(client: StripeClient, request: FollowUpRequest): Promise<FollowUpLookup> {
  const payment = await findIntent(client, request.of);
  if (payment.kind === 'not_found') return unknown(noPayment);
  if (payment.kind !== 'intent') return payment;
  const { id } = payment.intent;
  const found = await findRefund(client, request, id);
  return found.kind === 'refund' ? mapRefund(found.refund, request, id) : found;
}

const PAGE_SIZE = 100;
const MAX_PAGES = 3;

/** Among all refunds of the PaymentIntent: a list knows what was made the moment before. */
async function findRefund(
  client: StripeClient,
  { reference }: FollowUpRequest,
  id: string,
): Promise<{ readonly kind: 'refund'; readonly refund: Reply } | NotFound | NotExecuted | Unknown> {
  let after: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const from = after === undefined ? {} : { starting_after: after };
    const answer = await client.ask((sdk) =>
      sdk.refunds.list({ payment_intent: id, limit: PAGE_SIZE, ...from }),
    );
    if (answer.kind !== 'reply') return notTold(answer);
    const page = readPage(answer.reply);
    if (!page) return unknown(unreadable('its refunds'));
    const refund = page.data.find((each) => referenceOf(each) === reference);
    if (refund) return { kind: 'refund', refund };
    const last = page.data.at(-1);
    after = last && textOf(last, 'id');
    if (!page.hasMore) return { kind: 'not_found' };
  }
  return unknown({ code: 'too_many', message: 'the PaymentIntent has too many refunds to look through' });
}

/** https://docs.stripe.com/api/refunds/object#refund_object-status, read 2026-11. */
function mapRefund(refund: Reply, request: FollowUpRequest, intentId: string): FollowUpOutcome {
  const providerReference = textOf(refund, 'id');
  const amountMinor = fromStripeAmount(refund['amount'], request.currency);
  const isOurs =
    refund['object'] === 'refund' &&
    referenceOf(refund) === request.reference &&
    refund['payment_intent'] === intentId &&
    refund['currency'] === request.currency.toLowerCase();
  if (!isOurs) return unknown({ code: 'other_reference', message: 'the reply is about another refund' });
  if (!providerReference || amountMinor === undefined) return unknown(unreadable('id or amount'));
  switch (refund['status']) {
    case 'succeeded': {
      const { reference, currency } = request;
      const movedAtMs = timeOf(refund, 'created') ?? null;
      return { kind: 'succeeded', moved: { reference, amountMinor, currency, providerReference, movedAtMs } };
    }
    case 'pending':
    case 'requires_action':
      return { kind: 'pending', why: 'processing', providerReference };
    case 'failed':
    case 'canceled': {
      const code = forPeople(textOf(refund, 'failure_reason') ?? `refund_${refund['status']}`, 64);
      const error = { code, message: 'the money came back to the account' };
      return { kind: 'failed', reason: 'declined', error, providerReference };
    }
    default:
      return unknown(unreadable('the refund’s status'), 'query', providerReference);
  }
}

function referenceOf(object: Reply): string | undefined {
  return textOf(recordOf(object, 'metadata') ?? {}, REFERENCE_KEY);
}

const noPayment = { code: 'no_payment', message: 'Stripe does not find the payment' };
