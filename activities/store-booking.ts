import { writeIfCovered } from '../db/payment-changes.js';
import { ConcurrentChangeError } from '../db/transaction.js';
import { findWallets } from '../db/wallets.js';
import type { Failed } from '../domain/outcome.js';
import type { PaymentChange } from '../domain/payment-change.js';
import type { OperationFacts, PaymentFacts } from '../domain/payment-facts.js';
import { shortageOf, type WalletShortage } from '../domain/wallet.js';
import type { ActivityDependencies } from './dependencies.js';

/**
 * Records what our own ledger (`isOwnLedger`) makes of an operation: `change` with the movement that makes it true, in
 * one statement. Where the payer's wallet, under its lock, does not cover that, nothing of it is written, and `refuse`
 * says what is.
 */
export async function commitBooked(
  dependencies: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  change: PaymentChange,
  refuse: (refusal: Failed) => PaymentChange | undefined,
): Promise<PaymentFacts> {
  const { database, now } = dependencies;
  const written =
    (await writeIfCovered(database, payment, change, now())) ??
    (await recordRefusal(dependencies, payment, operation, refuse));
  dependencies.crashAt('worker.start.after_commit');
  return written;
}

async function recordRefusal(
  { database, now }: ActivityDependencies,
  payment: PaymentFacts,
  operation: OperationFacts,
  refuse: (refusal: Failed) => PaymentChange | undefined,
): Promise<PaymentFacts> {
  const wallets = await findWallets(database, payment.tenant, payment.record.payerId);
  const wallet = wallets.find(({ currency }) => currency === operation.currency);
  const shortage = shortageOf(wallet, operation.amountMinor);
  const change = shortage && refuse(refusal(shortage));
  const written = change && (await writeIfCovered(database, payment, change, now()));
  // Somebody has topped it up meanwhile, or changed the payment: what counts is read again.
  if (!written) throw new ConcurrentChangeError(`the wallet for ${payment.record.id} was changed meanwhile`);
  return written;
}

const shortageMessages: Readonly<Record<WalletShortage, string>> = {
  insufficient_balance: "the payer's balance does not suffice",
  insufficient_credit: "the payer's balance and credit do not suffice",
};

function refusal(shortage: WalletShortage): Failed {
  const error = { code: shortage, message: shortageMessages[shortage] };
  return { kind: 'failed', reason: 'insufficient_funds', error };
}
