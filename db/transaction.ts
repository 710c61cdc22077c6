import { Executor, isRefusal, type Connection, type Database, type Query } from './connect.js';

/**
 * Somebody else changed the payment between our read and our write. Nothing was written; reading again and
 * deciding again is right, so activities throw it as a retryable failure.
 */
export class ConcurrentChangeError extends Error {
  override readonly name = 'ConcurrentChangeError';
}

/** An open transaction. What comes after its end is refused: it would run outside of it. */
class Transaction extends Executor {
  isOpen = true;

  constructor(private readonly connection: Connection) {
    super();
  }

  send<Row>(query: Query): Promise<Row[]> {
    if (!this.isOpen) return Promise.reject(new Error('the transaction has ended'));
    return this.connection.send<Row>(query);
  }
}

/**
 * Runs `work` in one transaction: all of it is committed when the promise resolves. When it rejects nothing is
 * committed, unless the connection broke at the COMMIT itself, when nobody can say.
 */
export function inTransaction<T>(database: Database, work: (trx: Executor) => Promise<T>): Promise<T> {
  return database.withConnection(async (connection) => {
    // Broken until it is known to be outside of any transaction again.
    connection.isBroken = true;
    await connection.command('BEGIN');
    const result = await workIn(connection, work);
    const ended = await commit(connection);
    connection.isBroken = false;
    // PostgreSQL answers so where a statement had failed and `work` went on regardless.
    if (ended !== 'COMMIT') throw new Error(`the transaction was not committed: ${ended}`);
    return result;
  });
}

async function workIn<T>(connection: Connection, work: (trx: Executor) => Promise<T>): Promise<T> {
  const transaction = new Transaction(connection);
  try {
    return await work(transaction);
  } catch (error) {
    transaction.isOpen = false;
    // PostgreSQL rolls back when the connection is closed, as it is where it is lost or the rollback fails.
    if (connection.isLost) throw error;
    await connection.command('ROLLBACK').then(
      () => (connection.isBroken = false),
      () => undefined,
    );
    throw error;
  } finally {
    transaction.isOpen = false;
  }
}

/** A refused COMMIT (a deferred constraint) has rolled back; after a lost one nobody knows. Either way it throws. */
async function commit(connection: Connection): Promise<string> {
  try {
    return await connection.command('COMMIT');
  } catch (error) {
    connection.isBroken = !isRefusal(error);
    throw error;
  }
}

/** The name of the violated constraint, where `error` is PostgreSQL's unique_violation (23505). */
export function uniqueViolation(error: unknown): string | undefined {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  return code === '23505' && typeof constraint === 'string' ? constraint : undefined;
}
