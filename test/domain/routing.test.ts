import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardFundings } from '../../domain/outcome.js';
import type { ActiveRules, RoutingRule, RuleAccount } from '../../domain/routing-rules.js';
import { route, type RoutableAccount, type RoutedPayment } from '../../domain/routing.js';
import { weightedOrder } from '../../domain/weighted-order.js';

const payment: RoutedPayment = {
  method: 'card',
  currency: 'EUR',
  amountMinor: 5_000,
  country: 'DE',
  cardFunding: null,
  kind: 'sale',
  flow: undefined,
  tokens: { kind: 'expected' },
  seed: 'pay_1',
};

function accountOf(id: string, change: Partial<RoutableAccount> = {}): RoutableAccount {
  return {
    id,
    provider: 'stripe',
    method: 'card',
    currencies: ['EUR', 'USD'],
    hasCredential: true,
    isMisconfigured: false,
    isStopped: false,
    reach: {
      methods: ['card'],
      currencies: ['EUR', 'USD', 'CNY'],
      countries: null,
      minAmountMinor: 50,
      maxAmountMinor: 1_000_000,
      operations: ['sale', 'refund'],
      flows: ['redirect'],
      needsToken: true,
    },
    ...change,
  };
}

const anywhere: RoutingRule['when'] = {
  methods: null,
  currencies: null,
  countries: null,
  amount: null,
  cardFunding: null,
};

function rulesOf(rules: readonly RoutingRule[], change: Partial<ActiveRules> = {}): ActiveRules {
  return { version: 3, rules, maxAttempts: null, refusedFunding: [], ...change };
}

function toAccounts(...accounts: RuleAccount[]): RoutingRule['then'] {
  return { kind: 'accounts', accounts, maxAttempts: null, refusedFunding: [] };
}

const idsOf = (routing: ReturnType<typeof route>) => routing.chosen.map(({ id }) => id);
const [a, b, c] = [accountOf('a'), accountOf('b'), accountOf('c')];

describe('without rules', () => {
  it('accounts come by their own priority, one and one more', () => {
    const routing = route(payment, null, [b, a, c]);
    expect(idsOf(routing)).toEqual(['b', 'a']);
    expect(routing).toMatchObject({ version: null, rule: null, maxAttempts: 2, refusedFunding: [] });
    expect(routing.accounts.at(-1)).toEqual({ account: c, leftOut: 'attempts' });
  });
});

describe('a rule', () => {
  const only = (id: string, when: Partial<RoutingRule['when']>, to = id): RoutingRule => ({
    id,
    when: { ...anywhere, ...when },
    then: toAccounts({ account: to, priority: 0, weight: 1 }),
  });

  it.each([
    ['method', { methods: ['paypal'] }],
    ['currency', { currencies: ['USD'] }],
    ['country', { countries: ['FR'] }],
    ['amount', { amount: { minMinor: 5_001, maxMinor: null } }],
    ['amount', { amount: { minMinor: null, maxMinor: 4_999 } }],
    ['card_funding', { cardFunding: ['credit'] }],
  ] as const)('is passed over where its %s does not hold', (missed, when) => {
    const routing = route(payment, rulesOf([only('x', when, 'c'), only('y', {}, 'b')]), [a, b, c]);
    expect(routing.rules).toEqual([
      { id: 'x', missed },
      { id: 'y', missed: null },
    ]);
    expect(idsOf(routing)).toEqual(['b']);
  });

  it('matches where all of it holds, ends of a range included', () => {
    const when = {
      methods: ['card'],
      currencies: ['EUR'],
      countries: ['DE'],
      amount: { minMinor: 5_000, maxMinor: 5_000 },
      cardFunding: ['debit'],
    } as const;
    const routing = route({ ...payment, cardFunding: 'debit' }, rulesOf([only('x', when, 'c')]), [a, b, c]);
    expect(idsOf(routing)).toEqual(['c']);
    expect(routing.accounts.filter(({ leftOut }) => leftOut === 'not_in_rule')).toHaveLength(2);
  });

  it('that no account of which serves the payment does not fall through to the next one', () => {
    const stopped = accountOf('c', { isStopped: true });
    const routing = route(payment, rulesOf([only('x', {}, 'c'), only('y', {}, 'b')]), [a, b, stopped]);
    expect(routing.refusal).toEqual({ kind: 'accounts', lacking: 'stopped', accounts: [stopped] });
  });

  it('puts the lowest priority first, and the weights decide within one', () => {
    const then = toAccounts(
      { account: 'c', priority: 1, weight: 1 },
      { account: 'a', priority: 0, weight: 3 },
      { account: 'b', priority: 0, weight: 1 },
    );
    const rules = rulesOf([{ id: 'x', when: anywhere, then }], { maxAttempts: 3 });
    const firsts = Array.from({ length: 4_000 }, (_, n) =>
      idsOf(route({ ...payment, seed: `pay_${n}` }, rules, [a, b, c])),
    );
    expect(firsts.every((ids) => ids[2] === 'c')).toBe(true);
    const share = firsts.filter((ids) => ids[0] === 'a').length / firsts.length;
    expect(share).toBeGreaterThan(0.71);
    expect(share).toBeLessThan(0.79);
  });
});

