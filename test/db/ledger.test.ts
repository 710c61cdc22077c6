import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPayment } from '../../db/payments.js';
import { inTransaction, uniqueViolation } from '../../db/transaction.js';
import type { LedgerEntry } from '../../domain/ledger.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import {
  acceptedPayment,
  atOnce,
  countOf,
  openFreshDatabase,
  otherTenant,
  refusalOf,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';
import { post } from './post.js';

let database: FreshDatabase;
let payment: PaymentFacts;

beforeAll(async () => {
  database = await openFreshDatabase();
});
afterAll(() => database.close());

const cny = (account: string, amountMinor: number): LedgerEntry => ({
  account,
  currency: 'CNY',
  amountMinor,
});
const usd = (account: string, amountMinor: number) => ({ ...cny(account, amountMinor), currency: 'USD' });
const balanced = [cny('provider', 100), cny('payable', -100)];

async function posting(entries: readonly LedgerEntry[], who = tenant): Promise<void> {
  payment = await acceptedPayment(database);
  const operation = payment.operations[0]!.id;
  await inTransaction(database.app, (trx) => post(trx, who, operation, { fact: 'paid', entries }));
}

async function transactionsOf(operation: string): Promise<number> {
  return countOf(database, 'ledger_transactions', `operation_id = '${operation}'`);
}

describe('the ledger takes', () => {
  it('a transaction that sums to zero', async () => {
    await posting(balanced);
    expect(await transactionsOf(payment.operations[0]!.id)).toBe(1);
    const { rows } = await database.owner.query(
      'SELECT account, amount_minor FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id WHERE operation_id = $1 ORDER BY e.id',
      [payment.operations[0]!.id],
    );
    expect(rows).toEqual([
      { account: 'provider', amount_minor: 100 },
      { account: 'payable', amount_minor: -100 },
    ]);
  });

  it('one that sums to zero in each of two currencies', async () => {
    const usd = balanced.map((entry) => ({ ...entry, currency: 'USD' }));
    await posting([...balanced, ...usd]);
    expect(await transactionsOf(payment.operations[0]!.id)).toBe(1);
  });
});

describe('the ledger refuses, and keeps nothing of,', () => {
  const refused: [string, LedgerEntry[], RegExp][] = [
    ['a transaction out of balance', [cny('a', 100), cny('b', -99)], /does not sum to zero: 1 CNY/],
    [
      'one whose currencies only balance together',
      [cny('a', 100), { ...cny('b', -100), currency: 'USD' }],
      /does not sum to zero/,
    ],
    [
      'one that is out of balance in its second currency only',
      [...balanced, usd('a', 1), usd('b', -2)],
      /sum to zero: -1 USD/,
    ],
    [
      'one that is out of balance in its first currency only',
      [cny('a', 1), cny('b', -2), usd('a', 1), usd('b', -1)],
      /sum to zero: -1 CNY/,
    ],
    ['one with a single entry', [cny('a', 100)], /does not sum to zero/],
    ['one without entries', [], /has fewer than two entries/],
    ['an entry of nothing', [cny('a', 0), cny('b', 0)], /ledger_entries_amount_minor_check/],
  ];
  it.each(refused)('%s', async (_, entries, reason) => {
    await expect(posting(entries)).rejects.toThrow(reason);
    expect(await transactionsOf(payment.operations[0]!.id)).toBe(0);
  });

  it('a posting under another tenant than the operation has', async () => {
    expect(await refusalOf(posting(balanced, otherTenant))).toMatch(/^23503: .*ledger_transactions/);
  });

  it('an entry that is added to a transaction later and unbalances it', async () => {
    await posting(balanced);
    const add = database.app.raw(
      `INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
       SELECT merchant_id, mode, id, 'a', 'CNY', 1 FROM ledger_transactions WHERE operation_id = ?`,
      [payment.operations[0]!.id],
    );
    expect(await refusalOf(add)).toMatch(/does not sum to zero: 1 CNY/);
  });

  it('at COMMIT, and not before: the entries of one transaction may come one by one', async () => {
    payment = await acceptedPayment(database);
    let isBeforeCommit = false;
    const work = inTransaction(database.app, async (trx) => {
      const { rows } = await trx.raw<{ id: number }>(
        `INSERT INTO ledger_transactions (merchant_id, mode, operation_id, fact) VALUES (?, ?, ?, 'paid') RETURNING id`,
        [tenant.merchantId, tenant.mode, payment.operations[0]!.id],
      );
      for (const [account, amount] of [
        ['a', 7],
        ['b', -6],
      ] as const) {
        const values = [tenant.merchantId, tenant.mode, rows[0]!.id, account, 'CNY', amount];
        await trx.raw(
          `INSERT INTO ledger_entries (merchant_id, mode, transaction_id, account, currency, amount_minor)
           VALUES (?, ?, ?, ?, ?, ?)`,
          values,
        );
      }
      isBeforeCommit = true;
    });
    expect(await refusalOf(work)).toMatch(/does not sum to zero: 1 CNY/);
    expect(isBeforeCommit).toBe(true);
    expect(await transactionsOf(payment.operations[0]!.id)).toBe(0);
  });

  it('the same fact of an operation a second time, also from many at once', async () => {
    payment = await acceptedPayment(database);
    const operation = payment.operations[0]!.id;
    const violated = await atOnce(8, async (index) => {
      const entries = [cny(`a${index}`, 1), cny('b', -1)];
      try {
        await inTransaction(database.app, (trx) => post(trx, tenant, operation, { fact: 'paid', entries }));
        return 'posted';
      } catch (error) {
        return uniqueViolation(error);
      }
    });
    const refusals = violated.filter((what) => what === 'ledger_transactions_operation_id_fact_key');
    expect([violated.includes('posted'), refusals.length]).toEqual([true, 7]);
    expect(await transactionsOf(operation)).toBe(1);
  });
});

describe('amounts', () => {
  it('beyond 2^53 are an error when read, never rounded', async () => {
    const beyond = database.app.raw('SELECT 9007199254740993::bigint AS amount');
    await expect(beyond).rejects.toThrow(/beyond 2\^53/);
    const sum = database.app.raw(
      'SELECT sum(x)::bigint AS s FROM (VALUES (9007199254740991::bigint), (1)) v (x)',
    );
    await expect(sum).rejects.toThrow(/beyond 2\^53/);
    const { rows } = await database.app.raw<{ most: number }>('SELECT 9007199254740991::bigint AS most');
    expect(rows[0]?.most).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('beyond 2^53 in a row make the payment unreadable rather than wrong', async () => {
    payment = await acceptedPayment(database);
    await database.app.raw('UPDATE payments SET amount_minor = 9007199254740993 WHERE id = ?', [
      payment.record.id,
    ]);
    await expect(loadPayment(database.app, payment.record.id)).rejects.toThrow(/beyond 2\^53/);
  });
});
