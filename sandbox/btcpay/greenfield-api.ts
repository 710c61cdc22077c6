import type { BtcpayStore } from './credentials.js';
import { minorDigits } from './coin-amounts.js';
import type { InvoiceBook } from './invoice-book.js';
import {
  readCreateRequest,
  readMarkRequest,
  readUpdateRequest,
  readWebhookRequest,
  type ValidationError,
} from './invoice-request.js';
import { orderIdOf, type Invoice } from './invoice.js';
import { invoiceModel, paymentMethodModels } from './greenfield-models.js';
import type { RateTable } from './rate-table.js';
import type { WebhookRegistry } from './webhook-registry.js';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly body: Buffer;
}

export interface ApiReply {
  readonly status: number;
  /** Null: an empty body. */
  readonly body: unknown;
}

export const apiOperations = [
  'create',
  'list',
  'get',
  'payment_methods',
  'mark',
  'archive',
  'update',
  'webhook',
] as const;
export type ApiOperation = (typeof apiOperations)[number];

/** A call that was understood, and is not carried out yet. */
export interface PlannedCall {
  readonly operation: ApiOperation;
  /** The order that it is about, where it says so. */
  readonly reference: string | undefined;
  readonly run: () => ApiReply;
}

export interface ApiDependencies {
  readonly stores: readonly BtcpayStore[];
  readonly invoices: InvoiceBook;
  readonly rates: RateTable;
  readonly webhooks: WebhookRegistry;
  readonly pageUrl: (invoice: Invoice) => string;
}

/** The key first, then its permission, then the path: the order in which the real server looks. */
export function planCall(request: ApiRequest, dependencies: ApiDependencies): PlannedCall | ApiReply {
  const token = /^token (\S+)$/.exec(request.authorization ?? '')?.[1];
  const owned = dependencies.stores.find(({ apiKey }) => apiKey === token);
  if (!owned) return error(401, 'unauthenticated', 'Authentication is required for accessing this endpoint');
  const [, storeId, rest = ''] =
    /^\/api\/v1\/stores\/([^/]+)(\/.*)?$/.exec(request.path.replace(/\/$/, '')) ?? [];
  if (storeId === undefined) return { status: 404, body: null };
  if (storeId !== owned.storeId) return missingPermission('btcpay.store.canviewinvoices');
  const unknown = unknownParameter(request.query);
  if (unknown) return { status: 422, body: [{ path: unknown, message: 'is no parameter of this endpoint' }] };
  const body = readBody(request);
  if (body === malformed) return error(400, 'json-error', 'The body is not JSON');
  return planForStore(owned, request, rest, body, dependencies) ?? { status: 404, body: null };
}

function planForStore(
  store: BtcpayStore,
  { method, query }: ApiRequest,
  path: string,
  body: unknown,
  dependencies: ApiDependencies,
): PlannedCall | undefined {
  if (path === '/invoices' && method === 'GET') return planList(store, query, dependencies);
  if (path === '/invoices' && method === 'POST') return planCreate(store, body, dependencies);
  if (path === '/webhooks' && method === 'POST') return planRegister(store, body, dependencies);
  const webhookId = /^\/webhooks\/(\w+)$/.exec(path)?.[1];
  if (webhookId !== undefined && method === 'DELETE') return planRemove(store, webhookId, dependencies);
  const [, id, what = ''] = /^\/invoices\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
  if (id === undefined) return undefined;
  const invoice = dependencies.invoices.find(decodeURIComponent(id));
  const isOurs = invoice?.storeId === store.storeId;
  return planForInvoice(isOurs ? invoice : undefined, `${method} ${what}`, query, body, dependencies);
}

