import type { NotExecuted, NotFound, Unknown } from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import type { Answer, StripeClient } from './client.js';
import { CAPTURE_KEY, isIntentId, readIntent, REFERENCE_KEY, type Intent } from './intent.js';
import { isRecord, recordOf, textOf, unknown, unreadable, type Reply } from './reply.js';

export type FoundIntent =
  { readonly kind: 'intent'; readonly intent: Intent } | NotFound | NotExecuted | Unknown;

/** The operation's PaymentIntent as it is now: by Stripe's id, or where none was ever told by our reference. */
export async function findIntent(client: StripeClient, of: OperationReference): Promise<FoundIntent> {
  if (of.providerReference !== null && isIntentId(of.providerReference)) {
    return retrieveIntent(client, of, of.providerReference);
  }
  const found = await findId(client, of);
  return typeof found === 'string' ? retrieveIntent(client, of, found) : found;
}

export async function retrieveIntent(
  client: StripeClient,
  of: OperationReference,
  id: string,
): Promise<FoundIntent> {
  const answer = await client.ask((sdk) => sdk.paymentIntents.retrieve(id, { expand: ['latest_charge'] }));
  // An id that Stripe once told cannot be missing: another account's key was asked, which proves nothing.
  if (answer.kind !== 'reply') return notTold(answer);
  const read = readIntent(answer.reply, of, client.credential);
  return read.kind === 'intent' ? read : unknown(read.error);
}

const PAGE_SIZE = 50;
const MAX_PAGES = 3;
const CLOCK_MARGIN_MS = 300_000;

/**
 * The search has every object within a minute, in outages within an hour, and is not offered in India; the list has
 * it at once, but an account's payments of one hour may be too many to read through
 * (https://docs.stripe.com/search#data-freshness, read 2026-11). So both are asked, and only a search that answered,
 * or a list that was read to its end, says that there is none.
 */
async function findId(
  client: StripeClient,
  of: OperationReference,
): Promise<string | NotFound | NotExecuted | Unknown> {
  if (!/^[0-9a-z]{1,64}$/.test(of.reference)) return { kind: 'not_found' };
  const key = of.kind === 'capture' ? CAPTURE_KEY : REFERENCE_KEY;
  const searched = await client.ask((sdk) =>
    sdk.paymentIntents.search({ query: `metadata['${key}']:'${of.reference}'`, limit: 10 }),
  );
  if (searched.kind !== 'reply' && searched.kind !== 'refused') return notTold(searched);
  const page = searched.kind === 'reply' ? readPage(searched.reply) : undefined;
  const ids = page ? matching(page, key, of.reference) : [];
  if (ids.length > 1)
    return unknown({ code: 'ambiguous', message: 'several PaymentIntents bear the reference' });
  if (ids[0] !== undefined) return ids[0];
  const listed = await findInList(client, of, key);
  return listed ?? (page ? { kind: 'not_found' } : unknown(notSearched));
}

/** Undefined where the list is longer than is read. */
async function findInList(
  client: StripeClient,
  of: OperationReference,
  key: string,
): Promise<string | NotFound | NotExecuted | Unknown | undefined> {
  const since = Math.floor((of.plannedAtMs - CLOCK_MARGIN_MS) / 1000);
  let after: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const from = after === undefined ? {} : { starting_after: after };
    const answer = await client.ask((sdk) =>
      sdk.paymentIntents.list({ created: { gte: since }, limit: PAGE_SIZE, ...from }),
    );
    if (answer.kind !== 'reply') return notTold(answer);
    const page = readPage(answer.reply);
    if (!page) return unknown(unreadable('a list'));
    const [id] = matching(page, key, of.reference);
    if (id !== undefined) return id;
    const last = page.data.at(-1);
    after = last && textOf(last, 'id');
    if (!page.hasMore || after === undefined) return { kind: 'not_found' };
  }
  return undefined;
}

const notSearched = {
  code: 'not_searched',
  message: 'Stripe offers no search here, and the list is too long',
};

interface Page {
  readonly data: readonly Reply[];
  readonly hasMore: boolean;
}

export function readPage(reply: Reply): Page | undefined {
  const { data, has_more: hasMore } = reply;
  if (!Array.isArray(data) || typeof hasMore !== 'boolean') return undefined;
  const objects: unknown[] = data;
  return objects.every(isRecord) ? { data: objects, hasMore } : undefined;
}

function matching({ data }: Page, key: string, reference: string): string[] {
  return data
    .filter((object) => textOf(recordOf(object, 'metadata') ?? {}, key) === reference)
    .map((object) => textOf(object, 'id') ?? '')
    .filter(isIntentId);
}

/** Of a question that Stripe did not answer: whatever the refusal, it says nothing about the money. */
export function notTold(answer: Exclude<Answer, { kind: 'reply' }>): NotExecuted | Unknown {
  if (answer.kind === 'not_executed') return answer;
  if (answer.kind === 'denied') return { kind: 'not_executed', error: answer.error };
  return unknown(answer.error);
}
