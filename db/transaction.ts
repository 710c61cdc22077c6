import type { Knex } from 'knex';
import type { Database } from './connect.js';

/**
 * Somebody else changed the payment between our read and our write. Nothing was written; reading again and
 * deciding again is right, so activities throw it as a retryable failure.
 */
export class ConcurrentChangeError extends Error {
  override readonly name = 'ConcurrentChangeError';
}

/** Runs `work` in one transaction: all of it is committed when the promise resolves, none when it rejects. */
export function inTransaction<T>(
  database: Database,
  work: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  return database.transaction(work);
}

/** The name of the violated constraint, where `error` is PostgreSQL's unique_violation (23505). */
export function uniqueViolation(error: unknown): string | undefined {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === '23505' && typeof constraint === 'string' ? constraint : undefined;
}
