import { acceptPayment, type NewPayment } from '../../db/accept-payment.js';
import { readAcceptanceFacts } from '../../db/acceptance-facts.js';
import { findIdempotencyRecord, type IdempotencyScope } from '../../db/idempotency.js';
import { makeId } from '../../domain/ids.js';
import { paymentMethodOf } from '../../domain/methods.js';
import { toMajorUnits } from '../../domain/money.js';
import { toPaymentResource } from '../../domain/payment-resource.js';
import { collectingKind } from '../../domain/plan-operation.js';
import {
  deadlineOf,
  firstAnswer,
  idempotencyScope,
  replayAnswer,
  type AnswerForm,
} from '../payment-answers.js';
import { planAttempt } from '../plan-attempt.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { createPaymentRequest, type CreatePaymentRequest } from '../request-schemas/payments.js';
import * as responses from '../response-schemas.js';
import { routingProblems } from '../routing-problem.js';
import { checkReturnUrl } from '../return-url.js';
import { apiRoute, type ApiContext, type ApiRequest, type Reply } from '../route.js';
import { verifyPayment, type VerifiedPayment } from '../verify-payment.js';

const DEFAULT_EXPIRES_IN_S = 900;

export const createPaymentRoute = apiRoute({
  method: 'POST',
  path: '/v1/payments',
  summary: 'Collect an amount from a payer',
  body: createPaymentRequest,
  responses: {
    201: {
      description: 'The payer has something to do, or the payment has ended',
      schema: responses.payment,
    },
    202: { description: 'Accepted; ask again for what the payer has to do', schema: responses.payment },
  },
  problems: [
    'forbidden',
    'payer_blocked',
    'amount_mismatch',
    'amount_limit_exceeded',
    'daily_limit_exceeded',
    'already_purchased',
    'order_reference_used',
    ...routingProblems,
    'insufficient_balance',
    'insufficient_credit',
  ],
  handle: createPayment,
});

type CreateRequest = ApiRequest<CreatePaymentRequest, unknown>;

async function createPayment(request: CreateRequest, context: ApiContext): Promise<Reply> {
  const { body, caller } = request;
  const { tenant } = caller;
  if (body.merchant && body.merchant.id !== tenant.merchantId) {
    throw fieldProblem('forbidden', '/merchant/id', "The merchant must be the API key's own.");
  }
  checkReturnUrl(body.return_url, tenant.mode);
  const scope = idempotencyScope(request);
  const form: AnswerForm = { scope, successStatus: 201 };
  const method = paymentMethodOf(body.method) ?? body.method;
  const currency = body.currency ?? caller.defaultCurrency;
  const productIds = (body.order?.lines ?? []).map((line) => line.product);
  const facts = await readAcceptanceFacts(context.database, scope, {
    payerId: body.payer.id,
    currency,
    method,
    productIds,
    kind: collectingKind(body.capture),
  });
  if (facts.replay) return replayAnswer(context, request, form, facts.replay);

  const nowMs = context.clock();
  const id = makeId('payment', nowMs, context.random(10));
  const verified = verifyPayment({ paymentId: id, tenant, request: body, method, currency }, facts, context);
  const payment = newPayment(request, context, {
    id,
    nowMs,
    scope,
    method,
    currency,
    verified,
    limitDay: dayIn(facts.timeZone, nowMs),
    perDayMinor: facts.limits?.perDayMinor ?? null,
  });
  context.crashAt('api.accept.before_commit');
  const refusal = refusalOf(await accept(request, context, payment), currency);
  if (refusal) return replayOrRefuse(context, request, form, refusal);
  context.crashAt('api.accept.after_commit');
  context.metrics.count('quittance_payments_accepted_total', { mode: tenant.mode });

  const { provider, id: operationId } = payment.operation;
  const reply = await firstAnswer(context, request, form, { id, provider, method, operationId });
  context.crashAt('api.accept.before_reply');
  return reply;
}

/** A limit for a day is under a lock: a burst of one merchant must not take every connection to it. */
function accept(
  request: CreateRequest,
  context: ApiContext,
  payment: NewPayment,
): ReturnType<typeof acceptPayment> {
  const work = () => acceptPayment(context.database, payment);
  if (payment.perDayMinor === null) return work();
  const wait = { deadlineMs: deadlineOf(request, context), signal: request.signal };
  return context.limitedPayments.run(request.caller.tenant, wait, work);
}

