/**
 * An error as it may be logged. Messages of database drivers are left out: PostgreSQL quotes the
 * offending value in them; their code says what happened.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  return error instanceof Error
    ? { ...briefErrorFields(error), stack: framesOf(error) }
    : briefErrorFields(error);
}

/** The same without where it was thrown, for what is expected to fail now and then. */
export function briefErrorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: 'not an Error' };
  const { code, constraint, table } = error as { code?: unknown; constraint?: unknown; table?: unknown };
  const isFromDatabase = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
  const cause = error.cause instanceof Error ? { cause: briefErrorFields(error.cause) } : {};
  return {
    error: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof constraint === 'string' ? { constraint } : {}),
    ...(typeof table === 'string' ? { table } : {}),
    ...(isFromDatabase ? {} : { message: error.message.slice(0, 300) }),
    ...cause,
  };
}

/** The frames alone: a stack begins with the message. */
function framesOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith('at ')).slice(0, 12);
}
