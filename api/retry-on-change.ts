import { ConcurrentChangeError } from '../db/transaction.js';
import { Problem } from './problem-details.js';

const TRIES = 8;

/** Reads and decides again where somebody else (usually the workflow) changed the payment in between. */
export async function retryOnConcurrentChange<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConcurrentChangeError)) throw error;
      if (attempt === TRIES) {
        throw new Problem('service_unavailable', 'The payment keeps changing; try again.', {
          headers: { 'retry-after': '1' },
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 5 * attempt));
    }
  }
}
