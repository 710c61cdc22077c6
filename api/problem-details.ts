import { httpProblems, type HttpProblemCode } from '../domain/problem-codes.js';
import { isUnavailable } from './unavailable-database.js';

/** Where in the request a fault is: an RFC 6901 pointer into the body (or the query, as an object). */
export interface FieldError {
  readonly pointer: string;
  readonly detail: string;
}

export interface ProblemOptions {
  readonly errors?: readonly FieldError[];
  /** Extension members of the document (RFC 9457, 3.2), such as `payment` or `retry_at`. */
  readonly extensions?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal, as routes throw it. The one mapping of failures to HTTP is in this file. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly errors: readonly FieldError[];
  readonly extensions: Readonly<Record<string, string | number>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly code: HttpProblemCode,
    readonly detail: string,
    { errors = [], extensions = {}, headers = {} }: ProblemOptions = {},
  ) {
    super(`${code}: ${detail}`);
    this.errors = errors;
    this.extensions = extensions;
    this.headers = headers;
  }

  get status(): number {
    return httpProblems[this.code].status;
  }
}

/** A problem with one field, which `pointer` names. */
export function fieldProblem(
  code: HttpProblemCode,
  pointer: string,
  detail: string,
  extensions: Readonly<Record<string, string | number>> = {},
): Problem {
  return new Problem(code, detail, { errors: [{ pointer, detail }], extensions });
}

/** Whatever was thrown, as a problem that gives nothing internal away. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isUnavailable(error)) {
    return new Problem('service_unavailable', 'Try again with the same Idempotency-Key.', {
      headers: { 'retry-after': '1' },
    });
  }
  // Express refuses paths with a broken percent-encoding this way: no object has such a name.
  if (error instanceof URIError) return new Problem('not_found', 'There is nothing at this path.');
  return new Problem('internal_error', 'Quote the request_id when you ask about it.');
}

export function problemDocument(problem: Problem, requestId: string) {
  return {
    type: `/problems/${problem.code}`,
    title: httpProblems[problem.code].title,
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    errors: problem.errors.slice(0, 20),
    request_id: requestId,
    ...problem.extensions,
  };
}
