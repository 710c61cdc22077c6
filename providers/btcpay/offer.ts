import { toMajorUnits } from '../../domain/money.js';
import type { Offer, ProviderError } from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import { coins, type Coin } from './coins.js';
import type { BtcpayCredential } from './credentials.js';
import { compare, formatDecimal, isPositive, parseDecimal, type Decimal } from './decimal.js';
import type { InvoiceState } from './invoice-calls.js';

export type OfferReading =
  | { readonly kind: 'offer'; readonly offer: Offer }
  /** The address is of another chain than the account's mode is for: nobody may be shown it. */
  | { readonly kind: 'other_chain'; readonly error: ProviderError }
  | { readonly kind: 'unreadable'; readonly error: ProviderError };

export type Terms = Pick<OperationReference, 'amountMinor' | 'currency' | 'offerEndsAtMs'>;

/**
 * What the payer acts on, as BTCPay says it. The link (BIP 21) has to name the very address and amount that BTCPay
 * watches: a wallet reads nothing else. `endsAtMs` is the invoice's own end, never later than the operation's.
 */
export function readOffer(
  { invoice, methods }: InvoiceState,
  credential: BtcpayCredential,
  terms: Terms,
): OfferReading {
  const asked = parseDecimal(toMajorUnits(terms));
  if (!asked || compare(invoice.amount, asked) !== 0) return unreadable('the amount that was asked for');
  const coin = coins[credential.paymentMethod];
  const method = methods.find(({ paymentMethodId }) => paymentMethodId === credential.paymentMethod);
  if (!method || method.currency !== coin.currency) return unreadable('the payment method');
  const { destination, paymentLink, rate, due } = method;
  if (!destination || !isAddress(destination, coin)) return unreadable('the address');
  if (!isPositive(rate) || !isPositive(due)) return unreadable('the rate or what is due');
  if (!paymentLink || !isLinkTo(paymentLink, coin, destination, due)) return unreadable('the payment link');
  const addresses = credential.mode === 'live' ? coin.liveAddress : coin.testAddress;
  if (!addresses.test(destination)) {
    const message = `the store's ${coin.currency} wallet is not of the chain for ${credential.mode} payments`;
    return { kind: 'other_chain', error: { code: 'other_chain', message } };
  }
  const offer: Offer = {
    type: 'crypto_address',
    data: paymentLink,
    endsAtMs: Math.min(invoice.expirationTime, terms.offerEndsAtMs),
    crypto: {
      currency: coin.currency,
      network: coin.network,
      address: destination,
      amount: formatDecimal(due),
      rate: formatDecimal(rate),
      pageUrl: pageUrlOf(invoice.checkoutLink, credential),
    },
  };
  return { kind: 'offer', offer };
}

function isAddress(text: string, coin: Coin): boolean {
  return coin.liveAddress.test(text) || coin.testAddress.test(text);
}

function isLinkTo(link: string, coin: Coin, address: string, due: Decimal): boolean {
  if (link.length > 2048) return false;
  const [target, query = ''] = link.split('?', 2);
  if (target?.toLowerCase() !== `${coin.scheme}:${address}`.toLowerCase()) return false;
  const amounts = new URLSearchParams(query).getAll('amount');
  const amount = parseDecimal(amounts[0] ?? '');
  return amounts.length === 1 && amount !== undefined && compare(amount, due) === 0;
}

/** Only a page of the merchant's own server is handed to payers. */
function pageUrlOf(link: string | null | undefined, { baseUrl }: BtcpayCredential): string | null {
  if (!link || !URL.canParse(link)) return null;
  return new URL(link).origin === new URL(baseUrl).origin ? link : null;
}

function unreadable(what: string): OfferReading {
  return {
    kind: 'unreadable',
    error: { code: 'unreadable_offer', message: `the reply does not say ${what} readably` },
  };
}
