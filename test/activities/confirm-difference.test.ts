import { expect, it } from 'vitest';
import { confirmDifference } from '../../activities/confirm-difference.js';
import { referenceOf } from '../../activities/provider-query-operation.js';
import type { PaidEvidence } from '../../domain/outcome.js';
import type { Connector } from '../../providers/connector.js';
import { operationFacts, paidFor, PRICE } from '../domain/facts.js';

const sale = operationFacts({ status: 'action_required' });
const told = (change: Partial<PaidEvidence>) => ({ kind: 'succeeded', paid: paidFor(sale, change) }) as const;
const then = (first: Partial<PaidEvidence>, second: Partial<PaidEvidence>) => {
  const connector = { query: () => Promise.resolve(told(second)) } as unknown as Connector;
  return confirmDifference(connector, sale, referenceOf(sale), told(first));
};

it.each<[string, Partial<PaidEvidence>, Partial<PaidEvidence>, string]>([
  ['the same again', { amountMinor: 90_000 }, { amountMinor: 90_000 }, 'succeeded'],
  ['what was asked for after all', { amountMinor: 90_000 }, { amountMinor: PRICE }, 'succeeded'],
  ['a third amount', { amountMinor: 90_000 }, { amountMinor: 80_000 }, 'unknown'],
  ['another currency', { amountMinor: 90_000 }, { amountMinor: 90_000, currency: 'USD' }, 'unknown'],
  ['that more of it went back', { refundedMinor: 10_000 }, { refundedMinor: 20_000 }, 'unknown'],
])('of another amount, and then %s', async (_what, first, second, kind) => {
  expect(await then(first, second)).toMatchObject({ kind });
});
