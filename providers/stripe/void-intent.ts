import type {
  Failed,
  FollowUpLookup,
  FollowUpOutcome,
  Moved,
  Pending,
  Unknown,
} from '../../domain/outcome.js';
import type { FollowUpRequest } from '../connector.js';
import type { StripeClient } from './client.js';
import { findIntent, retrieveIntent } from './find-intent.js';
import { readIntent, type Intent } from './intent.js';
import { sendCancel } from './query-intent.js';
import { unknown } from './reply.js';

type Ended = Moved | Pending | Failed | Unknown | 'held';

export async function startVoid(client: StripeClient, request: FollowUpRequest): Promise<FollowUpOutcome> {
  const found = await findIntent(client, request.of);
  if (found.kind === 'not_found') return unknown(noAuthorization);
  if (found.kind !== 'intent') return found;
  const ended = mapVoid(found.intent, request);
  return ended === 'held' ? voidHeld(client, request, found.intent.id) : ended;
}

export async function queryVoid(client: StripeClient, request: FollowUpRequest): Promise<FollowUpLookup> {
  const found = await findIntent(client, request.of);
  if (found.kind === 'not_found') return unknown(noAuthorization);
  if (found.kind !== 'intent') return found;
  const ended = mapVoid(found.intent, request);
  return ended === 'held' ? { kind: 'not_found' } : ended;
}

async function voidHeld(
  client: StripeClient,
  request: FollowUpRequest,
  id: string,
): Promise<FollowUpOutcome> {
  const answer = await sendCancel(client, request, id);
  if (answer.kind === 'not_executed') return answer;
  if (answer.kind === 'denied') return { kind: 'not_executed', error: answer.error };
  if (answer.kind === 'reply') {
    const read = readIntent(answer.reply, request.of, client.credential);
    if (read.kind !== 'intent') return unknown(read.error);
    return orUnknown(mapVoid(read.intent, request));
  }
  const found = await retrieveIntent(client, request.of, id);
  return found.kind === 'intent'
    ? orUnknown(mapVoid(found.intent, request))
    : unknown(answer.error, 'replay');
}

function mapVoid(intent: Intent, request: FollowUpRequest): Ended {
  const { id, status } = intent;
  switch (status) {
    case 'canceled':
      return {
        kind: 'succeeded',
        moved: {
          reference: request.reference,
          amountMinor: intent.amountMinor,
          currency: intent.currency,
          providerReference: id,
          movedAtMs: intent.canceledAtMs ?? null,
        },
      };
    case 'requires_capture':
      return 'held';
    case 'processing':
      return { kind: 'pending', why: 'processing', providerReference: id };
    case 'succeeded': {
      const error = { code: 'already_captured', message: 'the authorization was captured' };
      return { kind: 'failed', reason: 'conflict', error };
    }
    case 'requires_payment_method':
    case 'requires_confirmation':
    case 'requires_action':
      return unknown({ code: 'unexpected_state', message: 'nothing is authorized' }, 'query', id);
  }
}

const noAuthorization = { code: 'no_authorization', message: 'Stripe does not find the authorization' };

function orUnknown(ended: Ended): Exclude<Ended, 'held'> {
  if (ended !== 'held') return ended;
  return unknown({ code: 'not_canceled', message: 'Stripe has not let the authorization go' }, 'replay');
}
