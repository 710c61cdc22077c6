import type { Executor } from '../db/connect.js';
import { findIdempotencyRecord, insertAnsweredKey, type IdempotencyRecord } from '../db/idempotency.js';
import { inTransaction } from '../db/transaction.js';
import { keyReused } from './idempotency-key.js';
import { idempotencyScope, replayedHeader } from './payment-answers.js';
import { Problem } from './problem-details.js';
import { jsonReply, type ApiContext, type ApiRequest, type Reply } from './route.js';

/** What a request that is done at once has done. */
export interface Done {
  readonly objectId: string;
  readonly status: number;
  readonly value: unknown;
}

/**
 * Does `work` once per Idempotency-Key: its rows and the stored answer are one transaction. A refusal that
 * `work` throws leaves nothing behind, so that the same key may be used again.
 */
export async function answerOnce(
  request: ApiRequest,
  context: ApiContext,
  work: (trx: Executor) => Promise<Done>,
): Promise<Reply> {
  const { database } = context;
  const scope = idempotencyScope(request);
  const known = await findIdempotencyRecord(database, scope);
  if (known) return replay(request, known);
  try {
    return await inTransaction(database, async (trx) => {
      const { objectId, status, value } = await work(trx);
      const reply = jsonReply(status, value);
      const { fingerprint } = request;
      const answer = { fingerprint, objectId, paymentId: null, status, body: reply.body };
      if (!(await insertAnsweredKey(trx, scope, answer))) throw new KeyTaken();
      return reply;
    });
  } catch (error) {
    if (!(error instanceof KeyTaken || error instanceof Problem)) throw error;
    // A refusal, too, may come of the same request that was first by a moment.
    const taken = await findIdempotencyRecord(database, scope);
    if (!taken) throw error;
    return replay(request, taken);
  }
}

class KeyTaken extends Error {}

function replay(request: ApiRequest, record: IdempotencyRecord): Reply {
  if (record.fingerprint !== request.fingerprint) throw keyReused();
  if (!record.answer) throw new Error(`${request.route} stored a key without an answer`);
  return { ...record.answer, contentType: 'application/json; charset=utf-8', headers: replayedHeader };
}