/** A refusal may be our own first call's doing, whose key was not yet to be seen when the facts were read. */
async function replayOrRefuse(
  context: ApiContext,
  request: CreateRequest,
  form: AnswerForm,
  refusal: Problem | 'replayed',
): Promise<Reply> {
  const record = await findIdempotencyRecord(context.database, form.scope);
  if (record) return replayAnswer(context, request, form, record);
  if (refusal instanceof Problem) throw await withExistingPayment(context, request, refusal);
  throw new Error('an idempotency key was taken, and is not there');
}

/** Where the unique index spoke first: the same document as if the claim had been seen before. */
async function withExistingPayment(
  context: ApiContext,
  request: CreateRequest,
  refusal: Problem,
): Promise<Problem> {
  if (refusal.code !== 'already_purchased') return refusal;
  const { body, caller } = request;
  const facts = await readAcceptanceFacts(context.database, idempotencyScope(request), {
    payerId: body.payer.id,
    currency: body.currency ?? caller.defaultCurrency,
    method: body.method,
    productIds: (body.order?.lines ?? []).map((line) => line.product),
    kind: collectingKind(body.capture),
  });
  const [claim] = facts.claims;
  return claim
    ? new Problem(refusal.code, refusal.detail, { extensions: { payment: claim.paymentId } })
    : refusal;
}

function refusalOf(
  acceptance: Awaited<ReturnType<typeof acceptPayment>>,
  currency: string,
): Problem | 'replayed' | undefined {
  switch (acceptance.kind) {
    case 'accepted':
      return undefined;
    case 'replayed':
      return 'replayed';
    case 'order_reference_used':
      return fieldProblem(
        'order_reference_used',
        '/order/reference',
        'Another payment of yours has this order reference; it is unique for ever.',
      );
    case 'already_purchased':
      return new Problem('already_purchased', 'The payer has a product of this order, or is buying it.');
    case 'daily_limit_exceeded': {
      const spent = toMajorUnits({ amountMinor: acceptance.spentMinor, currency });
      return fieldProblem(
        'daily_limit_exceeded',
        '/amount',
        `Payments of ${currency} ${spent} were accepted today; this one would exceed your limit for a day.`,
      );
    }
  }
}

interface Decided {
  readonly id: string;
  readonly nowMs: number;
  readonly scope: IdempotencyScope;
  readonly method: string;
  readonly currency: string;
  readonly verified: VerifiedPayment;
  readonly limitDay: string;
  readonly perDayMinor: number | null;
}

function newPayment(request: CreateRequest, context: ApiContext, decided: Decided): NewPayment {
  const { body } = request;
  const { verified, ...rest } = decided;
  const { id, nowMs } = decided;
  const expiresAtMs = nowMs + (body.expires_in ?? DEFAULT_EXPIRES_IN_S) * 1000;
  const { accounts } = verified;
  const kind = collectingKind(body.capture);
  const plan = { paymentId: id, number: 1, kind, accounts, nowMs, expiresAtMs };
  const payment = {
    ...rest,
    fingerprint: request.fingerprint,
    payerId: body.payer.id,
    payerIp: body.payer.ip ?? null,
    payerCountry: body.payer.country ?? null,
    routing: accounts.routing,
    amountMinor: body.amount,
    orderReference: body.order?.reference ?? id,
    returnUrl: body.return_url ?? null,
    capture: body.capture ?? 'automatic',
    metadata: body.metadata ?? {},
    expiresAtMs,
    dueAtMs: nowMs + context.settings.sweepAfterMs,
    lines: verified.lines,
    operation: planAttempt(plan, context.settings, context.random),
  };
  const eventId = makeId('event', nowMs, context.random(10));
  return { ...payment, createdEvent: { id: eventId, data: { object: resourceOf(payment) } } };
}

/** The payment as its rows will have it, for the timeline's first line. */
function resourceOf(payment: Omit<NewPayment, 'createdEvent'>) {
  const { operation, amountMinor } = payment;
  return toPaymentResource({
    ...payment,
    status: 'processing',
    outcome: 'known',
    amountReceivedMinor: 0,
    amountRefundedMinor: 0,
    lines: payment.lines.map(({ product, quantity, amountMinor: lineMinor }) => ({
      product: product.id,
      quantity,
      amountMinor: lineMinor,
    })),
    lastError: null,
    card: null,
    sequence: 1,
    createdAtMs: payment.nowMs,
    operations: [
      { ...operation, status: 'planned', amountMinor, offer: null, lastError: null, captureBeforeMs: null },
    ],
  });
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();

/** The calendar day at `nowMs` in a time zone, as `yyyy-mm-dd`. */
export function dayIn(timeZone: string, nowMs: number): string {
  const format =
    dayFormats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  dayFormats.set(timeZone, format);
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  return `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`;
}
