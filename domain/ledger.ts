/**
 * Double entry. A posting is one transaction whose entries sum to zero per currency; debits are positive.
 * Accounts are named, not numbered: what we are owed by a provider's account, what we owe a merchant, and
 * the merchant's suspense account for money that is owed to nobody yet (payment model, rules 11 and 12).
 */
export interface LedgerEntry {
  readonly account: string;
  readonly currency: string;
  readonly amountMinor: number;
}

/** Unique per operation: a fact that is posted twice is posted once. Later money is told apart by the sum it led to. */
export type LedgerFact =
  'paid' | 'refunded_by_provider' | 'refunded' | 'refund_reversed' | `more_paid:${string}`;

export interface Posting {
  readonly fact: LedgerFact;
  readonly entries: readonly LedgerEntry[];
}

export function providerAccount(provider: string, accountId: string): string {
  return `provider:${provider}:${accountId}`;
}
export function merchantPayable(merchantId: string): string {
  return `merchant:${merchantId}:payable`;
}
export function merchantSuspense(merchantId: string): string {
  return `merchant:${merchantId}:suspense`;
}

export interface MoneyIn {
  readonly provider: string;
  readonly accountId: string;
  readonly merchantId: string;
  readonly currency: string;
  /** What the provider confirms that it took. */
  readonly actualMinor: number;
  /** What of it is the merchant's: the payment's amount, or nothing where it does not count as paid. */
  readonly deliveredMinor: number;
}

/** Money that came in: to the merchant as far as it was delivered, the rest to suspense. */
export function paidPosting(money: MoneyIn): Posting {
  const { actualMinor, deliveredMinor, currency } = money;
  if (deliveredMinor < 0 || deliveredMinor > actualMinor || actualMinor <= 0) {
    throw new RangeError(`cannot deliver ${deliveredMinor} of ${actualMinor}`);
  }
  const entries: LedgerEntry[] = [
    { account: providerAccount(money.provider, money.accountId), currency, amountMinor: actualMinor },
  ];
  if (deliveredMinor > 0) {
    entries.push({ account: merchantPayable(money.merchantId), currency, amountMinor: -deliveredMinor });
  }
  if (actualMinor > deliveredMinor) {
    const surplusMinor = actualMinor - deliveredMinor;
    entries.push({ account: merchantSuspense(money.merchantId), currency, amountMinor: -surplusMinor });
  }
  return { fact: 'paid', entries };
}

/** Money beyond what is posted: all of it to suspense. `actualMinor` is all that the provider has now taken. */
export function morePaidPosting(money: MoneyIn, postedMinor: number): Posting {
  const { actualMinor, currency } = money;
  const moreMinor = actualMinor - postedMinor;
  if (moreMinor <= 0 || postedMinor < 0)
    throw new RangeError(`${actualMinor} is not more than ${postedMinor}`);
  return {
    fact: `more_paid:${currency} ${actualMinor}`,
    entries: [
      { account: providerAccount(money.provider, money.accountId), currency, amountMinor: moreMinor },
      { account: merchantSuspense(money.merchantId), currency, amountMinor: -moreMinor },
    ],
  };
}

/** Money that the provider gave back without our order, out of what lay in suspense. */
export function refundedByProviderPosting(money: MoneyIn, refundedMinor: number): Posting {
  if (refundedMinor <= 0 || refundedMinor > money.actualMinor) {
    throw new RangeError(`cannot return ${refundedMinor} of ${money.actualMinor}`);
  }
  const { currency } = money;
  return {
    fact: 'refunded_by_provider',
    entries: [
      { account: merchantSuspense(money.merchantId), currency, amountMinor: refundedMinor },
      { account: providerAccount(money.provider, money.accountId), currency, amountMinor: -refundedMinor },
    ],
  };
}

/** All that came went back: the posting of its coming, the other way round. */
export function returnedPosting(money: MoneyIn): Posting {
  const entries = paidPosting(money).entries.map((entry) => ({ ...entry, amountMinor: -entry.amountMinor }));
  return { fact: 'refunded_by_provider', entries };
}

/** Money that we had the provider give back: out of suspense as far as it was taken from there, else the merchant's. */
export interface MoneyOut {
  readonly provider: string;
  readonly accountId: string;
  readonly merchantId: string;
  readonly currency: string;
  readonly amountMinor: number;
  readonly fromSuspenseMinor: number;
}

export function refundedPosting(money: MoneyOut): Posting {
  const { amountMinor, fromSuspenseMinor, currency } = money;
  if (amountMinor <= 0 || fromSuspenseMinor < 0 || fromSuspenseMinor > amountMinor) {
    throw new RangeError(`cannot give back ${amountMinor}, ${fromSuspenseMinor} of it from suspense`);
  }
  const fromPayableMinor = amountMinor - fromSuspenseMinor;
  const entries = [
    { account: merchantSuspense(money.merchantId), currency, amountMinor: fromSuspenseMinor },
    { account: merchantPayable(money.merchantId), currency, amountMinor: fromPayableMinor },
    { account: providerAccount(money.provider, money.accountId), currency, amountMinor: -amountMinor },
  ];
  return { fact: 'refunded', entries: entries.filter((entry) => entry.amountMinor !== 0) };
}

/** A refund came back from the payer's bank: the money is there again, and nobody's until a person decides. */
export function refundReversedPosting({
  provider,
  accountId,
  merchantId,
  currency,
  amountMinor,
}: MoneyOut): Posting {
  return {
    fact: 'refund_reversed',
    entries: [
      { account: providerAccount(provider, accountId), currency, amountMinor },
      { account: merchantSuspense(merchantId), currency, amountMinor: -amountMinor },
    ],
  };
}
