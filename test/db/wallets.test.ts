import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeIfCovered } from '../../db/payment-changes.js';
import { acceptPayment } from '../../db/accept-payment.js';
import { ensureProviderAccount } from '../../db/merchants.js';
import { loadPayment } from '../../db/payments.js';
import { ConcurrentChangeError, inTransaction } from '../../db/transaction.js';
import { verifyWallets } from '../../db/verify-wallets.js';
import {
  createWalletBook,
  findWallets,
  listMovements,
  moveByMerchant,
  setCreditLimit,
} from '../../db/wallets.js';
import { decideStart } from '../../domain/payment-decisions.js';
import type { PaymentFacts } from '../../domain/payment-facts.js';
import type { PaymentChange } from '../../domain/payment-change.js';
import { adjustment, charge, topUp, type WalletMovement } from '../../domain/wallet.js';
import {
  freshId,
  newPayment,
  openFreshDatabase,
  otherTenant,
  PRICE,
  tenant,
  type FreshDatabase,
} from './fresh-database.js';

let database: FreshDatabase;
let account: string;

beforeAll(async () => {
  database = await openFreshDatabase();
  account = await ensureProviderAccount(database.app, {
    id: freshId('providerAccount'),
    tenant,
    provider: 'wallet',
    credential: 'wallet-test',
    method: 'wallet',
    currencies: ['CNY'],
  });
});
afterAll(async () => {
  expect((await verifyWallets(database.app)).differences).toEqual([]);
  await database.close();
});

let payers = 0;
const newPayer = () => `payer-${(payers += 1)}`;

function move(payerId: string, movement: WalletMovement, someone = tenant) {
  const id = freshId('walletMovement');
  const wanted = { id, payerId, currency: 'CNY', movement, actor: 'key_1', description: null };
  return inTransaction(database.app, (trx) => moveByMerchant(trx, someone, wanted));
}

async function payerWith(amountMinor: number): Promise<string> {
  const payer = newPayer();
  expect(await move(payer, topUp(amountMinor))).toBeDefined();
  return payer;
}

const walletOf = async (payer: string) => (await findWallets(database.app, tenant, payer))[0];

/** A payment by wallet that is about to be charged. */
async function planned(payerId: string): Promise<PaymentFacts> {
  const made = newPayment(database, { payerId, method: 'wallet' });
  const operation = { ...made.operation, provider: 'wallet', accountId: account };
  expect(await acceptPayment(database.app, { ...made, operation })).toEqual({ kind: 'accepted' });
  return (await loadPayment(database.app, made.id))!;
}

/** As the activity does it. */
function chargeChange(payment: PaymentFacts): PaymentChange {
  const [operation] = payment.operations;
  const { providerKey: reference, amountMinor, currency } = operation!;
  const paid = {
    ...{ reference, amountMinor, currency },
    merchant: account,
    refundedMinor: 0,
    providerReference: reference,
    paidAtMs: null,
  };
  const outcome = { kind: 'succeeded', paid, movement: charge(amountMinor) } as const;
  return { ...decideStart(payment, operation!, outcome, Date.now())!, onlyWhileWanted: true };
}

const write = (payment: PaymentFacts, change = chargeChange(payment)) =>
  writeIfCovered(database.app, payment, change, Date.now());

describe('a charge', () => {
  it('is booked by the statement that records the payment', async () => {
    const payer = await payerWith(PRICE + 5);
    const payment = await planned(payer);
    expect((await write(payment))?.record.status).toBe('succeeded');
    expect(await walletOf(payer)).toMatchObject({ balanceMinor: 5, heldMinor: 0 });
    const booked = await createWalletBook(database.app).find(account, payment.operations[0]!.providerKey);
    expect(booked).toMatchObject({
      kind: 'charge',
      balanceChangeMinor: -PRICE,
      refundedMinor: 0,
      endedBy: null,
    });
    const [movement] = await listMovements(database.app, tenant, payer, { limit: 1 });
    expect(movement).toMatchObject({ kind: 'charge', paymentId: payment.record.id });
  });

  it('that the wallet does not cover writes nothing at all', async () => {
    const payer = await payerWith(PRICE - 1);
    const payment = await planned(payer);
    expect(await write(payment)).toBeUndefined();
    expect(await walletOf(payer)).toMatchObject({ balanceMinor: PRICE - 1 });
    expect(await loadPayment(database.app, payment.record.id)).toEqual(payment);
  });

  it('of a payer without a wallet writes nothing, also with another merchant’s wallet of that name', async () => {
    const payer = newPayer();
    await move(payer, topUp(PRICE), otherTenant);
    expect(await write(await planned(payer))).toBeUndefined();
    expect((await findWallets(database.app, otherTenant, payer))[0]).toMatchObject({ balanceMinor: PRICE });
  });

  it('is not recorded without its movement', async () => {
    const payment = await planned(await payerWith(PRICE));
    const { movement: _movement, ...unbooked } = chargeChange(payment);
    await expect(write(payment, unbooked)).rejects.toThrow(/only with its movement/);
    expect(await loadPayment(database.app, payment.record.id)).toEqual(payment);
  });

  it('takes nothing for a payment that somebody has changed, or does not want any more', async () => {
    const payer = await payerWith(10 * PRICE);
    const payment = await planned(payer);
    const stale = { ...payment, record: { ...payment.record, sequence: 99 } };
    await expect(write(stale, chargeChange(payment))).rejects.toThrow(ConcurrentChangeError);
    await database.owner.query(`UPDATE payments SET cancel_requested_at = now() WHERE id = $1`, [
      payment.record.id,
    ]);
    await expect(write(payment)).rejects.toThrow(ConcurrentChangeError);
    expect(await walletOf(payer)).toMatchObject({ balanceMinor: 10 * PRICE });
  });

  it('is made once, however many try it at once', async () => {
    const payer = await payerWith(10 * PRICE);
    const payment = await planned(payer);
    const tries = await Promise.allSettled(Array.from({ length: 12 }, () => write(payment)));
    expect(tries.filter((one) => one.status === 'fulfilled' && one.value !== undefined)).toHaveLength(1);
    expect(await walletOf(payer)).toMatchObject({ balanceMinor: 9 * PRICE });
  });
});

