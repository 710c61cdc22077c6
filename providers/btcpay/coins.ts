/** What BTCPay calls a payment method: a coin, paid on its own chain. Lightning is not offered. */
export interface Coin {
  readonly currency: string;
  /** The name of its chain, for payers' wallets. */
  readonly network: string;
  /** Of its payment links (BIP 21). */
  readonly scheme: string;
  /** Digits after the point: an amount is always a whole number of the smallest unit. */
  readonly divisibility: number;
  /** How addresses begin where the coins are worth something, and where they are worth nothing. */
  readonly liveAddress: RegExp;
  readonly testAddress: RegExp;
}

export const paymentMethodIds = ['BTC-CHAIN', 'LTC-CHAIN'] as const;
export type PaymentMethodId = (typeof paymentMethodIds)[number];

/** Prefixes: BIP 173 and the base58 version bytes of Bitcoin Core's and Litecoin Core's chain parameters. */
export const coins: Readonly<Record<PaymentMethodId, Coin>> = {
  'BTC-CHAIN': {
    currency: 'BTC',
    network: 'bitcoin',
    scheme: 'bitcoin',
    divisibility: 8,
    liveAddress: /^(bc1|BC1|1|3)[0-9A-Za-z]{20,90}$/,
    testAddress: /^(tb1|TB1|bcrt1|BCRT1|m|n|2)[0-9A-Za-z]{20,90}$/,
  },
  'LTC-CHAIN': {
    currency: 'LTC',
    network: 'litecoin',
    scheme: 'litecoin',
    divisibility: 8,
    liveAddress: /^(ltc1|LTC1|L|M|3)[0-9A-Za-z]{20,90}$/,
    testAddress: /^(tltc1|TLTC1|rltc1|RLTC1|m|n|2|Q)[0-9A-Za-z]{20,90}$/,
  },
};
