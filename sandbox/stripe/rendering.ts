import type { Charge } from './charges.js';
import type { Intent } from './intent-object.js';
import { integer, items, text, type Parameters } from './parameters.js';
import { invalid } from './refusal.js';
import type { Work } from './work.js';

export type Body = Readonly<Record<string, unknown>>;

export function render(work: Work, { body }: Intent, parameters: Parameters): Body {
  if (items(parameters, 'expand').length === 0 || body.latest_charge === null) return body;
  const charge = work.store.get('charge', body.latest_charge) as Charge | undefined;
  return { ...body, latest_charge: charge?.body ?? null };
}

/** The one property that can be expanded here. */
export function checkExpand(parameters: Parameters): void {
  if (items(parameters, 'expand').every((name) => name === 'latest_charge')) return;
  throw invalid('This property cannot be expanded.', { param: 'expand' });
}

const DEFAULT_LIMIT = 10;

export function page(parameters: Parameters, url: string, objects: readonly Body[]): Body {
  const limit = integer(parameters, 'limit') ?? DEFAULT_LIMIT;
  if (limit < 1 || limit > 100) throw invalid('limit must be between 1 and 100', { param: 'limit' });
  const after = text(parameters, 'starting_after');
  const index = after === undefined ? -1 : objects.findIndex(({ id }) => id === after);
  if (after !== undefined && index < 0) {
    throw invalid(`No such object: '${after}'`, { code: 'resource_missing', param: 'starting_after' });
  }
  const rest = objects.slice(index + 1);
  return { object: 'list', data: rest.slice(0, limit), has_more: rest.length > limit, url };
}