describe('200 charges, corrections and top-ups at once', () => {
  it('never overdraw the wallet, and leave what they add up to', async () => {
    const payer = await payerWith(50 * PRICE);
    await inTransaction(database.app, (trx) =>
      setCreditLimit(trx, tenant, {
        payerId: payer,
        currency: 'CNY',
        limitMinor: 10 * PRICE,
        actor: 'key_1',
      }),
    );
    const payments = await Promise.all(Array.from({ length: 140 }, () => planned(payer)));
    const [charges, ups, downs] = await Promise.all([
      Promise.all(payments.map((payment) => write(payment))),
      Promise.all(Array.from({ length: 20 }, () => move(payer, topUp(PRICE)))),
      Promise.all(Array.from({ length: 40 }, () => move(payer, adjustment(-PRICE)))),
    ]);
    const taken = [...charges, ...downs].filter((done) => done !== undefined).length;
    expect(ups.every((done) => done !== undefined)).toBe(true);
    // 50 and 20 of the payer's own, 10 of credit, some of which may have come too late: 180 wanted one.
    expect(taken).toBeGreaterThanOrEqual(60);
    expect(taken).toBeLessThanOrEqual(80);
    expect(await walletOf(payer)).toMatchObject({ balanceMinor: (70 - taken) * PRICE });
    expect((await verifyWallets(database.app)).differences).toEqual([]);
  });
});

describe('the database itself refuses', () => {
  it.each([
    [
      'an overdrawn wallet',
      `UPDATE wallets SET balance_minor = -1 WHERE payer_id = $1`,
      'wallets_not_overdrawn',
    ],
    [
      'less than nothing held',
      `UPDATE wallets SET held_minor = -1 WHERE payer_id = $1`,
      'wallets_hold_nothing_negative',
    ],
    [
      'a movement that is changed',
      `UPDATE wallet_movements SET balance_change_minor = 1 WHERE payer_id = $1`,
      undefined,
    ],
  ])('%s', async (_what, sql, constraint) => {
    const payer = await payerWith(PRICE);
    await expect(database.owner.query(sql, [payer])).rejects.toMatchObject(
      constraint ? { constraint } : { code: '42501' },
    );
  });

  it('a ledger transaction about nothing, or about two things', async () => {
    const insert = `INSERT INTO ledger_transactions (merchant_id, mode, operation_id, wallet_movement_id, fact)
                    VALUES ('merchant456', 'test', $1, $2, 'paid')`;
    await expect(database.owner.query(insert, [null, null])).rejects.toMatchObject({
      constraint: 'ledger_transactions_about_one_thing',
    });
  });
});

describe('the verifier', () => {
  it('finds a balance that is not what its entries add up to', async () => {
    const payer = await payerWith(PRICE);
    await database.owner.query(`UPDATE wallets SET balance_minor = balance_minor + 7 WHERE payer_id = $1`, [
      payer,
    ]);
    expect((await verifyWallets(database.app)).differences).toEqual([
      {
        merchantId: 'merchant456',
        mode: 'test',
        currency: 'CNY',
        account: `wallet:${payer}`,
        rowMinor: String(-PRICE - 7),
        movementsMinor: String(-PRICE),
        entriesMinor: String(-PRICE),
      },
    ]);
    await database.owner.query(`UPDATE wallets SET balance_minor = balance_minor - 7 WHERE payer_id = $1`, [
      payer,
    ]);
  });
});
