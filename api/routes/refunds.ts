import type { z } from 'zod';
import { findIdempotencyRecord, markAnsweredAccepted, type IdempotencyRecord } from '../../db/idempotency.js';
import { findPayment } from '../../db/payments.js';
import { findRefund, listRefunds, requestRefund, type StoredRefund } from '../../db/refunds.js';
import { isId } from '../../domain/ids.js';
import { toRefundResource } from '../../domain/refund-resource.js';
import type { Tenant } from '../../domain/tenant.js';
import { keyReused } from '../idempotency-key.js';
import { listReply } from '../list-page.js';
import { deadlineOf, idempotencyScope, replayedHeader } from '../payment-answers.js';
import { planRefund } from '../plan-refund.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { createRefundRequest, listRefundsQuery } from '../request-schemas/refunds.js';
import * as responses from '../response-schemas.js';
import { apiRoute, jsonReply, type ApiContext, type ApiRequest, type Reply } from '../route.js';

const createRefund = apiRoute({
  method: 'POST',
  path: '/v1/refunds',
  summary: 'Give money back to the payer',
  body: createRefundRequest,
  responses: {
    201: { description: 'The refund has ended, or a person looks at it', schema: responses.refund },
    202: { description: 'Accepted; ask again for what became of it', schema: responses.refund },
  },
  problems: ['not_found', 'payment_not_refundable', 'refund_amount_exceeded'],
  handle: postRefund,
});

type CreateRequest = ApiRequest<z.output<typeof createRefundRequest>, unknown>;

async function postRefund(request: CreateRequest, context: ApiContext): Promise<Reply> {
  const { database } = context;
  const { tenant } = request.caller;
  const scope = idempotencyScope(request);
  const known = await findIdempotencyRecord(database, scope);
  if (known) return replay(request, context, known);
  const { payment: paymentId } = request.body;
  if (!isId('payment', paymentId) || !(await findPayment(database, tenant, paymentId))) {
    throw fieldProblem('not_found', '/payment', 'There is no such payment.');
  }
  const nowMs = context.clock();
  const asked = {
    scope,
    fingerprint: request.fingerprint,
    requestedBy: request.caller.keyId,
    nowMs,
    dueAtMs: nowMs + context.settings.sweepAfterMs,
  };
  context.crashAt('api.refund.before_commit');
  const result = await requestRefund(database, paymentId, asked, (payment, facts) =>
    planRefund({ payment, facts, request: request.body, nowMs }, context),
  );
  context.crashAt('api.refund.after_commit');
  if (result.kind === 'replayed') {
    const taken = await findIdempotencyRecord(database, scope);
    if (!taken) throw new Error('an idempotency key was taken, and is not there');
    return replay(request, context, taken);
  }
  return answerWhenEnded(request, context, result.planned.terms.id);
}

/** The stored bytes once there are some; after a 202, or while the first call runs, the refund as it is. */
async function replay(
  request: CreateRequest,
  context: ApiContext,
  record: IdempotencyRecord,
): Promise<Reply> {
  if (record.fingerprint !== request.fingerprint) throw keyReused();
  const reply = await (record.answer
    ? storedReply(record.answer)
    : record.accepted
      ? renderNow(await mustFind(context, request.caller.tenant, record.objectId))
      : answerWhenEnded(request, context, record.objectId));
  return { ...reply, headers: { ...reply.headers, ...replayedHeader } };
}

async function answerWhenEnded(request: CreateRequest, context: ApiContext, id: string): Promise<Reply> {
  const { tenant } = request.caller;
  const scope = idempotencyScope(request);
  const refund = await mustFind(context, tenant, id);
  const { operationId, provider, method, paymentId } = refund;
  const started = { id, operationId, payment: { id: paymentId, provider, method } };
  await context.temporal.startRefundAndAwaitAnswer(tenant, started, deadlineOf(request, context));
  const isSeen = !request.signal.aborted;
  const stored = await findIdempotencyRecord(context.database, scope);
  if (stored?.answer) return storedReply(stored.answer);
  // From now on no other answer may be stored under this key, unless one was in the meantime.
  if (isSeen && !(await markAnsweredAccepted(context.database, scope))) {
    const answered = await findIdempotencyRecord(context.database, scope);
    if (answered?.answer) return storedReply(answered.answer);
  }
  return acceptedReply(await mustFind(context, tenant, id));
}

async function mustFind(context: ApiContext, tenant: Tenant, id: string): Promise<StoredRefund> {
  const refund = await findRefund(context.database, tenant, id);
  if (!refund) throw new Error(`${id} has an idempotency record, but no row`);
  return refund;
}

function storedReply(answer: { status: number; body: string }): Reply {
  return { ...answer, contentType: 'application/json; charset=utf-8' };
}

function acceptedReply(refund: StoredRefund): Reply {
  const headers = { location: `/v1/refunds/${refund.terms.id}`, 'retry-after': '1' };
  return jsonReply(202, toRefundResource(refund), headers);
}

function renderNow(refund: StoredRefund): Reply {
  const resource = toRefundResource(refund);
  const isOpen = resource.status === 'pending' && resource.outcome !== 'review';
  return isOpen ? acceptedReply(refund) : jsonReply(201, resource);
}

const getRefund = apiRoute({
  method: 'GET',
  path: '/v1/refunds/:id',
  summary: 'Read a refund',
  responses: { 200: { description: 'The refund', schema: responses.refund } },
  problems: ['not_found'],
  async handle(request, context) {
    const id = request.params['id'] ?? '';
    const { tenant } = request.caller;
    const refund = isId('refund', id) ? await findRefund(context.database, tenant, id) : undefined;
    if (!refund) throw new Problem('not_found', 'There is no such refund.');
    return jsonReply(200, toRefundResource(refund));
  },
});

const listRoute = apiRoute({
  method: 'GET',
  path: '/v1/refunds',
  summary: 'List refunds, newest first; with `payment`, those of one payment',
  query: listRefundsQuery,
  responses: {
    200: { description: 'A page of refunds', schema: responses.listOf(responses.refund, 'RefundList') },
  },
  handle(request, context) {
    const { payment: paymentId, ...query } = request.query;
    const { tenant } = request.caller;
    return listReply(
      query,
      (page) => listRefunds(context.database, tenant, { ...page, paymentId }),
      toRefundResource,
    );
  },
});

export const refundRoutes = [createRefund, listRoute, getRefund];
