import pg from 'pg';
import type { Counter } from './counter.js';

const TRANSACTIONS = 7;

/** What the house does now and then by itself, a sweep say, may fall into one count, and hardly into each of so many. */
const TRIES = 5;
const due = { commits: 2 * TRANSACTIONS, statements: 6 * TRANSACTIONS };

/**
 * A workload whose commits and statements are known, counted by the same means as the payments: 7 transactions
 * of three statements each, 7 that are rolled back, 7 reads, 7 single statements that commit by themselves.
 * Throws where no count is that. `appUrl` may make temporary objects nowhere, so the table is made before.
 */
export async function proveCounting(counter: Counter, appUrl: string, ownerUrl: string): Promise<void> {
  const counts: string[] = [];
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const { commits, ownStatements } = await countKnownWorkload(counter, appUrl, ownerUrl);
    if (commits === due.commits && ownStatements === due.statements) return;
    counts.push(`${commits} and ${ownStatements}`);
  }
  throw new Error(
    `The counting is wrong: a workload of ${due.commits} commits and ${due.statements} statements was counted as ` +
      `${counts.join(', then ')}.`,
  );
}

async function countKnownWorkload(counter: Counter, appUrl: string, ownerUrl: string) {
  await inClient(ownerUrl, async (owner) => {
    await owner.query('CREATE TABLE counting_proof (id integer PRIMARY KEY, note text)');
    await owner.query(`GRANT ALL ON counting_proof TO ${new URL(appUrl).username}`);
  });
  const before = await counter.read();
  await inClient(appUrl, async (client) => {
    for (let index = 0; index < TRANSACTIONS; index += 1) await knownWorkload(client, index);
  });
  const counted = await counter.since(before);
  await inClient(ownerUrl, (owner) => owner.query('DROP TABLE counting_proof'));
  return counted;
}

async function knownWorkload(client: pg.Client, index: number): Promise<void> {
  await client.query('BEGIN');
  await client.query('INSERT INTO counting_proof (id) VALUES ($1)', [index]);
  await client.query('SELECT note FROM counting_proof WHERE id = $1 FOR UPDATE', [index]);
  await client.query('UPDATE counting_proof SET note = $2 WHERE id = $1', [index, 'x'.repeat(100)]);
  await client.query('COMMIT');
  await client.query('BEGIN');
  await client.query('DELETE FROM counting_proof WHERE id = $1', [index]);
  await client.query('ROLLBACK');
  await client.query('SELECT count(*) FROM counting_proof');
  await client.query('UPDATE counting_proof SET note = NULL WHERE id = $1', [index]);
}

async function inClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
