import { pino, type DestinationStream, type Logger } from 'pino';
import { errorFields } from '../config/error-fields.js';

/** Errors are logged without what a driver quotes in them: ours come as `err`, those of Temporal's SDK as `error`. */
const serializers = { err: errorFields, error: loggable };

/** Logs to standard error, because standard output is for whoever started the process. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)): Logger {
  return pino({ level, name: 'worker', serializers }, destination);
}

function loggable(value: unknown): unknown {
  return value instanceof Error ? errorFields(value) : value;
}
