import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Tenant } from '../domain/tenant.js';
import {
  awaitAnswerUpdate,
  processPaymentStart,
  refundPaymentStart,
  settleLatePaymentStart,
  wakeUpSignal,
  workflowNames,
  type StartedPayment,
  type StartSettings,
  type WakeUp,
  type WorkflowStart,
} from '../workflows/contract.js';
import { briefErrorFields } from '../config/error-fields.js';
import {
  createTemporalReach,
  defaultReachSettings,
  type ReachSettings,
  type TemporalReach,
} from './temporal-reach.js';

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
  /** Starts a refund's workflow, or finds it running, and waits as above. */
  startRefundAndAwaitAnswer(
    tenant: Tenant,
    refund: StartedRefund,
    deadlineMs: number,
  ): Promise<'answered' | 'not_yet'>;
  /** There is news of a refund; its workflow is started where it does not run. */
  wakeRefund(tenant: Tenant, refund: StartedRefund): Promise<void>;
  /** The payment has ended, and there is news of one of its operations. */
  wakeLate(tenant: Tenant, payment: StartedPayment, operationId: string): Promise<void>;
  isReachable(timeoutMs: number): Promise<boolean>;
}

/** A payment with the operation that its caller waits for. */
export interface StartedAttempt extends StartedPayment {
  readonly operationId: string;
}

export interface StartedRefund {
  readonly id: string;
  readonly operationId: string;
  readonly payment: StartedPayment;
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
  const awaitAnswerOnce = createAnswerCalls(client, logger, clock, reach);

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
      const start = () => startOf('processPayment', processPaymentStart(tenant, attempt, settings));
      return awaitAnswerOnce(start, { updateId: attempt.operationId, of: attempt.id, deadlineMs });
    },
    startRefundAndAwaitAnswer(tenant, refund, deadlineMs) {
      const start = () =>
        startOf('refundPayment', refundPaymentStart(tenant, refund.payment, refund, settings));
      return awaitAnswerOnce(start, { updateId: refund.id, of: refund.payment.id, deadlineMs });
    },
    wakeRefund(tenant, refund) {
      const wakeUp: WakeUp = { reason: 'notification' };
      return quietly('waking a refund', refund.payment.id, () =>
        client.workflow.signalWithStart(workflowNames.refundPayment, {
          ...refundPaymentStart(tenant, refund.payment, refund, settings),
          signal: wakeUpSignal,
          signalArgs: [wakeUp],
        }),
      );
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

/** Each waits for one update of a workflow that it starts or finds running. */
function createAnswerCalls(client: Client, logger: Logger, clock: () => number, reach: TemporalReach) {
  // Callers with the same key share one update: a workflow takes ten at a time.
  const underWay = new Map<string, Promise<'answered' | 'not_yet'>>();

  async function awaitAnswer(
    startWorkflowOperation: ReturnType<typeof startOf>,
    { updateId, of, deadlineMs }: { updateId: string; of: string; deadlineMs: number },
  ) {
    try {
      await client.withDeadline(deadlineMs, () =>
        // The update's id is the same from every process, so that a duplicate request joins instead of adding one.
        client.workflow.executeUpdateWithStart(awaitAnswerUpdate, { updateId, startWorkflowOperation }),
      );
      return 'answered' as const;
    } catch (error) {
      const isLate = clock() >= deadlineMs - 50;
      logger[isLate ? 'info' : 'warn'](
        { payment: of, ...briefErrorFields(error) },
        'no answer of the workflow yet',
      );
      return 'not_yet' as const;
    }
  }

  return function awaitAnswerOnce(
    start: () => ReturnType<typeof startOf>,
    wait: { updateId: string; of: string; deadlineMs: number },
  ): Promise<'answered' | 'not_yet'> {
    const known = underWay.get(wait.updateId);
    if (known) return known;
    const call = reach
      .orUndefined(() => orNotYet(awaitAnswer(start(), wait), wait.deadlineMs - clock()))
      .then((answer) => answer ?? ('not_yet' as const));
    underWay.set(wait.updateId, call);
    return call.finally(() => underWay.delete(wait.updateId));
  };
}

function startOf<Input>(name: keyof typeof workflowNames, start: WorkflowStart<Input>) {
  return new WithStartWorkflowOperation(workflowNames[name], start);
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
