import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_AMOUNT_MINOR } from '../../domain/money.js';
import { priceOrder, type PricedProduct } from '../../domain/pricing.js';

const product = (id: string, change: Partial<PricedProduct> = {}): PricedProduct => ({
  id,
  name: id,
  type: 'course',
  priceMinor: 100,
  currency: 'CNY',
  repeatable: true,
  active: true,
  ...change,
});
const catalogue = (...products: PricedProduct[]) => new Map(products.map((known) => [known.id, known]));

const anyOrder = fc
  .uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 8 }),
      priceMinor: fc.integer({ min: 1, max: 1_000_000_000 }),
      quantity: fc.integer({ min: 1, max: 1000 }),
    }),
    { selector: (line) => line.id, maxLength: 20 },
  )
  .map((lines) => ({
    products: catalogue(...lines.map(({ id, priceMinor }) => product(id, { priceMinor }))),
    requested: lines.map(({ id, quantity }) => ({ product: id, quantity })),
    totalMinor: lines.reduce((total, line) => total + BigInt(line.priceMinor) * BigInt(line.quantity), 0n),
  }));

describe('the price of an order', () => {
  it('is exactly the sum of its lines, or too large', () => {
    fc.assert(
      fc.property(anyOrder, ({ products, requested, totalMinor }) => {
        const priced = priceOrder(requested, products, 'CNY');
        if (totalMinor > BigInt(MAX_AMOUNT_MINOR)) {
          expect(priced).toEqual({ ok: false, problem: { kind: 'too_large' } });
        } else {
          expect(priced).toMatchObject({ ok: true, totalMinor: Number(totalMinor) });
          if (!priced.ok) return;
          expect(priced.lines.map(({ position }) => position)).toEqual(requested.map((_, index) => index));
          expect(priced.lines.map(({ quantity }) => quantity)).toEqual(
            requested.map(({ quantity }) => quantity),
          );
        }
      }),
    );
  });

  it('does not depend on the order of its lines', () => {
    fc.assert(
      fc.property(anyOrder, ({ products, requested }) => {
        const there = priceOrder(requested, products, 'CNY');
        const back = priceOrder([...requested].reverse(), products, 'CNY');
        expect(there.ok && there.totalMinor).toBe(back.ok && back.totalMinor);
      }),
    );
  });

  it('stays exact at the limit, and names it beyond', () => {
    const most = catalogue(product('a', { priceMinor: MAX_AMOUNT_MINOR }), product('b', { priceMinor: 1 }));
    expect(priceOrder([{ product: 'a', quantity: 1 }], most, 'CNY')).toMatchObject({
      ok: true,
      totalMinor: MAX_AMOUNT_MINOR,
    });
    const beyond = [
      [
        { product: 'a', quantity: 1 },
        { product: 'b', quantity: 1 },
      ],
      [{ product: 'a', quantity: 2 }],
    ];
    for (const requested of [...beyond, [{ product: 'a', quantity: Number.MAX_SAFE_INTEGER }]]) {
      expect(priceOrder(requested, most, 'CNY')).toEqual({ ok: false, problem: { kind: 'too_large' } });
    }
  });
});

describe('an order is refused, and the line named,', () => {
  const products = catalogue(
    product('again'),
    product('once', { repeatable: false }),
    product('gone', { active: false }),
    product('usd', { currency: 'USD' }),
  );
  const problemOf = (...lines: [string, number][]) => {
    const requested = [['again', 2] as const, ...lines].map(([id, quantity]) => ({ product: id, quantity }));
    const priced = priceOrder(requested, products, 'CNY');
    return priced.ok ? undefined : priced.problem;
  };

  it.each([
    ['for a product that does not exist', ['none', 1], 'product_unknown'],
    ['for a product that is not for sale', ['gone', 1], 'product_not_for_sale'],
    ['for a price in another currency', ['usd', 1], 'currency_differs'],
    ['for the same product twice', ['again', 1], 'duplicate_line'],
    ['for two of what can be had once', ['once', 2], 'not_repeatable'],
    ['for a name that only JavaScript knows', ['__proto__', 1], 'product_unknown'],
  ] as const)('%s', (_, line, kind) => {
    expect(problemOf([...line])).toMatchObject({ kind, line: 1, product: line[0] });
  });

  it('unless nothing is wrong with it', () => {
    expect(problemOf(['once', 1])).toBeUndefined();
  });
});
