import type { Knex } from 'knex';
import type { Executor } from './connect.js';

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

export async function run<Row>(
  executor: Executor,
  statement: Statement,
  values: readonly StatementValue[],
): Promise<Row[]> {
  const result = await (executor
    .raw(statement.text, values as unknown as Knex.RawBinding[])
    .options({ name: statement.name }) as unknown as Promise<{ rows: Row[] }>);
  return result.rows;
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
