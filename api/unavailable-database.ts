/** Node's codes for a network that does not carry us to PostgreSQL. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/**
 * SQLSTATEs after which the same request may succeed a moment later: connection exceptions, operator's
 * intervention (shutdown, statement time-out), too few resources, serialization failure and deadlock, a
 * standby that cannot write. https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const transientStates = /^(08...|57...|53...|40001|40P01|25006|25P03|55P03)$/;

/** What `pg` says, without any code, when a connection goes away or stays silent under a statement, or is not made in time. */
const lostConnection =
  /Query read timeout|Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|server closed the connection|not queryable|Connection ended unexpectedly/i;

/** True where the database could not be asked, as opposed to having refused what it was asked. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isUnavailable);
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return networkCodes.has(code) || transientStates.test(code);
  return lostConnection.test(error.message);
}
