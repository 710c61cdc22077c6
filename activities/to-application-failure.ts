import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { NotExecuted, Unknown } from '../domain/outcome.js';
import { ConcurrentChangeError } from '../db/transaction.js';
import { HeldBackError } from './held-back.js';

/**
 * The only translation to Temporal's failures. Types are on the wire: retry policies and operators know them.
 * No message here holds more than codes: failures are kept in histories.
 */
export const failureTypes = {
  providerUnclear: 'ProviderUnclear',
  providerHeldBack: 'ProviderHeldBack',
  concurrentChange: 'ConcurrentChange',
  paymentNotFound: 'PaymentNotFound',
  storeUnavailable: 'StoreUnavailable',
  webhookRefused: 'WebhookRefused',
} as const;

/** The provider gave no clean answer: the same activity runs again, and begins by reading where it stands. */
export function providerUnclear(provider: string, outcome: NotExecuted | Unknown | { kind: string }) {
  const error = 'error' in outcome ? outcome.error : undefined;
  const retryAfterMs = 'retryAfterMs' in outcome ? outcome.retryAfterMs : undefined;
  return ApplicationFailure.create({
    type: failureTypes.providerUnclear,
    message: `${provider} answered ${outcome.kind}${error ? `: ${error.code}` : ''}`,
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}

export function paymentNotFound(paymentId: string) {
  return ApplicationFailure.create({
    type: failureTypes.paymentNotFound,
    message: `there is no payment ${paymentId}`,
    nonRetryable: true,
  });
}

/**
 * Who was second reads again at once. Who goes on being refused may be so by the clock alone (the database's is ahead
 * of this host's), until ours gets there too: the pause doubles, so that the provider is not asked in a hurry.
 */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

/** `attempt` counts from 1. */
function toApplicationFailure(error: unknown, attempt: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ConcurrentChangeError) {
    return ApplicationFailure.create({
      type: failureTypes.concurrentChange,
      message: error.message,
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay: Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 10)),
    });
  }
  if (error instanceof HeldBackError) {
    return ApplicationFailure.create({
      type: failureTypes.providerHeldBack,
      message: error.message,
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay: error.retryInMs,
    });
  }
  return ApplicationFailure.create({ type: failureTypes.storeUnavailable, ...describeFault(error) });
}

/**
 * What operators may read in a history: a driver's message can quote a row or a whole statement, so of an error with a
 * code (PostgreSQL's, the network's) only that and the constraint are taken over. Our own have no such words.
 */
function describeFault(error: unknown): { message: string; cause?: Error } {
  const { name, code, constraint } = error as { name?: unknown; code?: unknown; constraint?: unknown };
  if (typeof code === 'string') {
    return { message: [name, code, constraint].filter((part) => typeof part === 'string').join(' ') };
  }
  return error instanceof Error ? { message: error.message, cause: error } : { message: 'unknown fault' };
}

/** Wraps every activity, so that none throws anything else. */
export function failingAsApplicationFailure<Input, Result>(
  activity: (input: Input) => Promise<Result>,
): (input: Input) => Promise<Result> {
  return async (input) => {
    try {
      return await activity(input);
    } catch (error) {
      throw toApplicationFailure(error, activityInfo().attempt);
    }
  };
}
