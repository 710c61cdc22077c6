import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

const recordPollStatement: Statement = {
  name: 'operation-polled',
  text: /* sql */ `
    WITH operation AS (
      UPDATE operations SET next_poll_at = ?, poll_count = poll_count + 1, asked_at = ?
       WHERE id = ? AND date_trunc('milliseconds', next_poll_at) = ? RETURNING payment_id)
    UPDATE payments SET due_at = ? WHERE id = (SELECT payment_id FROM operation) AND due_at IS NOT NULL`,
};

/**
 * The provider was asked and said nothing new: when to ask again, and when the sweeper steps in. Nothing is written
 * where a cancel, meanwhile, has made the next poll due at once.
 */
export async function recordPoll(
  executor: Executor,
  operationId: string,
  poll: { askedAtMs: number; readNextPollMs: number; nextPollMs: number; dueAtMs: number },
): Promise<void> {
  const { askedAtMs, readNextPollMs, nextPollMs, dueAtMs } = poll;
  const [next, asked, read, due] = [nextPollMs, askedAtMs, readNextPollMs, dueAtMs].map((ms) => new Date(ms));
  await run(executor, recordPollStatement, [next!, asked!, operationId, read!, due!]);
}
