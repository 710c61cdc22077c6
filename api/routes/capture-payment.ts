import type { z } from 'zod';
import { requestCapture } from '../../db/follow-ups.js';
import { findIdempotencyRecord } from '../../db/idempotency.js';
import { planFollowUp, type PlannedFollowUp } from '../../domain/follow-up.js';
import { toMajorUnits } from '../../domain/money.js';
import { isUnwanted } from '../../domain/payment-decisions.js';
import { heldBy } from '../../domain/payment-capture.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import { firstAnswer, idempotencyScope, replayAnswer, type AnswerForm } from '../payment-answers.js';
import { fieldProblem, Problem } from '../problem-details.js';
import { capturePaymentRequest } from '../request-schemas/payments.js';
import * as responses from '../response-schemas.js';
import { retryOnConcurrentChange } from '../retry-on-change.js';
import { apiRoute, type ApiContext, type ApiRequest, type Reply } from '../route.js';
import { requirePayment } from './payments.js';

export const capturePaymentRoute = apiRoute({
  method: 'POST',
  path: '/v1/payments/:id/capture',
  summary: 'Take the money that is held, or a part of it; what is left of it is let go',
  body: capturePaymentRequest,
  bodyOptional: true,
  responses: {
    200: { description: 'It was captured, or the provider refused it', schema: responses.payment },
    202: { description: 'Accepted; ask again for what became of it', schema: responses.payment },
  },
  problems: ['not_found', 'payment_not_capturable', 'capture_amount_exceeded'],
  handle: (request, context) => retryOnConcurrentChange(() => capturePayment(request, context)),
});

type CaptureRequest = ApiRequest<z.output<typeof capturePaymentRequest>, unknown>;

async function capturePayment(request: CaptureRequest, context: ApiContext): Promise<Reply> {
  const { database } = context;
  const scope = idempotencyScope(request);
  const form: AnswerForm = { scope, successStatus: 200, wakes: 'capture' };
  const payment = await requirePayment(context, request);
  const known = await findIdempotencyRecord(database, scope);
  if (known) return replayAnswer(context, request, form, known);

  const nowMs = context.clock();
  const held = requireHeld(payment, nowMs);
  const planned = plan(payment, held, request.body.amount ?? held.amountMinor, context);
  const result = await requestCapture(
    database,
    payment,
    {
      scope,
      fingerprint: request.fingerprint,
      requestedBy: request.caller.keyId,
      nowMs,
      dueAtMs: nowMs + context.settings.sweepAfterMs,
    },
    planned,
  );
  if (result.kind === 'replayed') {
    const taken = await findIdempotencyRecord(database, scope);
    if (!taken) throw new Error('an idempotency key was taken, and is not there');
    return replayAnswer(context, request, form, taken);
  }
  context.crashAt('api.request.after_commit');
  const { id, method } = payment.record;
  return firstAnswer(context, request, form, {
    id,
    method,
    provider: held.provider,
    operationId: planned.id,
  });
}

function requireHeld(payment: PaymentFacts, nowMs: number): OperationFacts {
  const { status } = payment.record;
  const held = heldBy(payment);
  if (!held || status !== 'requires_capture') {
    throw new Problem(
      'payment_not_capturable',
      `The payment is ${status}; nothing is held that can be captured.`,
    );
  }
  if (payment.cancelRequested) throw new Problem('payment_not_capturable', 'The payment is being canceled.');
  if (isUnwanted(payment, nowMs)) {
    throw new Problem('payment_not_capturable', 'The time to capture it is over; the money is let go.');
  }
  return held;
}

function plan(
  payment: PaymentFacts,
  of: OperationFacts,
  amountMinor: number,
  context: ApiContext,
): PlannedFollowUp {
  if (amountMinor > of.amountMinor) {
    const most = `${of.currency} ${toMajorUnits(of)}`;
    throw fieldProblem(
      'capture_amount_exceeded',
      '/amount',
      `${most} was authorized; no more can be captured.`,
    );
  }
  const { capabilities: recovery } = context.connectors.get(of.provider);
  const asked = { kind: 'capture', of, amountMinor, recovery } as const;
  const planned = planFollowUp(payment, asked, context.clock(), context.random(10));
  if (!planned) throw new Problem('payment_not_capturable', 'The payment has no attempts left.');
  return planned;
}
