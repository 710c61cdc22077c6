import { toMajorUnits } from '../domain/money.js';
import { availableMinor, shortageOf, type Wallet } from '../domain/wallet.js';
import type { ChosenAccount } from './choose-account.js';
import { fieldProblem } from './problem-details.js';

/**
 * Refuses at once what the payer's wallet cannot cover as it is now. Whether it does when the money moves is decided
 * there, under the wallet's lock.
 */
export function requireCovered(
  account: ChosenAccount,
  wallet: Wallet | null,
  amountMinor: number,
  currency: string,
): void {
  if (!account.capabilities.isOwnLedger) return;
  const shortage = shortageOf(wallet ?? undefined, amountMinor);
  if (!shortage) return;
  const major = toMajorUnits({ amountMinor: wallet ? availableMinor(wallet) : 0, currency });
  throw fieldProblem(shortage, '/amount', `The payer's wallet has ${currency} ${major} to spend.`);
}
