import { MAX_AMOUNT_MINOR } from './money.js';

export type ProductType = 'course' | 'ebook' | 'audio' | 'video' | 'membership';
export const productTypes = [
  'course',
  'ebook',
  'audio',
  'video',
  'membership',
] as const satisfies readonly ProductType[];

/** What pricing needs to know of a product. `priceMinor` is for one, in minor units of `currency`. */
export interface PricedProduct {
  readonly id: string;
  readonly name: string;
  readonly type: ProductType;
  readonly priceMinor: number;
  readonly currency: string;
  readonly repeatable: boolean;
  readonly active: boolean;
}

export interface RequestedLine {
  readonly product: string;
  readonly quantity: number;
}

export interface OrderLine {
  readonly position: number;
  readonly product: PricedProduct;
  readonly quantity: number;
  readonly amountMinor: number;
}

/** `line` is the index of the line at fault, from 0. */
export type PricingProblem =
  | { kind: 'product_unknown'; line: number; product: string }
  | { kind: 'product_not_for_sale'; line: number; product: string }
  | { kind: 'currency_differs'; line: number; product: string; currency: string }
  | { kind: 'not_repeatable'; line: number; product: string }
  | { kind: 'duplicate_line'; line: number; product: string }
  | { kind: 'too_large' };

export type PricedOrder =
  { ok: true; lines: readonly OrderLine[]; totalMinor: number } | { ok: false; problem: PricingProblem };

/** Prices an order from its lines; the total is what the payment's amount must equal. */
export function priceOrder(
  requested: readonly RequestedLine[],
  products: ReadonlyMap<string, PricedProduct>,
  currency: string,
): PricedOrder {
  const lines: OrderLine[] = [];
  const seen = new Set<string>();
  let totalMinor = 0;
  for (const [position, { product: id, quantity }] of requested.entries()) {
    const product = products.get(id);
    const problem = lineProblem(product, { line: position, product: id }, quantity, currency, seen);
    if (problem || !product) {
      return { ok: false, problem: problem ?? { kind: 'product_unknown', line: position, product: id } };
    }
    seen.add(id);
    const amountMinor = product.priceMinor * quantity;
    totalMinor += amountMinor;
    if (totalMinor > MAX_AMOUNT_MINOR) return { ok: false, problem: { kind: 'too_large' } };
    lines.push({ position, product, quantity, amountMinor });
  }
  return { ok: true, lines, totalMinor };
}

function lineProblem(
  product: PricedProduct | undefined,
  at: { line: number; product: string },
  quantity: number,
  currency: string,
  seen: ReadonlySet<string>,
): PricingProblem | undefined {
  if (!product) return { kind: 'product_unknown', ...at };
  if (!product.active) return { kind: 'product_not_for_sale', ...at };
  if (product.currency !== currency) return { kind: 'currency_differs', ...at, currency: product.currency };
  if (seen.has(at.product)) return { kind: 'duplicate_line', ...at };
  if (!product.repeatable && quantity !== 1) return { kind: 'not_repeatable', ...at };
  return undefined;
}
