import type { Executor } from './connect.js';
import { run, type Statement } from './statement.js';

const markProcessed: Statement = {
  name: 'notifications-processed',
  text: /* sql */ `
    UPDATE notifications SET processed_at = now(), due_at = NULL, result = ?
     WHERE id = ANY (ARRAY(SELECT jsonb_array_elements_text(?)::bigint)) AND processed_at IS NULL`,
};

/** Where they change nothing; else `writePaymentChange` marks them. `result` tells people what came of it. */
export async function markNotificationsProcessed(
  executor: Executor,
  ids: readonly number[],
  result: string,
): Promise<void> {
  if (ids.length === 0) return;
  await run(executor, markProcessed, [result, JSON.stringify(ids)]);
}
