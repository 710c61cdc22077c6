import {
  findProduct,
  insertProduct,
  listProducts,
  updateProduct,
  type ProductRecord,
} from '../../db/products.js';
import { toInstant } from '../../domain/payment-resource.js';
import { answerOnce } from '../idempotent-route.js';
import { listReply } from '../list-page.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { listQuery, productId } from '../request-schemas/fields.js';
import { createProductRequest, updateProductRequest } from '../request-schemas/products.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply, type ApiRequest } from '../route.js';

function toProductResource(product: ProductRecord) {
  return {
    id: product.id,
    object: 'product',
    name: product.name,
    type: product.type,
    price: { amount: product.priceMinor, currency: product.currency },
    repeatable: product.repeatable,
    active: product.active,
    created_at: toInstant(product.createdAtMs),
  };
}

function noSuchProduct(): Problem {
  return new Problem('not_found', 'There is no such product.');
}

function productIdOf(request: ApiRequest): string {
  const { success, data } = productId.safeParse(request.params['id']);
  if (!success) throw noSuchProduct();
  return data;
}

const createProduct = apiRoute({
  method: 'POST',
  path: '/v1/products',
  summary: 'Put a product on sale',
  body: createProductRequest,
  responses: { 201: { description: 'The product', schema: responses.product } },
  problems: ['already_exists'],
  handle: (request, context) =>
    answerOnce(request, context, async (trx) => {
      const { id, name, type, price, repeatable = false } = request.body;
      const priced = { id, name, type, priceMinor: price.amount, currency: price.currency, repeatable };
      const product = await insertProduct(trx, request.caller.tenant, priced);
      if (!product) throw fieldProblem('already_exists', '/id', 'You have a product of this id already.');
      return { objectId: id, status: 201, value: toProductResource(product) };
    }),
});

const changeProduct = apiRoute({
  method: 'POST',
  path: '/v1/products/:id',
  summary: 'Change a product; orders keep the price they were accepted with',
  body: updateProductRequest,
  responses: { 200: { description: 'The product', schema: responses.product } },
  problems: ['not_found'],
  handle: (request, context) =>
    answerOnce(request, context, async (trx) => {
      const { name, active, price } = request.body;
      const id = productIdOf(request);
      const product = await updateProduct(trx, request.caller.tenant, id, {
        ...(name === undefined ? {} : { name }),
        ...(active === undefined ? {} : { active }),
        ...(price === undefined ? {} : { priceMinor: price.amount, currency: price.currency }),
      });
      if (!product) throw noSuchProduct();
      return { objectId: id, status: 200, value: toProductResource(product) };
    }),
});

const getProduct = apiRoute({
  method: 'GET',
  path: '/v1/products/:id',
  summary: 'Read a product',
  responses: { 200: { description: 'The product', schema: responses.product } },
  problems: ['not_found'],
  async handle(request, context) {
    const product = await findProduct(context.database, request.caller.tenant, productIdOf(request));
    if (!product) throw noSuchProduct();
    return jsonReply(200, toProductResource(product));
  },
});

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/products',
  summary: 'List products, newest first',
  query: listQuery,
  responses: {
    200: { description: 'A page of products', schema: responses.listOf(responses.product, 'ProductList') },
  },
  handle: (request, context) =>
    listReply(
      request.query,
      (page) => listProducts(context.database, request.caller.tenant, page),
      toProductResource,
    ),
});

export const productRoutes = [createProduct, listRoute, getProduct, changeProduct];
