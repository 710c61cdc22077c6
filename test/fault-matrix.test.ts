import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cells, nameOf, type Cell } from './fault-matrix/cells.js';
import { Matrix, type CellResult } from './fault-matrix/run-cells.js';
import { House } from './house.js';
import { ledgerTotals } from './ledger-balances.js';

const AMOUNT_MINOR = 100_000;
let house: House;
let results: Map<Cell, CellResult | Error>;

beforeAll(async () => {
  house = await House.open({
    env: {
      // "Not found" is proof soon after the payment's end, and a person is asked soon after that.
      CONCLUSIVE_MARGIN_MS: '2000',
      REVIEW_GRACE_MS: '4000',
      REPLY_TIMEOUT_MS: '3000',
    },
  });
  results = await Matrix.run(house, cells);
}, 300_000);
afterAll(async () => {
  await house.close();
  process.stdout.write(table());
});

test('there are at least sixty cells, and no two are the same', () => {
  expect(cells.length).toBeGreaterThanOrEqual(60);
  expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
});

describe('every cell: one charge at most, and the ledger says what the journal says', () => {
  test.each(cells.map((cell) => [nameOf(cell), cell] as const))('%s', (_, cell) => {
    const result = results.get(cell);
    if (!result || result instanceof Error) throw result ?? new Error('it was not played');
    expect([result.ended, result.unmet]).toEqual([cell.ends, []]);
    const { books } = result;
    expect(books.charges).toEqual(cell.ends === 'refused' ? [] : [AMOUNT_MINOR]);
    // What nobody could ask about is not invented: it lies open for a person, with the money at the provider.
    const known = cell.ends === 'succeeded' ? AMOUNT_MINOR : 0;
    expect([books.inLedgerMinor, books.receivedMinor]).toEqual([known, known]);
    expect([...books.holds, ...books.releases, ...books.refunds]).toEqual([]);
    const told = books.events.filter((type) => type === 'payment.succeeded');
    expect(told).toHaveLength(cell.ends === 'succeeded' ? 1 : 0);
  });
});

test('no part of a secret is in a log, a history or a row, whatever failed', async () => {
  const secrets = readSecrets(house.env['PROVIDER_ACCOUNTS_FILE'] ?? '');
  expect(secrets.length).toBeGreaterThan(20);
  const client = await house.temporal();
  const texts = [house.log('api'), house.log('worker')];
  for (const result of results.values()) {
    if (result instanceof Error) continue;
    const history = await client.workflow.getHandle(result.id).fetchHistory();
    texts.push(JSON.stringify(history));
  }
  const tables = ['operations', 'payments', 'events', 'webhook_deliveries', 'notifications', 'audit_log'];
  const { rows } = await house.sql.query<{ text: string }>(
    tables.map((table) => `SELECT ${table}::text AS text FROM ${table}`).join(' UNION ALL '),
  );
  texts.push(...rows.map(({ text }) => text));
  expect(texts.length).toBeGreaterThan(2 * cells.length);
  const leaked = secrets.filter((secret) => texts.some((text) => text.includes(secret)));
  expect(leaked.map((secret) => secret.slice(0, 4))).toEqual([]);
});

test('over all cells the ledger sums to zero', async () => {
  expect((await ledgerTotals(house)).sum).toBe(0);
});

/** Every line of every private key, password and token in the accounts file: a part is as bad as the whole. */
function readSecrets(file: string): string[] {
  const { credentials } = JSON.parse(readFileSync(file, 'utf8')) as {
    credentials: Record<string, Record<string, unknown>>;
  };
  const isSecret = (setting: string) => /private|secret|apikey|v3key|hmac/i.test(setting);
  const settings = Object.values(credentials).flatMap((credential) =>
    Object.entries(credential).filter(([setting]) => isSecret(setting)),
  );
  return settings
    .flatMap(([, value]) => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .flatMap((value) => (typeof value === 'string' ? value.split('\n') : []))
    .filter((line) => line.length >= 16 && !line.startsWith('-----'));
}

/** For people: what was done to which call of whom, and how it ended. */
function table(): string {
  const lines = cells.map((cell) => {
    const result = results.get(cell);
    const columns = [cell.provider.padEnd(10), cell.operation.padEnd(12), cell.fault.padEnd(16)];
    if (!result || result instanceof Error) return [...columns, 'not ended'].join(' ');
    const { ended, books, tookMs } = result;
    const seconds = `${(tookMs / 1000).toFixed(1)} s`;
    return [...columns, ended.padEnd(9), `charges ${books.charges.length}`, seconds].join(' ');
  });
  return `\nFault matrix: ${cells.length} cells\n${lines.join('\n')}\n`;
}