describe('a refusal', () => {
  const refuse = (id: string, when: Partial<RoutingRule['when']>): RoutingRule => ({
    id,
    when: { ...anywhere, ...when },
    then: { kind: 'refuse', reason: 'not here' },
  });

  it('is the rule’s where it matches', () => {
    const routing = route(payment, rulesOf([refuse('no-de', { countries: ['DE'] })]), [a]);
    expect(routing.refusal).toEqual({ kind: 'rule', rule: 'no-de', reason: 'not here' });
    expect(routing.chosen).toEqual([]);
  });

  it('of a funding holds at the provider too, whatever the checkout knew', () => {
    const rules = rulesOf([refuse('no-prepaid', { cardFunding: ['prepaid'] })], {
      refusedFunding: ['unknown'],
    });
    for (const cardFunding of [null, 'credit'] as const) {
      const routing = route({ ...payment, cardFunding }, rules, [a]);
      expect([idsOf(routing), routing.refusedFunding]).toEqual([['a'], ['prepaid', 'unknown']]);
    }
    expect(route({ ...payment, cardFunding: 'prepaid' }, rules, [a]).refusal).toMatchObject({
      rule: 'no-prepaid',
    });
  });

  it('of a funding elsewhere is none here', () => {
    const rules = rulesOf([refuse('no-us-prepaid', { cardFunding: ['prepaid'], countries: ['US'] })]);
    expect(route(payment, rules, [a]).refusedFunding).toEqual([]);
  });

  it.each([
    ['method', { method: 'paypal' }],
    ['credential', { hasCredential: false }],
    ['misconfigured', { isMisconfigured: true }],
    ['stopped', { isStopped: true }],
    ['currency', { currencies: ['USD'] }],
    ['country', { reach: { ...a.reach!, countries: ['CN'] } }],
    ['amount_too_small', { reach: { ...a.reach!, minAmountMinor: 5_001 } }],
    ['amount_too_large', { reach: { ...a.reach!, maxAmountMinor: 4_999 } }],
  ] as const)('names what the accounts lack: %s', (lacking, change) => {
    const account = accountOf('a', change);
    expect(route(payment, null, [account]).refusal).toEqual({
      kind: 'accounts',
      lacking,
      accounts: [account],
    });
  });

  it('names what the account that came furthest lacks', () => {
    const accounts = [accountOf('a', { isStopped: true }), accountOf('b', { currencies: ['USD'] })];
    expect(route(payment, null, accounts).refusal).toMatchObject({
      lacking: 'currency',
      accounts: [{ id: 'b' }],
    });
  });

  it('comes of a capture by hand where nobody authorizes, and of a flow that nobody has', () => {
    expect(route({ ...payment, kind: 'authorize' }, null, [a]).refusal).toMatchObject({
      lacking: 'operation',
    });
    expect(route({ ...payment, flow: 'qr_code' }, null, [a]).refusal).toMatchObject({ lacking: 'flow' });
  });

  it('comes of no country, where an account serves some and the payer’s is not told, never', () => {
    const account = accountOf('a', { reach: { ...a.reach!, countries: ['CN'] } });
    expect(idsOf(route({ ...payment, country: null }, null, [account]))).toEqual(['a']);
  });
});

describe('tokens', () => {
  it('lead a payment only to accounts that one came for', () => {
    const tokens = { kind: 'by_account', tokens: { b: 'pm_b' } } as const;
    expect(idsOf(route({ ...payment, tokens }, null, [a, b, c]))).toEqual(['b']);
  });

  it('a single one is the first account’s alone', () => {
    const tokens = { kind: 'single', token: 'pm_1' } as const;
    const routing = route({ ...payment, tokens }, null, [a, b]);
    expect(idsOf(routing)).toEqual(['a']);
    expect(routing.accounts[1]).toEqual({ account: b, leftOut: 'token_missing' });
  });

  it('are not what an object inherits', () => {
    const tokens = { kind: 'by_account', tokens: {} } as const;
    expect(route({ ...payment, tokens }, null, [accountOf('toString')]).refusal).toMatchObject({
      lacking: 'token_missing',
    });
  });
});

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
    accountOf(account.id, { ...account, reach: { ...a.reach!, needsToken, maxAmountMinor } }),
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
