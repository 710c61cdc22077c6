import { findIdempotencyRecord, insertAnsweredKey } from '../../db/idempotency.js';
import { findPayment } from '../../db/payments.js';
import { requestCancel } from '../../db/payment-requests.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import { isEnded } from '../../domain/payment.js';
import { toPaymentResource } from '../../domain/payment-resource.js';
import { keyReused } from '../idempotency-key.js';
import { attemptOf, cancelReply, deadlineOf, idempotencyScope, replayedHeader } from '../payment-answers.js';
import { Problem } from '../problem-details.js';
import { cancelPaymentRequest } from '../request-schemas/payments.js';
import * as responses from '../response-schemas.js';
import { retryOnConcurrentChange } from '../retry-on-change.js';
import { apiRoute, jsonReply, type ApiContext, type ApiRequest, type Reply } from '../route.js';
import { requirePayment } from './payments.js';

export const cancelPaymentRoute = apiRoute({
  method: 'POST',
  path: '/v1/payments/:id/cancel',
  summary: 'Cancel a payment; done when the provider has confirmed that it can no longer be paid',
  body: cancelPaymentRequest,
  bodyOptional: true,
  responses: {
    200: { description: 'The payment has ended', schema: responses.payment },
    202: { description: 'Canceling; not confirmed yet', schema: responses.payment },
  },
  problems: ['not_found', 'payment_ended'],
  handle: (request, context) => retryOnConcurrentChange(() => cancelPayment(request, context)),
});

async function cancelPayment(request: ApiRequest, context: ApiContext): Promise<Reply> {
  const { database } = context;
  const scope = idempotencyScope(request);
  const payment = await requirePayment(context, request);
  const known = await findIdempotencyRecord(database, scope);
  if (known) return replayCancel(request, payment, known);
  if (payment.record.status === 'succeeded') {
    throw new Problem('payment_ended', 'The payment has succeeded; refund it instead.');
  }
  if (payment.record.status === 'canceled') return answerCanceled(request, context, payment);

  const nowMs = context.clock();
  const result = await requestCancel(database, payment, {
    scope,
    fingerprint: request.fingerprint,
    requestedBy: request.caller.keyId,
    nowMs,
    dueAtMs: nowMs + context.settings.sweepAfterMs,
  });
  if (result.kind === 'replayed')
    return replayCancel(request, payment, await requireRecord(request, context));
  context.crashAt('api.request.after_commit');
  const attempt = attemptOf(payment);
  if (attempt) void context.temporal.wake(payment.tenant, attempt, 'cancel');
  return answerWhenEnded(request, context, payment);
}

/** The provider often confirms at once; the caller is held a moment for that, and no longer. */
async function answerWhenEnded(
  request: ApiRequest,
  context: ApiContext,
  payment: PaymentFacts,
): Promise<Reply> {
  const { cancelWaitMs } = context.settings;
  const deadlineMs = Math.min(context.clock() + cancelWaitMs, deadlineOf(request, context));
  const { signal } = request;
  await context.answers.until(payment.record.id, (progress) => isEnded(progress.status), {
    deadlineMs,
    signal,
  });
  const now = await findPayment(context.database, payment.tenant, payment.record.id);
  return cancelReply(now ?? payment);
}

/** It is canceled already: the answer is final, and stored as such. */
async function answerCanceled(
  request: ApiRequest,
  context: ApiContext,
  payment: PaymentFacts,
): Promise<Reply> {
  const { id } = payment.record;
  const reply = jsonReply(200, toPaymentResource(payment.record));
  const { fingerprint } = request;
  const answer = { fingerprint, objectId: id, paymentId: id, status: 200, body: reply.body };
  const stored = await insertAnsweredKey(context.database, idempotencyScope(request), answer);
  return stored ? reply : replayCancel(request, payment, await requireRecord(request, context));
}

type CancelRecord = Pick<
  NonNullable<Awaited<ReturnType<typeof findIdempotencyRecord>>>,
  'fingerprint' | 'answer'
>;

async function requireRecord(request: ApiRequest, context: ApiContext): Promise<CancelRecord> {
  const record = await findIdempotencyRecord(context.database, idempotencyScope(request));
  if (!record) throw new Error('an idempotency key was taken, and is not there');
  return record;
}

function replayCancel(request: ApiRequest, payment: PaymentFacts, record: CancelRecord): Reply {
  if (record.fingerprint !== request.fingerprint) throw keyReused();
  const reply: Reply = record.answer
    ? { ...record.answer, contentType: 'application/json; charset=utf-8' }
    : cancelReply(payment);
  return { ...reply, headers: { ...reply.headers, ...replayedHeader } };
}
