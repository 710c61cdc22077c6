import { describe, expect, it } from 'vitest';
import type { RoutingRule } from '../../domain/routing-rules.js';
import { route, type RoutedPayment } from '../../domain/routing.js';
import { accountOf, anywhere, rulesOf, toAccounts } from './routing-parts.js';

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

describe("the payer's IP address", () => {
  const reach = {
    ...accountOf('a').reach!,
    flows: ['qr_code', 'redirect'],
    flowsByPayerIp: ['redirect'],
  } as const;
  const account = accountOf('a', { reach });
  const refusalOf = (flow: 'qr_code' | 'redirect' | undefined, hasPayerIp?: boolean) =>
    route({ ...payment, flow, ...(hasPayerIp === undefined ? {} : { hasPayerIp }) }, null, [account]).refusal;

  it('is asked for where the flow needs it, and nobody told it', () => {
    expect(refusalOf('redirect', false)).toMatchObject({ lacking: 'payer_ip_missing' });
    for (const served of [refusalOf('redirect', true), refusalOf('redirect'), refusalOf(undefined, false)])
      expect(served).toBeNull();
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
