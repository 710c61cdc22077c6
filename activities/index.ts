import type { ActivityDependencies } from './dependencies.js';
import { createAdvanceOperation } from './provider-advance-operation.js';
import {
  createDropFollowUp,
  createPlanVoid,
  createQueryFollowUp,
  createReviewFollowUp,
  createStartFollowUp,
} from './provider-follow-up-operation.js';
import {
  createCloseOperation,
  createConcludeOperation,
  createOpenReview,
  createQueryOperation,
} from './provider-query-operation.js';
import { createStartOperation } from './provider-start-operation.js';
import { createCancelPayment } from './store-payment.js';
import { createRequestCancellation } from './store-request.js';
import { createSettlePayment } from './store-settlement.js';
import { failingAsApplicationFailure as guarded } from './to-application-failure.js';
import { createAbandonWebhook, createSendWebhook } from './webhook-delivery.js';

/** Everything that workflows may call. Names are on the wire: they stay. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    startOperation: guarded(createStartOperation(dependencies)),
    advanceOperation: guarded(createAdvanceOperation(dependencies)),
    queryOperation: guarded(createQueryOperation(dependencies)),
    closeOperation: guarded(createCloseOperation(dependencies)),
    concludeOperation: guarded(createConcludeOperation(dependencies)),
    settlePayment: guarded(createSettlePayment(dependencies)),
    cancelPayment: guarded(createCancelPayment(dependencies)),
    openReview: guarded(createOpenReview(dependencies)),
    requestCancellation: guarded(createRequestCancellation(dependencies)),
    startFollowUp: guarded(createStartFollowUp(dependencies)),
    queryFollowUp: guarded(createQueryFollowUp(dependencies)),
    reviewFollowUp: guarded(createReviewFollowUp(dependencies)),
    dropFollowUp: guarded(createDropFollowUp(dependencies)),
    planVoid: guarded(createPlanVoid(dependencies)),
    sendWebhook: guarded(createSendWebhook(dependencies)),
    abandonWebhook: guarded(createAbandonWebhook(dependencies)),
  };
}

export type Activities = ReturnType<typeof createActivities>;
