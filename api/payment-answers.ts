import { findIdempotencyRecord, markAnsweredAccepted } from '../db/idempotency.js';
import type { IdempotencyRecord, IdempotencyScope } from '../db/idempotency.js';
import { findPayment } from '../db/payments.js';
import { collectingOperation, type PaymentFacts } from '../domain/payment-facts.js';
import { isEnded } from '../domain/payment.js';
import { toPaymentResource } from '../domain/payment-resource.js';
import type { Tenant } from '../domain/tenant.js';
import { keyReused } from './idempotency-key.js';
import type { StartedAttempt } from './payment-starter.js';
import { jsonReply, type ApiContext, type ApiRequest, type Reply } from './route.js';

export const replayedHeader = { 'idempotent-replayed': 'true' } as const;

/** How the answers of one route look. */
export interface AnswerForm {
  readonly scope: IdempotencyScope;
  /** 201 for a payment that was made, 200 for one that was changed. */
  readonly successStatus: number;
  /** A workflow that runs already has to read its rows again before it can answer. */
  readonly wakes?: 'confirm' | 'capture';
}

export function idempotencyScope(request: ApiRequest): IdempotencyScope {
  return { tenant: request.caller.tenant, route: request.route, key: request.idempotencyKey };
}

export function deadlineOf(request: ApiRequest, context: ApiContext): number {
  return request.receivedAtMs + context.settings.replyTimeoutMs;
}

/**
 * The first answer to an accepted request: what the workflow's transaction stored, as soon as it is there;
 * at the deadline, or as soon as Temporal has refused, a 202 with the payment as its rows have it.
 */
export async function firstAnswer(
  context: ApiContext,
  request: ApiRequest,
  form: AnswerForm,
  attempt: StartedAttempt,
): Promise<Reply> {
  const deadlineMs = deadlineOf(request, context);
  const { tenant } = form.scope;
  const answered = await drive(context, tenant, form, attempt, deadlineMs);
  if (answered === 'answered') {
    const record = await findIdempotencyRecord(context.database, form.scope);
    if (record?.answer) return storedReply(record.answer);
    await untilAnswered(context, request, attempt.id, deadlineMs);
  }
  return acceptedUnlessAnswered(context, request, form, attempt.id);
}

/** The answer to a request whose key was used before: the stored bytes, or the object as it now is. */
export async function replayAnswer(
  context: ApiContext,
  request: ApiRequest,
  form: AnswerForm,
  record: IdempotencyRecord,
): Promise<Reply> {
  if (record.fingerprint !== request.fingerprint) throw keyReused();
  const reply = await (record.answer
    ? storedReply(record.answer)
    : unstoredReplay(context, request, form, record));
  return { ...reply, headers: { ...reply.headers, ...replayedHeader } };
}

async function unstoredReplay(
  context: ApiContext,
  request: ApiRequest,
  form: AnswerForm,
  record: IdempotencyRecord,
): Promise<Reply> {
  const paymentId = record.paymentId ?? record.objectId;
  if (record.accepted) return renderNow(await requirePayment(context, form, paymentId), form);
  const deadlineMs = deadlineOf(request, context);
  await Promise.race([
    untilAnswered(context, request, paymentId, deadlineMs),
    driveAgain(context, form, paymentId, deadlineMs),
  ]);
  return acceptedUnlessAnswered(context, request, form, paymentId);
}

function untilAnswered(context: ApiContext, request: ApiRequest, paymentId: string, deadlineMs: number) {
  const { signal } = request;
  return context.answers.until(paymentId, (progress) => !progress.isUnanswered, { deadlineMs, signal });
}

/** The process that took the first request may be dead: whoever asks again makes the payment go on. */
async function driveAgain(
  context: ApiContext,
  form: AnswerForm,
  paymentId: string,
  deadlineMs: number,
): Promise<void> {
  const payment = await requirePayment(context, form, paymentId);
  const attempt = attemptOf(payment);
  const answered = attempt && (await drive(context, payment.tenant, form, attempt, deadlineMs));
  const record =
    answered === 'answered' ? await findIdempotencyRecord(context.database, form.scope) : undefined;
  // Not to be raced for: the first call may still get its answer, which the rows will show, also where a workflow
  // that ran already has answered before it read them again.
  if (!record?.answer) await new Promise(() => undefined);
}

function drive(
  context: ApiContext,
  tenant: Tenant,
  form: AnswerForm,
  attempt: StartedAttempt,
  deadlineMs: number,
): Promise<'answered' | 'not_yet'> {
  if (form.wakes) void context.temporal.wake(tenant, attempt, form.wakes);
  return context.temporal.startAndAwaitAnswer(tenant, attempt, deadlineMs);
}

export function attemptOf(payment: PaymentFacts): StartedAttempt | undefined {
  const operation = collectingOperation(payment);
  if (!operation) return undefined;
  const { id, method } = payment.record;
  return { id, method, provider: operation.provider, operationId: operation.id };
}

async function acceptedUnlessAnswered(
  context: ApiContext,
  request: ApiRequest,
  form: AnswerForm,
  paymentId: string,
): Promise<Reply> {
  // Nobody sees the 202 of a caller who hung up, and another call with this key may still get its answer.
  const isSeen = !request.signal.aborted;
  if (isSeen && !(await markAnsweredAccepted(context.database, form.scope))) {
    const record = await findIdempotencyRecord(context.database, form.scope);
    if (record?.answer) return storedReply(record.answer);
  }
  return acceptedReply(await requirePayment(context, form, paymentId));
}

async function requirePayment(
  context: ApiContext,
  form: AnswerForm,
  paymentId: string,
): Promise<PaymentFacts> {
  const payment = await findPayment(context.database, form.scope.tenant, paymentId);
  if (!payment) throw new Error(`${paymentId} has an idempotency record, but no row`);
  return payment;
}

function storedReply(answer: { status: number; body: string }): Reply {
  return { ...answer, contentType: 'application/json; charset=utf-8' };
}

export function acceptedReply(payment: PaymentFacts): Reply {
  const headers = { location: `/v1/payments/${payment.record.id}`, 'retry-after': '1' };
  return jsonReply(202, toPaymentResource(payment.record), headers);
}

/** The replay of a 202. */
function renderNow(payment: PaymentFacts, form: AnswerForm): Reply {
  if (payment.record.status === 'processing') return acceptedReply(payment);
  return jsonReply(form.successStatus, toPaymentResource(payment.record));
}

/** A cancel is done when the payment has ended, however it did. */
export function cancelReply(payment: PaymentFacts): Reply {
  return isEnded(payment.record.status)
    ? jsonReply(200, toPaymentResource(payment.record))
    : acceptedReply(payment);
}
