import type { Intent } from './intent-object.js';
import { allowOnly, integer, required, type Parameters } from './parameters.js';
import { invalid } from './refusal.js';
import { page, type Body } from './rendering.js';
import type { Work } from './work.js';

/** Has every PaymentIntent the moment it was made. */
export function listIntents(parameters: Parameters): (work: Work) => Body {
  allowOnly(parameters, ['created{}', 'limit', 'starting_after']);
  const since = integer(parameters, 'created[gte]') ?? 0;
  return (work) => {
    const intents = intentsOf(work).filter(({ createdMs }) => Math.floor(createdMs / 1000) >= since);
    const bodies = intents.map(({ body }) => body);
    return page(parameters, '/v1/payment_intents', bodies);
  };
}

/** Has them only after a while (https://docs.stripe.com/search#data-freshness, read 2026-11). */
export function searchIntents(parameters: Parameters): (work: Work) => Body {
  allowOnly(parameters, ['limit', 'query']);
  const query = required(parameters, 'query');
  const [, key, value] = /^metadata\['([^']+)'\]:'([^']+)'$/.exec(query) ?? [];
  if (key === undefined || value === undefined) {
    throw invalid('We were unable to parse your search query.', { param: 'query' });
  }
  return (work) => {
    const bodies = intentsOf(work)
      .filter(({ createdMs }) => createdMs + work.searchLagMs <= work.nowMs)
      .map(({ body }) => body)
      .filter((body) => body.metadata[key] === value);
    return {
      ...page(parameters, '/v1/payment_intents/search', bodies),
      object: 'search_result',
      next_page: null,
    };
  };
}

function intentsOf({ store, account }: Work): Intent[] {
  const intents = store.all('payment_intent') as unknown as Intent[];
  return intents.filter((intent) => intent.account === account);
}
