import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { followUpCells, followUpName, type FollowUpCell } from './fault-matrix/follow-up-cells.js';
import {
  CAPTURED_MINOR,
  FollowUpMatrix,
  REFUNDED_MINOR,
  type FollowUpResult,
} from './fault-matrix/run-follow-ups.js';
import type { FollowUp } from './fault-matrix/ways.js';
import { House } from './house.js';
import { ledgerTotals } from './ledger-balances.js';

const AMOUNT_MINOR = 100_000;
let house: House;
let results: Map<FollowUpCell, FollowUpResult | Error>;

beforeAll(async () => {
  house = await House.open({ env: { CONCLUSIVE_MARGIN_MS: '2000', REPLY_TIMEOUT_MS: '3000' } });
  results = await FollowUpMatrix.run(house, followUpCells);
}, 300_000);
afterAll(async () => {
  await house.close();
  process.stdout.write(table());
});

test('no two cells are the same', () => {
  expect(new Set(followUpCells.map(followUpName)).size).toBe(followUpCells.length);
});

/** What the provider has to have moved, where it moved anything, and what our books then say. */
interface Truth {
  readonly holds: readonly number[];
  readonly charges: readonly number[];
  readonly releases: readonly number[];
  readonly refunds: readonly number[];
}

const moved: Readonly<Record<FollowUp, Truth>> = {
  refund: { holds: [], charges: [AMOUNT_MINOR], releases: [], refunds: [REFUNDED_MINOR] },
  capture: { holds: [AMOUNT_MINOR], charges: [CAPTURED_MINOR], releases: [], refunds: [] },
  void: { holds: [AMOUNT_MINOR], charges: [], releases: [AMOUNT_MINOR], refunds: [] },
};
const unmoved: Readonly<Record<FollowUp, Truth>> = {
  refund: { ...moved.refund, refunds: [] },
  capture: { ...moved.capture, charges: [] },
  void: { ...moved.void, releases: [] },
};
const announced = { refund: 'refund.succeeded', capture: 'payment.succeeded', void: 'payment.canceled' };

describe('every cell: moved once at most, and the ledger and GET say what the journal says', () => {
  test.each(followUpCells.map((cell) => [followUpName(cell), cell] as const))('%s', (_, cell) => {
    const result = results.get(cell);
    if (!result || result instanceof Error) throw result ?? new Error('it was not played');
    expect([result.ended, result.unmet]).toEqual([cell.ends, []]);
    const { books } = result;
    const truth = (cell.isNeverRun ? unmoved : moved)[cell.operation];
    expect(books).toMatchObject({ holds: truth.holds, charges: truth.charges, refunds: truth.refunds });
    // What a part leaves of a hold, some let go in a line of its own.
    const isPart = cell.operation === 'capture' && !cell.isNeverRun;
    const left = isPart ? [AMOUNT_MINOR - CAPTURED_MINOR] : [];
    expect([truth.releases, [...truth.releases, ...left]]).toContainEqual(books.releases);
    // What nobody could ask about is not invented: the books stay as they were, and a person has it.
    const { charges, refunds } = (cell.ends === 'done' ? moved : unmoved)[cell.operation];
    const [received, refunded] = [sum(charges), sum(refunds)];
    expect([books.receivedMinor, books.refundedMinor]).toEqual([received, refunded]);
    expect(books.inLedgerMinor).toBe(received - refunded);
    const told = books.events.filter((type) => type === announced[cell.operation]);
    expect(told).toHaveLength(cell.ends === 'done' ? 1 : 0);
  });
});

test('over all cells the ledger sums to zero', async () => {
  expect((await ledgerTotals(house)).sum).toBe(0);
});

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}

/** For people: what was done to which call of whom, and how it ended. */
function table(): string {
  const lines = followUpCells.map((cell) => {
    const result = results.get(cell);
    const name = followUpName(cell).padEnd(56);
    if (!result || result instanceof Error) return `${name} not ended`;
    return `${name} ${result.ended.padEnd(8)} ${(result.tookMs / 1000).toFixed(1)} s`;
  });
  return `\nFault matrix, refunds, captures and voids: ${followUpCells.length} cells\n${lines.join('\n')}\n`;
}
