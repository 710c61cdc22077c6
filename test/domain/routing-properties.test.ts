import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardFundings } from '../../domain/outcome.js';
import type { RoutingRule } from '../../domain/routing-rules.js';
import { route, type RoutedPayment } from '../../domain/routing.js';
import { weightedOrder } from '../../domain/weighted-order.js';
import { accountOf, rulesOf } from './routing-parts.js';

const anyAccount = fc
  .record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    isStopped: fc.boolean(),
    isMisconfigured: fc.boolean(),
    hasCredential: fc.boolean(),
    currencies: fc.constantFrom(['EUR'], ['USD'], ['EUR', 'USD']),
    needsToken: fc.boolean(),
    maxAmountMinor: fc.constantFrom(1_000, 1_000_000),
  })
  .map(({ needsToken, maxAmountMinor, ...account }) =>
    accountOf(account.id, { ...account, reach: { ...accountOf('a').reach!, needsToken, maxAmountMinor } }),
  );
const anyAccounts = fc.uniqueArray(anyAccount, { selector: ({ id }) => id, maxLength: 5 });
const someOf = <T>(...values: T[]) => fc.option(fc.subarray(values, { minLength: 1 }), { nil: null });
const anyRule: fc.Arbitrary<RoutingRule> = fc.record({
  id: fc.constantFrom('r1', 'r2', 'r3'),
  when: fc.record({
    methods: someOf('card', 'paypal'),
    currencies: someOf('EUR', 'USD'),
    countries: someOf('DE', 'FR'),
    amount: fc.option(fc.constant({ minMinor: 100, maxMinor: 10_000 }), { nil: null }),
    cardFunding: someOf(...cardFundings),
  }),
  then: fc.oneof(
    fc.constant({ kind: 'refuse' as const, reason: 'no' }),
    fc.record({
      kind: fc.constant('accounts' as const),
      accounts: fc.uniqueArray(
        fc.record({
          account: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'gone'),
          priority: fc.integer({ min: 0, max: 2 }),
          weight: fc.integer({ min: 1, max: 100 }),
        }),
        { selector: ({ account }) => account, minLength: 1 },
      ),
      maxAttempts: fc.option(fc.integer({ min: 1, max: 5 }), { nil: null }),
      refusedFunding: fc.subarray([...cardFundings]),
    }),
  ),
});
const anyRules = fc.option(
  fc.array(anyRule, { maxLength: 4 }).map((rules) => rulesOf(rules)),
  { nil: null },
);
const anyPayment: fc.Arbitrary<RoutedPayment> = fc.record({
  method: fc.constantFrom('card', 'paypal'),
  currency: fc.constantFrom('EUR', 'USD'),
  amountMinor: fc.constantFrom(10, 100, 5_000, 100_000),
  country: fc.constantFrom('DE', 'FR', null),
  cardFunding: fc.constantFrom(null, ...cardFundings),
  kind: fc.constantFrom('sale' as const, 'authorize' as const),
  flow: fc.constantFrom(undefined, 'redirect' as const),
  tokens: fc.oneof(
    fc.constant({ kind: 'none' as const }),
    fc.constant({ kind: 'expected' as const }),
    fc.constant({ kind: 'single' as const, token: 't' }),
    fc.subarray(['a', 'b', 'c']).map((ids) => ({
      kind: 'by_account' as const,
      tokens: Object.fromEntries(ids.map((id) => [id, `token of ${id}`])),
    })),
  ),
  seed: fc.string(),
});

describe('whatever the rules, the accounts and the payment', () => {
  it('every account is considered once, is chosen or says why not, and the choice is a function', () => {
    fc.assert(
      fc.property(anyPayment, anyRules, anyAccounts, (paid, rules, accounts) => {
        const routing = route(paid, rules, accounts);
        expect(routing.accounts.map(({ account }) => account.id).sort()).toEqual(
          accounts.map(({ id }) => id).sort(),
        );
        expect(routing.chosen.length).toBeLessThanOrEqual(routing.maxAttempts);
        expect(routing.refusal === null).toBe(routing.chosen.length > 0);
        for (const chosen of routing.chosen) {
          expect([chosen.isStopped, chosen.isMisconfigured, chosen.hasCredential]).toEqual([
            false,
            false,
            true,
          ]);
          expect(chosen.currencies).toContain(paid.currency);
          expect(paid.amountMinor).toBeLessThanOrEqual(chosen.reach!.maxAmountMinor);
        }
        expect(route(paid, rules, accounts)).toEqual(routing);
      }),
    );
  });

  it('a token never goes to an account that it did not come for', () => {
    fc.assert(
      fc.property(anyPayment, anyRules, anyAccounts, (paid, rules, accounts) => {
        const takers = route(paid, rules, accounts).chosen.filter(({ reach }) => reach!.needsToken);
        if (paid.tokens.kind === 'none') expect(takers).toEqual([]);
        if (paid.tokens.kind === 'single') expect(takers.length).toBeLessThanOrEqual(1);
        if (paid.tokens.kind === 'by_account') {
          for (const { id } of takers) expect(Object.keys(paid.tokens.tokens)).toContain(id);
        }
      }),
    );
  });

  it('the weighted order has every entry once, and depends on nothing but the seed', () => {
    const anyEntries = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 10_000 }) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(anyEntries, fc.string(), (entries, seed) => {
        const ordered = weightedOrder(entries, seed);
        expect(new Set(ordered)).toEqual(new Set(entries));
        expect(ordered).toHaveLength(entries.length);
        expect(weightedOrder(entries, seed)).toEqual(ordered);
      }),
    );
  });
});
