import type { z } from 'zod';
import { readAcceptanceFacts } from '../../db/acceptance-facts.js';
import { findIdempotencyRecord } from '../../db/idempotency.js';
import { confirmPayment as planNextAttempt } from '../../db/payment-requests.js';
import { collectingKind, nextOperationNumber, SHORTEST_OFFER_MS } from '../../domain/plan-operation.js';
import { paymentMethodOf } from '../../domain/methods.js';
import {
  holdsMoney,
  openOperation,
  type OperationFacts,
  type PaymentFacts,
} from '../../domain/payment-facts.js';
import { heldBy } from '../../domain/payment-capture.js';
import { isEnded } from '../../domain/payment.js';
import { toInstant } from '../../domain/payment-resource.js';
import { chooseAccounts } from '../choose-account.js';
import { firstAnswer, idempotencyScope, replayAnswer, type AnswerForm } from '../payment-answers.js';
import { planAttempt } from '../plan-attempt.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { confirmPaymentRequest } from '../request-schemas/payments.js';
import * as responses from '../response-schemas.js';
import { requireCovered } from '../require-covered.js';
import { routingProblems } from '../routing-problem.js';
import { retryOnConcurrentChange } from '../retry-on-change.js';
import { checkReturnUrl } from '../return-url.js';
import { apiRoute, type ApiContext, type ApiRequest, type Reply } from '../route.js';
import { requirePayment } from './payments.js';

export const confirmPaymentRoute = apiRoute({
  method: 'POST',
  path: '/v1/payments/:id/confirm',
  summary: 'Try again, or another way, after the last attempt has definitely ended',
  body: confirmPaymentRequest,
  responses: {
    200: {
      description: 'The payer has something to do, or the payment has ended',
      schema: responses.payment,
    },
    202: { description: 'Accepted; ask again for what the payer has to do', schema: responses.payment },
  },
  problems: [
    'not_found',
    'attempt_open',
    'payment_ended',
    'request_expired',
    'payer_blocked',
    ...routingProblems,
    'insufficient_balance',
    'insufficient_credit',
  ],
  handle: (request, context) => retryOnConcurrentChange(() => confirmPayment(request, context)),
});

type ConfirmRequest = ApiRequest<z.output<typeof confirmPaymentRequest>, unknown>;

async function confirmPayment(request: ConfirmRequest, context: ApiContext): Promise<Reply> {
  const { database, clock } = context;
  const { body, caller } = request;
  checkReturnUrl(body.return_url, caller.tenant.mode);
  const method = paymentMethodOf(body.method) ?? body.method;
  const scope = idempotencyScope(request);
  const form: AnswerForm = { scope, successStatus: 200, wakes: 'confirm' };
  const payment = await requirePayment(context, request);
  const { record } = payment;
  const { payerId, currency, amountMinor, expiresAtMs } = record;
  const kind = collectingKind(record.capture);
  const asked = { payerId, currency, method, productIds: [], kind };
  const facts = await readAcceptanceFacts(database, scope, asked);
  if (facts.replay) return replayAnswer(context, request, form, facts.replay);

  const nowMs = clock();
  requireConfirmable(payment, nowMs, context);
  if (facts.payerBlocked) throw fieldProblem('payer_blocked', '/payer/id', 'You have blocked this payer.');
  const { mode } = caller.tenant;
  const { flow, payment_token: paymentToken } = body;
  const subject = {
    country: payment.payerCountry,
    hasPayerIp: payment.payerIp !== null,
    cardFunding: body.card?.funding ?? null,
    kind,
  };
  const wanted = {
    paymentId: record.id,
    mode,
    method,
    currency,
    amountMinor,
    flow,
    paymentToken,
    ...subject,
  };
  const accounts = chooseAccounts(facts, wanted, context);
  requireCovered(accounts.first, facts.wallet, amountMinor, currency);
  const number = nextOperationNumber(payment);
  if (number === undefined) throw new Problem('payment_ended', 'The payment has no attempts left.');
  const plan = { paymentId: record.id, number, kind, accounts, nowMs, expiresAtMs };
  const operation = planAttempt(plan, context.settings, context.random);

  const result = await planNextAttempt(
    database,
    payment,
    {
      scope,
      fingerprint: request.fingerprint,
      requestedBy: caller.keyId,
      nowMs,
      dueAtMs: nowMs + context.settings.sweepAfterMs,
    },
    { method, returnUrl: body.return_url ?? null, routing: accounts.routing, operation },
  );
  if (result.kind === 'attempt_open') {
    throw attemptOpen(openOperation(await requirePayment(context, request)));
  }
  if (result.kind === 'replayed') {
    const known = await findIdempotencyRecord(database, scope);
    if (!known) throw new Error('an idempotency key was taken, and is not there');
    return replayAnswer(context, request, form, known);
  }
  context.crashAt('api.request.after_commit');
  const { provider, id: operationId } = operation;
  return firstAnswer(context, request, form, { id: record.id, provider, method, operationId });
}

function requireConfirmable(payment: PaymentFacts, nowMs: number, context: ApiContext): void {
  const { status, expiresAtMs } = payment.record;
  if (isEnded(status)) throw new Problem('payment_ended', `The payment has ${endOf(status)}.`);
  if (payment.cancelRequested) throw new Problem('payment_ended', 'The payment is being canceled.');
  if (nowMs + SHORTEST_OFFER_MS > expiresAtMs) {
    throw new Problem('request_expired', `The payment expired at ${toInstant(expiresAtMs)}; make a new one.`);
  }
  if (heldBy(payment))
    throw new Problem('payment_ended', 'The payment is authorized; capture it or cancel it.');
  if (holdsMoney(payment))
    throw new Problem(
      'attempt_open',
      'Money for an earlier attempt has come: give it back, then confirm again.',
    );
  const open = openOperation(payment);
  if (open && !wasNeverOffered(open, context)) throw attemptOpen(open);
}

function endOf(status: PaymentFacts['record']['status']): string {
  return status === 'succeeded' ? 'succeeded' : 'been canceled';
}

/**
 * The one open operation that does not stand in the way (payment model, rule 1): a call that only makes an
 * offer, whose offer was never committed, so that no payer can have seen it.
 */
function wasNeverOffered(operation: OperationFacts, context: ApiContext): boolean {
  const isBeforeOffer = ['planned', 'sent', 'unknown'].includes(operation.status) && operation.offer === null;
  const connector = context.connectors.find(operation.provider);
  return isBeforeOffer && connector?.capabilities.startOnlyMakesOffer === true;
}

function attemptOpen(open: OperationFacts | undefined): Problem {
  return new Problem('attempt_open', 'The last attempt can still be paid; confirm again once it has ended.', {
    ...(open ? { extensions: { retry_at: toInstant(open.conclusiveAfterMs) } } : {}),
  });
}
