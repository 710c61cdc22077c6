import { describe, expect, test } from 'vitest';
import { failureTypes } from '../activities/to-application-failure.js';
import { createActivities } from '../activities/index.js';
import type { ActivityDependencies } from '../activities/dependencies.js';
import { operationKindLetters } from '../domain/ids.js';
import { operationStatuses } from '../domain/operation.js';
import { reviewReasons } from '../domain/payment-change.js';
import { paymentStatuses } from '../domain/payment.js';
import { executionErrors, httpProblems } from '../domain/problem-codes.js';
import { reviewStatuses } from '../domain/review-resource.js';
import {
  awaitAnswerUpdate,
  positionQuery,
  providerTaskQueue,
  searchAttributeKeys,
  wakeUpSignal,
  workflowNames,
} from '../workflows/contract.js';

describe('names on the wire are for ever', () => {
  test('workflows, activities, messages, queues, attributes', () => {
    const activities = Object.keys(createActivities({} as ActivityDependencies));
    expect({
      workflowNames,
      activities,
      messages: { awaitAnswerUpdate, wakeUpSignal, positionQuery },
      queue: providerTaskQueue('quittance', 'alipay'),
      searchAttributes: Object.values(searchAttributeKeys).map((key) => key.name),
      failureTypes,
    }).toMatchSnapshot();
  });

  test('statuses, kinds and codes', () => {
    expect({
      paymentStatuses,
      operationStatuses,
      operationKindLetters,
      reviewReasons,
      reviewStatuses,
      httpProblems: Object.fromEntries(
        Object.entries(httpProblems).map(([code, { status }]) => [code, status]),
      ),
      executionErrors: Object.keys(executionErrors),
    }).toMatchSnapshot();
  });
});
