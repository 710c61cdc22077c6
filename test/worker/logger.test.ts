import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../worker/logger.js';
import { openFreshDatabase, type FreshDatabase } from '../db/fresh-database.js';

let database: FreshDatabase;
beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

const blockPayer = () =>
  database.owner.query(
    `INSERT INTO blocked_payers (merchant_id, mode, payer_id, reason) VALUES ('merchant456', 'test', 'Li Lei', 'r')`,
  );

/** What the database refuses, with a message that names nobody and a detail that does. */
const refusal = () =>
  blockPayer()
    .then(blockPayer)
    .then(
      () => new Error('nothing was refused'),
      (error: Error) => error,
    );

function logged(fields: object): Record<string, unknown> & { line: string } {
  const lines: string[] = [];
  createLogger('info', { write: (line) => void lines.push(line) }).warn(fields, 'it failed');
  const line = lines.join('');
  return { ...(JSON.parse(line) as object), line };
}

describe('the log of a worker', () => {
  it.each(['err', 'error'])(
    'says of an error of PostgreSQL (%s) what happened, and not to whom',
    async (key) => {
      const error = await refusal();
      expect(error).toMatchObject({ code: '23505', detail: expect.stringContaining('Li Lei') as string });
      const wrapped = new Error('the dispatcher failed', { cause: error });
      for (const known of [error, wrapped]) {
        const { line, [key]: said } = logged({ [key]: known });
        expect(line).not.toContain('Li Lei');
        expect(JSON.stringify(said)).toContain('"code":"23505","constraint":"blocked_payers_pkey"');
      }
    },
  );

  it('leaves what the SDK calls an error, and is only words, as it is', () => {
    expect(logged({ error: 'a malformed entry' })).toMatchObject({
      error: 'a malformed entry',
      msg: 'it failed',
    });
  });
});
