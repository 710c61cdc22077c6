import type { Executor } from './connect.js';
import { toPositional } from './placeholders.js';

/** A value that a statement takes for a `?`; objects go in as JSON text. */
export type StatementValue = string | number | boolean | null | Date | Buffer | readonly string[];

/**
 * One SQL statement under a name of its own: PostgreSQL parses and plans it once per connection. Placeholders
 * are `?`, in order.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What is sent of each statement: worked out once, not at each call. */
const sentTexts = new WeakMap<Statement, string>();

function sentText(statement: Statement): string {
  const known = sentTexts.get(statement);
  if (known !== undefined) return known;
  const text = toPositional(statement.text);
  sentTexts.set(statement, text);
  return text;
}

export function run<Row>(
  executor: Executor,
  statement: Statement,
  values: readonly StatementValue[],
): Promise<Row[]> {
  return executor.send<Row>({ name: statement.name, text: sentText(statement), values });
}

/** As `run`, where exactly one row must come. */
export async function runOne<Row>(
  executor: Executor,
  statement: Statement,
  values: readonly StatementValue[],
): Promise<Row> {
  const rows = await run<Row>(executor, statement, values);
  const [row] = rows;
  if (row === undefined || rows.length > 1) {
    throw new Error(`${statement.name} gave ${rows.length} rows where one was due`);
  }
  return row;
}
