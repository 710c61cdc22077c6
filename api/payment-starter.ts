import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Tenant } from '../domain/tenant.js';
import {
  awaitAnswerUpdate,
  processPaymentStart,
  settleLatePaymentStart,
  wakeUpSignal,
  workflowNames,
  type StartedPayment,
  type StartSettings,
  type WakeUp,
} from '../workflows/contract.js';
import { briefErrorFields } from '../config/error-fields.js';
import { createTemporalReach, defaultReachSettings, type ReachSettings } from './temporal-reach.js';

/**
 * What the API asks of Temporal. Nothing here throws: what Temporal does not do, the sweeper does, because
 * every request is a row before it gets here.
 */
export interface PaymentStarter {
  /**
   * Starts the payment's workflow, or finds it running, and waits until its caller can be answered.
   * `not_yet` at the deadline (milliseconds since the epoch), as soon as Temporal has refused, and at once while
   * it is known to be away.
   */
  startAndAwaitAnswer(
    tenant: Tenant,
    attempt: StartedAttempt,
    deadlineMs: number,
  ): Promise<'answered' | 'not_yet'>;
  /** Tells the payment's workflow to read its rows again; starts it where it does not run. */
  wake(tenant: Tenant, payment: StartedPayment, reason: WakeUp['reason']): Promise<void>;
  /** The payment has ended, and there is news of one of its operations. */
  wakeLate(tenant: Tenant, payment: StartedPayment, operationId: string): Promise<void>;
  isReachable(timeoutMs: number): Promise<boolean>;
}

/** A payment with the operation that its caller waits for. */
export interface StartedAttempt extends StartedPayment {
  readonly operationId: string;
}

const WAKE_TIMEOUT_MS = 5_000;
const REACH_TIMEOUT_MS = 1_000;

export function createPaymentStarter(
  client: Client,
  logger: Logger,
  settings: StartSettings,
  clock: () => number,
  reachSettings: ReachSettings = defaultReachSettings,
): PaymentStarter {
  const reach = createTemporalReach(
    () => isReachable(client, REACH_TIMEOUT_MS),
    logger,
    clock,
    reachSettings,
  );
  // Callers with the same key share one update: a workflow takes ten at a time.
  const underWay = new Map<string, Promise<'answered' | 'not_yet'>>();

  async function awaitAnswer(tenant: Tenant, attempt: StartedAttempt, deadlineMs: number) {
    try {
      const operation = new WithStartWorkflowOperation(
        workflowNames.processPayment,
        processPaymentStart(tenant, attempt, settings),
      );
      await client.withDeadline(deadlineMs, () =>
        client.workflow.executeUpdateWithStart(awaitAnswerUpdate, {
          // The same from every process, so that a duplicate request joins the update instead of adding one.
          updateId: attempt.operationId,
          startWorkflowOperation: operation,
        }),
      );
      return 'answered' as const;
    } catch (error) {
      const isLate = clock() >= deadlineMs - 50;
      logger[isLate ? 'info' : 'warn'](
        { payment: attempt.id, ...briefErrorFields(error) },
        'no answer of the workflow yet',
      );
      return 'not_yet' as const;
    }
  }

  async function quietly(what: string, paymentId: string, call: () => Promise<unknown>): Promise<void> {
    if (reach.isDown) return;
    try {
      await client.withDeadline(clock() + WAKE_TIMEOUT_MS, call);
    } catch (error) {
      logger.warn(
        { payment: paymentId, ...briefErrorFields(error) },
        `${what} failed; the sweeper will do it`,
      );
    }
  }

  return {
    startAndAwaitAnswer(tenant, attempt, deadlineMs) {
      const known = underWay.get(attempt.operationId);
      if (known) return known;
      const call = reach
        .orUndefined(() => orNotYet(awaitAnswer(tenant, attempt, deadlineMs), deadlineMs - clock()))
        .then((answer) => answer ?? ('not_yet' as const));
      underWay.set(attempt.operationId, call);
      return call.finally(() => underWay.delete(attempt.operationId));
    },
    wake(tenant, payment, reason) {
      const wakeUp: WakeUp = { reason };
      return quietly('waking a payment', payment.id, () =>
        client.workflow.signalWithStart(workflowNames.processPayment, {
          ...processPaymentStart(tenant, payment, settings),
          signal: wakeUpSignal,
          signalArgs: [wakeUp],
        }),
      );
    },
    wakeLate(tenant, payment, operationId) {
      return quietly('starting the settlement of a late payment', payment.id, () =>
        client.workflow.start(
          workflowNames.settleLatePayment,
          settleLatePaymentStart(tenant, payment, operationId, settings),
        ),
      );
    },
    isReachable: (timeoutMs) => isReachable(client, timeoutMs),
  };
}

function isReachable(client: Client, timeoutMs: number): Promise<boolean> {
  const asked = client
    .withDeadline(Date.now() + timeoutMs, () => client.workflowService.getSystemInfo({}))
    .then(
      () => true,
      () => false,
    );
  return Promise.race([asked, after(timeoutMs + 100, false)]);
}

/** The client's own deadline is believed, but not relied upon: a caller is never held longer than promised. */
function orNotYet(call: Promise<'answered' | 'not_yet'>, timeoutMs: number): Promise<'answered' | 'not_yet'> {
  return Promise.race([call, after(Math.max(0, timeoutMs) + 100, 'not_yet' as const)]);
}

function after<T>(delayMs: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, delayMs, value).unref());
}
