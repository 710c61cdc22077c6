import type { Logger } from 'pino';
import type { Database } from '../db/connect.js';
import { readProgress, type PaymentProgress } from '../db/payment-progress.js';
import { briefErrorFields } from '../config/error-fields.js';

/**
 * Holds callers until a payment has got somewhere. One statement per tick looks at all payments that anybody in
 * this process waits for, so a thousand waiting callers cost what one costs.
 */
export interface AnswerWaiter {
  /** True as soon as `isReached` holds; false at the deadline, when the caller hangs up, or at shutdown. */
  until(
    paymentId: string,
    isReached: (progress: PaymentProgress) => boolean,
    wait: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<boolean>;
  /** Lets everybody go with what there is. */
  stop(): void;
}

interface Waiting {
  readonly paymentId: string;
  readonly isReached: (progress: PaymentProgress) => boolean;
  readonly finish: (reached: boolean) => void;
}

export function createAnswerWaiter(
  database: Database,
  options: { pollMs: number; clock: () => number; logger: Logger },
): AnswerWaiter {
  const { pollMs, clock, logger } = options;
  const waiting = new Set<Waiting>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  function schedule(): void {
    if (!timer && waiting.size > 0) timer = setTimeout(() => void tick(), pollMs);
  }

  async function tick(): Promise<void> {
    try {
      const ids = [...new Set([...waiting].map((one) => one.paymentId))];
      const progress = new Map((await readProgress(database, ids)).map((row) => [row.paymentId, row]));
      for (const one of waiting) {
        const row = progress.get(one.paymentId);
        if (row && one.isReached(row)) one.finish(true);
      }
    } catch (error) {
      logger.warn(briefErrorFields(error), 'waiting payments could not be read');
    }
    timer = undefined;
    schedule();
  }

  return {
    until(paymentId, isReached, { deadlineMs, signal }) {
      if (isStopped || signal?.aborted || clock() >= deadlineMs) return Promise.resolve(false);
      return new Promise((resolve) => {
        const hangUp = () => one.finish(false);
        // A timer of its own: the deadline holds even while the database does not answer.
        const deadline = setTimeout(hangUp, deadlineMs - clock());
        const one: Waiting = {
          paymentId,
          isReached,
          finish(reached) {
            clearTimeout(deadline);
            waiting.delete(one);
            signal?.removeEventListener('abort', hangUp);
            resolve(reached);
          },
        };
        waiting.add(one);
        signal?.addEventListener('abort', hangUp);
        schedule();
      });
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      for (const one of waiting) one.finish(false);
    },
  };
}
