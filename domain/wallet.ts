/**
 * A payer's wallet: stored value that a merchant owes to a payer, in one currency, and the credit that the merchant
 * gives beside it. It is our own ledger in the place of a provider: what a provider would be asked to move is booked
 * here, by the statement that records it.
 */
import type { LedgerEntry } from './ledger.js';

export const WALLET_PROVIDER = 'wallet';

/** Our own ledger has no secrets: each mode has one credential, which is in no file. */
export const walletCredentials = {
  'wallet-test': { provider: WALLET_PROVIDER, mode: 'test' },
  'wallet-live': { provider: WALLET_PROVIDER, mode: 'live' },
} as const;

export interface Wallet {
  readonly payerId: string;
  readonly currency: string;
  /** What the payer may spend of their own; below zero it is credit in use, never beyond the limit. */
  readonly balanceMinor: number;
  /** Set aside for authorized payments. */
  readonly heldMinor: number;
  readonly creditLimitMinor: number;
}

export const walletMovementKinds = [
  'top_up',
  'adjustment',
  'charge',
  'hold',
  'capture',
  'release',
  'refund',
] as const;
export type WalletMovementKind = (typeof walletMovementKinds)[number];

/** One act on a wallet: signed changes of what may be spent and of what is held. */
export interface WalletMovement {
  readonly kind: WalletMovementKind;
  readonly balanceChangeMinor: number;
  readonly heldChangeMinor: number;
}

function movement(
  kind: WalletMovementKind,
  balanceChangeMinor: number,
  heldChangeMinor: number,
): WalletMovement {
  if (balanceChangeMinor === 0 && heldChangeMinor === 0) throw new RangeError(`a ${kind} of nothing`);
  return { kind, balanceChangeMinor, heldChangeMinor };
}

export function topUp(amountMinor: number): WalletMovement {
  return movement('top_up', positive(amountMinor), 0);
}

/** A correction by the merchant, either way. */
export function adjustment(amountMinor: number): WalletMovement {
  return movement('adjustment', amountMinor, 0);
}

export function charge(amountMinor: number): WalletMovement {
  return movement('charge', -positive(amountMinor), 0);
}

export function hold(amountMinor: number): WalletMovement {
  return movement('hold', -positive(amountMinor), amountMinor);
}

/** Takes what was held, or a part of it; the rest is the payer's again. */
export function capture(amountMinor: number, heldMinor: number): WalletMovement {
  if (positive(amountMinor) > heldMinor) throw new RangeError(`cannot take ${amountMinor} of ${heldMinor}`);
  return movement('capture', heldMinor - amountMinor, -heldMinor);
}

export function release(heldMinor: number): WalletMovement {
  return movement('release', positive(heldMinor), -heldMinor);
}

export function refund(amountMinor: number): WalletMovement {
  return movement('refund', positive(amountMinor), 0);
}

function positive(amountMinor: number): number {
  if (!Number.isSafeInteger(amountMinor) || amountMinor <= 0) {
    throw new RangeError(`${amountMinor} is not an amount`);
  }
  return amountMinor;
}

export function availableMinor(wallet: Pick<Wallet, 'balanceMinor' | 'creditLimitMinor'>): number {
  return wallet.balanceMinor + wallet.creditLimitMinor;
}

export type WalletShortage = 'insufficient_balance' | 'insufficient_credit';

/** Why a wallet does not cover an amount: there is no credit beside the balance, or it does not reach. */
export function shortageOf(wallet: Wallet | undefined, amountMinor: number): WalletShortage | undefined {
  if (!wallet) return 'insufficient_balance';
  if (amountMinor <= availableMinor(wallet)) return undefined;
  return wallet.creditLimitMinor === 0 ? 'insufficient_balance' : 'insufficient_credit';
}

/** What we owe a payer. The kind of account comes first: a payer may have any name. */
export function walletAccount(payerId: string): string {
  return `wallet:${payerId}`;
}
export function walletHeldAccount(payerId: string): string {
  return `wallet_held:${payerId}`;
}
/** What a merchant has put behind its payers' wallets. */
export function walletFundingAccount(merchantId: string): string {
  return `merchant:${merchantId}:wallet_funding`;
}

/**
 * The double entry of a movement: what is owed to the payer, what is held, and where it comes from or goes to. A
 * payment's counter account is that of the wallet as a provider, which the payment's own posting empties again.
 */
export function walletEntries(
  { balanceChangeMinor, heldChangeMinor }: WalletMovement,
  of: { readonly payerId: string; readonly currency: string; readonly counterAccount: string },
): LedgerEntry[] {
  const { payerId, currency, counterAccount } = of;
  return [
    { account: walletAccount(payerId), currency, amountMinor: -balanceChangeMinor },
    { account: walletHeldAccount(payerId), currency, amountMinor: -heldChangeMinor },
    { account: counterAccount, currency, amountMinor: balanceChangeMinor + heldChangeMinor },
  ].filter(({ amountMinor }) => amountMinor !== 0);
}
