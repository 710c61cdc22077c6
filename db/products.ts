import type { PricedProduct, ProductType } from '../domain/pricing.js';
import type { Tenant } from '../domain/tenant.js';
import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';
import { uniqueViolation } from './transaction.js';

export interface ProductRecord extends PricedProduct {
  readonly createdAtMs: number;
}

interface ProductRow {
  id: string;
  name: string;
  type: ProductType;
  price_minor: number;
  currency: string;
  repeatable: boolean;
  active: boolean;
  created_at: Date;
}

const columns = 'id, name, type, price_minor, currency, repeatable, active, created_at';

const insert: Statement = {
  name: 'product-insert',
  text: /* sql */ `
    INSERT INTO products (merchant_id, mode, id, name, type, price_minor, currency, repeatable)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING ${columns}`,
};

/** Undefined where the merchant has a product of this id already; the caller's transaction is then lost. */
export async function insertProduct(
  executor: Executor,
  tenant: Tenant,
  product: Omit<PricedProduct, 'active'>,
): Promise<ProductRecord | undefined> {
  const { id, name, type, priceMinor, currency, repeatable } = product;
  const values = [tenant.merchantId, tenant.mode, id, name, type, priceMinor, currency, repeatable];
  try {
    const [row] = await run<ProductRow>(executor, insert, values);
    return row && fromRow(row);
  } catch (error) {
    if (uniqueViolation(error) === 'products_pkey') return undefined;
    throw error;
  }
}

const update: Statement = {
  name: 'product-update',
  text: /* sql */ `
    UPDATE products SET name = coalesce(?, name), active = coalesce(?, active),
           price_minor = coalesce(?, price_minor), currency = coalesce(?, currency)
     WHERE merchant_id = ? AND mode = ? AND id = ? RETURNING ${columns}`,
};

/** Absent fields stay as they are. Orders keep the price they were accepted with. */
export async function updateProduct(
  executor: Executor,
  tenant: Tenant,
  id: string,
  change: { name?: string; active?: boolean; priceMinor?: number; currency?: string },
): Promise<ProductRecord | undefined> {
  const { name = null, active = null, priceMinor = null, currency = null } = change;
  const values = [name, active, priceMinor, currency, tenant.merchantId, tenant.mode, id];
  const [row] = await run<ProductRow>(executor, update, values);
  return row && fromRow(row);
}

const selectOne: Statement = {
  name: 'product-by-id',
  text: `SELECT ${columns} FROM products WHERE merchant_id = ? AND mode = ? AND id = ?`,
};

export async function findProduct(
  executor: Executor,
  tenant: Tenant,
  id: string,
): Promise<ProductRecord | undefined> {
  const [row] = await run<ProductRow>(executor, selectOne, [tenant.merchantId, tenant.mode, id]);
  return row && fromRow(row);
}

/** A page, newest first; cursors are product ids. */
export async function listProducts(
  executor: Executor,
  tenant: Tenant,
  page: { limit: number; startingAfter?: string | undefined; endingBefore?: string | undefined },
): Promise<ProductRecord[]> {
  const backwards = page.endingBefore !== undefined;
  const cursor = page.endingBefore ?? page.startingAfter ?? '';
  const statement: Statement = {
    name: backwards ? 'products-before' : 'products-after',
    text: /* sql */ `
      SELECT ${columns} FROM products p WHERE p.merchant_id = ? AND p.mode = ?
         AND (? = '' OR (p.created_at, p.id) ${backwards ? '>' : '<'} (SELECT c.created_at, c.id FROM products c
               WHERE c.merchant_id = p.merchant_id AND c.mode = p.mode AND c.id = ?))
       ORDER BY p.created_at ${backwards ? 'ASC, p.id ASC' : 'DESC, p.id DESC'} LIMIT ?`,
  };
  const values = [tenant.merchantId, tenant.mode, cursor, cursor, page.limit];
  const rows = await run<ProductRow>(executor, statement, values);
  return (backwards ? rows.reverse() : rows).map(fromRow);
}

function fromRow(row: ProductRow): ProductRecord {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    priceMinor: row.price_minor,
    currency: row.currency,
    repeatable: row.repeatable,
    active: row.active,
    createdAtMs: row.created_at.getTime(),
  };
}
