import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { Duration } from '@temporalio/common';
import {
  processPaymentWorkflowId,
  refundPaymentWorkflowId,
  settleLatePaymentWorkflowId,
} from '../domain/ids.js';
import type { Tenant } from '../domain/tenant.js';

/**
 * Names on the wire between API, worker and workflows. They are in recorded histories: a name is for ever, and
 * a test holds them against a snapshot.
 */
export const workflowNames = {
  processPayment: 'processPayment',
  settleLatePayment: 'settleLatePayment',
  refundPayment: 'refundPayment',
  deliverWebhook: 'deliverWebhook',
} as const;

/** Update: resolves when the payment's caller can be answered; the answer itself is in PostgreSQL. */
export const awaitAnswerUpdate = 'awaitAnswer';

/** Signal: rows of this payment have changed; read them again. */
export const wakeUpSignal = 'wakeUp';

/** Query: where the payment stood when its workflow last read the rows. */
export const positionQuery = 'position';

export interface WakeUp {
  readonly reason: 'notification' | 'return' | 'cancel' | 'confirm' | 'capture' | 'sweep';
}

export interface ProcessPaymentInput {
  readonly paymentId: string;
}

export interface SettleLatePaymentInput {
  readonly paymentId: string;
  readonly operationId: string;
}

export interface RefundPaymentInput {
  readonly paymentId: string;
  /** The operation that carries the refund out. */
  readonly operationId: string;
}

export interface DeliverWebhookInput {
  readonly deliveryId: string;
}

/**
 * Search attributes, for operators' lists. They are never encrypted, so no personal data. Keyword, because
 * those are matched exactly.
 */
export const searchAttributeKeys = {
  status: defineSearchAttributeKey('QuittanceStatus', SearchAttributeType.KEYWORD),
  merchant: defineSearchAttributeKey('QuittanceMerchant', SearchAttributeType.KEYWORD),
  provider: defineSearchAttributeKey('QuittanceProvider', SearchAttributeType.KEYWORD),
  method: defineSearchAttributeKey('QuittanceMethod', SearchAttributeType.KEYWORD),
} as const;

/** One queue per provider for what calls it, so that one provider's outage fills no other's slots. */
export function providerTaskQueue(taskQueue: string, provider: string): string {
  return `${taskQueue}-provider-${provider}`;
}

export interface WorkflowStart<Input> {
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly args: [Input];
  readonly workflowIdReusePolicy: 'ALLOW_DUPLICATE';
  readonly workflowIdConflictPolicy: 'USE_EXISTING';
  readonly typedSearchAttributes: TypedSearchAttributes;
  readonly staticSummary: string;
  readonly workflowTaskTimeout?: Duration;
}

export interface StartedPayment {
  readonly id: string;
  readonly provider: string;
  readonly method: string;
}

export interface StartSettings {
  readonly taskQueue: string;
  /** How long the server waits before it gives a crashed worker's workflow task to another. */
  readonly workflowTaskTimeoutMs: number;
}

export function processPaymentStart(
  tenant: Tenant,
  payment: StartedPayment,
  settings: StartSettings,
): WorkflowStart<ProcessPaymentInput> {
  return {
    ...commonStart(tenant, payment, settings),
    workflowId: processPaymentWorkflowId(payment.id),
    args: [{ paymentId: payment.id }],
    staticSummary: `${payment.method} payment for merchant ${tenant.merchantId} (${tenant.mode})`,
  };
}

export function settleLatePaymentStart(
  tenant: Tenant,
  payment: StartedPayment,
  operationId: string,
  settings: StartSettings,
): WorkflowStart<SettleLatePaymentInput> {
  return {
    ...commonStart(tenant, payment, settings),
    workflowId: settleLatePaymentWorkflowId(operationId),
    args: [{ paymentId: payment.id, operationId }],
    staticSummary: `late news of ${payment.id}`,
  };
}

export function refundPaymentStart(
  tenant: Tenant,
  payment: StartedPayment,
  refund: { readonly id: string; readonly operationId: string },
  settings: StartSettings,
): WorkflowStart<RefundPaymentInput> {
  return {
    ...commonStart(tenant, payment, settings),
    workflowId: refundPaymentWorkflowId(refund.id),
    args: [{ paymentId: payment.id, operationId: refund.operationId }],
    staticSummary: `refund of ${payment.id}`,
  };
}

function commonStart(tenant: Tenant, payment: StartedPayment, settings: StartSettings) {
  return {
    taskQueue: settings.taskQueue,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowTaskTimeout: settings.workflowTaskTimeoutMs,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributeKeys.status, value: 'open' },
      { key: searchAttributeKeys.merchant, value: tenant.merchantId },
      { key: searchAttributeKeys.provider, value: payment.provider },
      { key: searchAttributeKeys.method, value: payment.method },
    ]),
  } as const;
}
