import { randomBytes } from 'node:crypto';
import { seconds } from '../set-up/progress.js';

export interface DemonstrationContext {
  apiUrl: string;
  sandboxUrl: string;
  temporalUiUrl: string | undefined;
  namespace: string;
  apiKey: string;
  print: (line: string) => void;
  /** What must outlive this run: the webhook endpoint is registered once. Without it, at each run. */
  memory?: { read: (name: string) => string | undefined; write: (name: string, value: string) => void };
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const PATIENCE_MS = 60_000;

/** Prints each step with its time, and speaks HTTP. */
export class Story {
  constructor(readonly context: DemonstrationContext) {}

  async step<T extends string | { note: string }>(what: string, work: () => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    let result: T;
    try {
      result = await work();
    } catch (error) {
      throw new Error(
        `${what}: not so (${seconds(Date.now() - startedAt)}).\n    ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
    const note = typeof result === 'string' ? result : result.note;
    this.context.print(`  ✓ ${what} (${Date.now() - startedAt} ms): ${note}`);
    return result;
  }

  api(method: string, path: string, body?: unknown): Promise<Answer> {
    const key = method === 'POST' ? { 'idempotency-key': randomBytes(16).toString('hex') } : {};
    const headers = { authorization: `Bearer ${this.context.apiKey}`, ...key };
    return this.request(method, `${this.context.apiUrl}${path}`, body, headers);
  }

  sandbox(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.request(method, `${this.context.sandboxUrl}${path}`, body);
  }

  async request(
    method: string,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(40_000),
        redirect: 'manual',
      });
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).message;
      throw new Error(`${method} ${url}: no answer (${cause}). Is it still running?`, { cause: error });
    }
    return { status: response.status, body: parse(await response.text()) };
  }

  /** Asks again until it holds; says at the end what came instead. */
  async until(
    what: string,
    expected: string,
    advice: string,
    ask: () => Promise<{ answer: Answer; held: boolean }>,
  ): Promise<Record<string, unknown>> {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      const { answer, held } = await ask();
      if (held) return answer.body;
      if (Date.now() > deadline)
        throw unexpected(what, `${expected} within ${PATIENCE_MS / 1000} s`, answer, advice);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

export function unexpected(what: string, expected: string, answer: Answer, advice: string): Error {
  const came = JSON.stringify(answer.body).slice(0, 600);
  return new Error(
    `${what}\n    expected: ${expected}\n    came:     HTTP ${answer.status} ${came}\n    to do:    ${advice}`,
  );
}

function parse(content: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(content);
    return Array.isArray(value) ? { data: value } : record(value);
  } catch {
    return { text: content };
  }
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

export function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
