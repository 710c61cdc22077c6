import type {
  Failed,
  FollowUpLookup,
  FollowUpOutcome,
  Moved,
  Pending,
  Unknown,
} from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import { toStripeAmount } from './amounts.js';
import type { StripeClient } from './client.js';
import { captureCodes, declineCodes } from './codes.js';
import { findIntent, retrieveIntent } from './find-intent.js';
import { CAPTURE_KEY, readIntent, type Intent } from './intent.js';
import { codeOf, unknown } from './reply.js';

type Ended = Moved | Pending | Failed | Unknown | 'untaken';

export async function startCapture(client: StripeClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  const amount = toStripeAmount(request.amountMinor, request.currency);
  if (amount === undefined) {
    const error = { code: 'unsendable', message: 'Stripe cannot be asked for this amount and currency' };
    return { kind: 'failed', reason: 'invalid', error };
  }
  const found = await findIntent(client, request.of);
  if (found.kind === 'not_found') return unknown(noAuthorization);
  if (found.kind !== 'intent') return found;
  const ended = mapCapture(found.intent, request);
  return ended === 'untaken' ? sendCapture(client, request, found.intent.id, amount) : ended;
}

export async function queryCapture(client: StripeClient, request: FollowUpRequest): Promise<FollowUpLookup> {
  const found = await findIntent(client, request.of);
  if (found.kind === 'not_found') return unknown(noAuthorization);
  if (found.kind !== 'intent') return found;
  const ended = mapCapture(found.intent, request);
  return ended === 'untaken' ? { kind: 'not_found' } : ended;
}

async function sendCapture(
  client: StripeClient,
  request: FollowUpRequest,
  id: string,
  amount: number,
): Promise<FollowUpOutcome> {
  const answer = await client.move((sdk) =>
    sdk.paymentIntents.capture(
      id,
      { amount_to_capture: amount, metadata: { [CAPTURE_KEY]: request.reference } },
      { idempotencyKey: `${request.reference}-capture` },
    ),
  );
  switch (answer.kind) {
    case 'reply': {
      const read = readIntent(answer.reply, request.of, client.credential);
      if (read.kind !== 'intent') return unknown(read.error);
      const ended = mapCapture(read.intent, request);
      return ended === 'untaken'
        ? unknown({ code: 'not_captured', message: 'Stripe did not capture' })
        : ended;
    }
    case 'refused': {
      const found = await retrieveIntent(client, request.of, id);
      if (found.kind !== 'intent') return unknown(answer.error);
      const ended = mapCapture(found.intent, request);
      if (ended !== 'untaken') return ended;
      const code = codeOf(answer.refusal) ?? '';
      const reason = captureCodes.get(code) ?? declineCodes.get(code);
      return reason ? { kind: 'failed', reason, error: answer.error } : unknown(answer.error);
    }
    case 'denied':
      return { kind: 'not_executed', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, answer.isFinal ? 'query' : 'replay');
  }
}

/** An authorization is captured once: what is left of it is let go. */
function mapCapture(intent: Intent, request: FollowUpRequest): Ended {
  const { id, status, captureReference } = intent;
  switch (status) {
    case 'succeeded':
      if (captureReference !== undefined && captureReference !== request.reference) {
        return failed('conflict', 'already_captured', 'another capture took the authorization');
      }
      return {
        kind: 'succeeded',
        moved: {
          reference: request.reference,
          amountMinor: intent.receivedMinor,
          currency: intent.currency,
          providerReference: id,
          movedAtMs: null,
        },
      };
    case 'requires_capture':
      return 'untaken';
    case 'processing':
      return { kind: 'pending', why: 'processing', providerReference: id };
    case 'canceled':
      return failed('expired', 'authorization_canceled', 'the authorization was let go');
    case 'requires_payment_method':
    case 'requires_confirmation':
    case 'requires_action':
      return unknown({ code: 'unexpected_state', message: 'nothing is authorized' }, 'query', id);
  }
}

const noAuthorization = { code: 'no_authorization', message: 'Stripe does not find the authorization' };

function failed(reason: Failed['reason'], code: string, message: string): Failed {
  return { kind: 'failed', reason, error: { code, message } };
}
