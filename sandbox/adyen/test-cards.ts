import { encryptField } from './card-encryption.js';
import type { AdyenAccount } from './credentials.js';

/** What a card is, and what its issuer does with it. */
export interface TestCard {
  readonly number: string;
  readonly brand: 'visa' | 'mc';
  readonly funding: 'CREDIT' | 'DEBIT' | 'PREPAID_NONRELOADABLE';
  readonly country: string;
  /** Asks for 3-D Secure. */
  readonly asks?: true;
  /** What becomes of its captures, cancels and refunds; by default they succeed. */
  readonly fails?: 'CAPTURE' | 'CANCELLATION' | 'REFUND';
}

const visa: TestCard = { number: '4111111111111111', brand: 'visa', funding: 'CREDIT', country: 'NL' };

/** Numbers as Adyen's own test cards have them where it has one that does so (https://docs.adyen.com/development-resources/test-cards). */
const cards: Readonly<Record<string, TestCard>> = {
  visa,
  visa_debit: { ...visa, number: '4400000000000008', funding: 'DEBIT', country: 'US' },
  mastercard: { number: '5555444433331111', brand: 'mc', funding: 'CREDIT', country: 'GB' },
  mastercard_prepaid: {
    number: '5101180000000007',
    brand: 'mc',
    funding: 'PREPAID_NONRELOADABLE',
    country: 'GB',
  },
  three_d_secure: { ...visa, number: '4917610000000000', asks: true },
  capture_fails: { ...visa, number: '4000020000000000', fails: 'CAPTURE' },
  cancel_fails: { ...visa, number: '4000060000000006', fails: 'CANCELLATION' },
  refund_fails: { ...visa, number: '4000160000000004', fails: 'REFUND' },
};

/** How the issuer answers, by the card holder's name, as on Adyen's test platform (…/testing/result-codes). */
export const answers: Readonly<Record<string, readonly [result: string, code: string, reason: string]>> = {
  DECLINED: ['Refused', '2', 'Refused'],
  CARD_EXPIRED: ['Refused', '6', 'Expired Card'],
  INVALID_CARD: ['Refused', '8', 'Invalid Card Number'],
  NOT_ENOUGH_BALANCE: ['Refused', '12', 'Not enough balance'],
  BLOCK_CARD: ['Refused', '5', 'Blocked Card'],
  ISSUER_UNAVAILABLE: ['Refused', '9', 'Issuer Unavailable'],
  FRAUD: ['Refused', '20', 'FRAUD'],
  CANCELLED: ['Cancelled', '15', 'Cancelled'],
  ERROR: ['Error', '4', 'Acquirer Error'],
  PENDING: ['Pending', '', ''],
};

export function cardOf(number: string): TestCard | undefined {
  return Object.values(cards).find((card) => card.number === number);
}

const holders: Readonly<Record<string, readonly [card: string, holder: string]>> = {
  ...Object.fromEntries(
    Object.keys(answers).map((holder) => [holder.toLowerCase(), ['visa', holder]] as const),
  ),
  three_d_secure_declined: ['three_d_secure', 'DECLINED'],
};

/** By name: what the merchant's page gets from a shopper's browser, as one token. */
export function tokensOf(account: AdyenAccount): Record<string, string> {
  const plain = Object.keys(cards).map((name) => [name, name, 'J. Smith'] as const);
  const answering = Object.entries(holders).map(([name, [card, holder]]) => [name, card, holder] as const);
  const tokens = [...plain, ...answering].map(([name, card, holder]): [string, string] => [
    name,
    tokenOf(account, cards[card] ?? visa, holder),
  ]);
  return { ...Object.fromEntries(tokens), stored_visa: `stored:${storedShopper}:${storedIds.visa}` };
}

function tokenOf({ cardKey }: AdyenAccount, { number }: TestCard, holderName: string): string {
  const paymentMethod = {
    type: 'scheme',
    holderName,
    encryptedCardNumber: encryptField(cardKey, number),
    encryptedExpiryMonth: encryptField(cardKey, '03'),
    encryptedExpiryYear: encryptField(cardKey, '2030'),
    encryptedSecurityCode: encryptField(cardKey, '737'),
  };
  return Buffer.from(JSON.stringify({ paymentMethod })).toString('base64url');
}

/** A shopper whose card is stored at each account, under ids of the account's own. */
export const storedShopper = 'shopper-stored';
const storedIds = { visa: 'M5N7TQ4TG5PFWR50' };

export function storedCard(shopperReference: string, id: string): TestCard | undefined {
  return shopperReference === storedShopper && id === storedIds.visa ? visa : undefined;
}