function planForInvoice(
  invoice: Invoice | undefined,
  call: string,
  query: URLSearchParams,
  body: unknown,
  { invoices, pageUrl }: ApiDependencies,
): PlannedCall | undefined {
  const model = (of: Invoice): ApiReply => ({ status: 200, body: invoiceModel(of, pageUrl(of)) });
  const plan = (operation: ApiOperation, run: (of: Invoice) => ApiReply): PlannedCall => ({
    operation,
    reference: invoice && (orderIdOf(invoice) ?? undefined),
    run: () => (invoice ? run(invoice) : error(404, 'invoice-not-found', 'The invoice was not found')),
  });
  switch (call) {
    case 'GET ':
      return plan('get', model);
    case 'GET payment-methods':
      return plan('payment_methods', (of) => ({
        status: 200,
        body: paymentMethodModels(of, query.get('onlyAccountedPayments') !== 'false'),
      }));
    case 'POST status':
      return plan('mark', (of) => {
        const status = readMarkRequest(body);
        if (typeof status !== 'string') return invalid(status);
        return invoices.mark(of, status) ? model(of) : invalid([notMarkable]);
      });
    case 'PUT ':
      return plan('update', (of) => {
        const metadata = readUpdateRequest(body);
        if (Array.isArray(metadata)) return invalid(metadata);
        invoices.update(of, metadata);
        return model(of);
      });
    case 'DELETE ':
    case 'POST unarchive':
      return plan('archive', (of) => {
        invoices.archive(of, call === 'DELETE ');
        return call === 'DELETE ' ? { status: 200, body: null } : model(of);
      });
    default:
      return undefined;
  }
}

const notMarkable: ValidationError = {
  path: 'Status',
  message: 'Status can only be marked to invalid or settled within certain conditions.',
};

function planList(
  { storeId }: BtcpayStore,
  query: URLSearchParams,
  { invoices, pageUrl }: ApiDependencies,
): PlannedCall {
  const orderIds = query.getAll('orderId');
  const whole = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);
  const run = (): ApiReply => {
    const filter = {
      orderIds,
      isArchivedToo: query.get('includeArchived') === 'true',
      skip: whole('skip', 0),
      take: whole('take', 1000),
    };
    const found = invoices.list(storeId, filter);
    return { status: 200, body: found.map((invoice) => invoiceModel(invoice, pageUrl(invoice))) };
  };
  return { operation: 'list', reference: orderIds[0], run };
}

function planCreate(
  { storeId }: BtcpayStore,
  body: unknown,
  { invoices, rates, pageUrl }: ApiDependencies,
): PlannedCall {
  const request = readCreateRequest(body);
  if (Array.isArray(request)) {
    return { operation: 'create', reference: undefined, run: () => invalid(request) };
  }
  const { orderId } = request.metadata;
  const run = (): ApiReply => {
    const rate = rates.of(request.currency);
    if (rate === undefined) {
      const digits = minorDigits(request.currency);
      const message = `Error retrieving a matching payment method or rate.\nBTC_${request.currency} (${digits} digits)`;
      return error(400, 'generic-error', message);
    }
    const invoice = invoices.create(storeId, request, rate);
    return { status: 200, body: invoiceModel(invoice, pageUrl(invoice)) };
  };
  return { operation: 'create', reference: typeof orderId === 'string' ? orderId : undefined, run };
}

function planRegister({ storeId }: BtcpayStore, body: unknown, { webhooks }: ApiDependencies): PlannedCall {
  const request = readWebhookRequest(body);
  const run = (): ApiReply =>
    Array.isArray(request) ? invalid(request) : { status: 200, body: webhooks.register(storeId, request) };
  return { operation: 'webhook', reference: undefined, run };
}

function planRemove({ storeId }: BtcpayStore, id: string, { webhooks }: ApiDependencies): PlannedCall {
  const run = (): ApiReply =>
    webhooks.remove(storeId, id)
      ? { status: 200, body: null }
      : error(404, 'webhook-not-found', 'The webhook was not found');
  return { operation: 'webhook', reference: undefined, run };
}

const parameters = new Set([
  'orderId',
  'status',
  'textSearch',
  'startDate',
  'endDate',
  'includeArchived',
  'skip',
  'take',
  'onlyAccountedPayments',
  'includeSensitive',
]);

function unknownParameter(query: URLSearchParams): string | undefined {
  return [...query.keys()].find((name) => !parameters.has(name));
}

const malformed = Symbol('malformed');

function readBody({ body }: ApiRequest): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return malformed;
  }
}

function invalid(errors: readonly ValidationError[]): ApiReply {
  return { status: 422, body: errors };
}

function missingPermission(missing: string): ApiReply {
  const message = `Insufficient API Permissions. Please use an API key with permission "${missing}".`;
  return { status: 403, body: { missingPermission: missing, code: 'missing-permission', message } };
}

function error(status: number, code: string, message: string): ApiReply {
  return { status, body: { code, message } };
}
