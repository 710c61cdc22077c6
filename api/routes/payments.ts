import { paymentTimeline } from '../../db/events.js';
import { findPayment, findPaymentByReference, listPayments } from '../../db/payments.js';
import { isId } from '../../domain/ids.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import { toPaymentResource } from '../../domain/payment-resource.js';
import { listReply } from '../list-page.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { getPaymentQuery, listPaymentsQuery } from '../request-schemas/payments.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply, type ApiContext, type ApiRequest } from '../route.js';

/** The tenant's payment that a path names, or 404: another tenant's does not exist here. */
export async function requirePayment(context: ApiContext, request: ApiRequest): Promise<PaymentFacts> {
  const id = request.params['id'] ?? '';
  const payment = isId('payment', id)
    ? await findPayment(context.database, request.caller.tenant, id)
    : undefined;
  if (!payment) throw new Problem('not_found', 'There is no such payment.');
  return payment;
}

const getPayment = apiRoute({
  method: 'GET',
  path: '/v1/payments/:id',
  summary: 'Read a payment, or wait for it to change',
  query: getPaymentQuery,
  responses: { 200: { description: 'The payment', schema: responses.payment } },
  problems: ['not_found'],
  async handle(request, context) {
    const payment = await requirePayment(context, request);
    const { wait = 0, status = payment.record.status } = request.query;
    if (wait === 0 || payment.record.status !== status) {
      return jsonReply(200, toPaymentResource(payment.record));
    }
    const deadlineMs = request.receivedAtMs + wait * 1000;
    const { signal } = request;
    await context.answers.until(payment.record.id, (progress) => progress.status !== status, {
      deadlineMs,
      signal,
    });
    return jsonReply(200, toPaymentResource((await requirePayment(context, request)).record));
  },
});

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/payments',
  summary: 'List payments, newest first, or find the one with an order reference',
  query: listPaymentsQuery,
  responses: {
    200: { description: 'A page of payments', schema: responses.listOf(responses.payment, 'PaymentList') },
  },
  async handle(request, context) {
    const { database } = context;
    const { tenant } = request.caller;
    const { order_reference: reference, ...query } = request.query;
    if (reference !== undefined) {
      const payment = await findPaymentByReference(database, tenant, reference);
      const data = payment ? [toPaymentResource(payment.record)] : [];
      return jsonReply(200, { object: 'list', data, has_more: false });
    }
    for (const field of ['starting_after', 'ending_before'] as const) {
      const cursor = query[field];
      if (cursor !== undefined && !isId('payment', cursor)) {
        throw fieldProblem('invalid_field', `/${field}`, 'This is not the id of a payment.');
      }
    }
    return listReply(
      query,
      (page) => listPayments(database, tenant, page),
      (payment) => toPaymentResource(payment.record),
    );
  },
});

const listEvents = apiRoute({
  method: 'GET',
  path: '/v1/payments/:id/events',
  summary: "Read a payment's timeline, oldest first",
  responses: {
    200: { description: 'The timeline', schema: responses.listOf(responses.event, 'EventList') },
  },
  problems: ['not_found'],
  async handle(request, context) {
    const { tenant } = request.caller;
    const payment = await requirePayment(context, request);
    const data = await paymentTimeline(context.database, tenant, payment.record.id);
    return jsonReply(200, { object: 'list', data, has_more: false });
  },
});

export const paymentRoutes = [listRoute, getPayment, listEvents];
