/** What a test card does when it is charged. */
export interface TestCard {
  readonly brand: 'visa' | 'mastercard';
  readonly last4: string;
  readonly funding: 'credit' | 'debit' | 'prepaid';
  readonly country: string;
  /** Asks for 3-D Secure; of a saved card too, which then cannot be charged without its payer. */
  readonly asks?: true;
  /** [code, decline_code] of what the issuer says once it is asked for the money. */
  readonly refuses?: readonly [string, string?];
  /** Stays `processing` until it is settled by hand. */
  readonly isSlow?: true;
  /** What becomes of its refunds; by default they succeed at once. */
  readonly refunds?: 'pending' | 'failing';
}

const visa: TestCard = { brand: 'visa', last4: '4242', funding: 'credit', country: 'US' };
const refusing = (last4: string, code: string, declineCode?: string): TestCard => ({
  ...visa,
  last4,
  refuses: declineCode === undefined ? [code] : [code, declineCode],
});

/**
 * Tokens as a browser would get them. Named as Stripe's own (https://docs.stripe.com/testing, read 2026-11), but for
 * pm_card_processing, which Stripe has no card for.
 */
export const testCards: Readonly<Record<string, TestCard>> = {
  pm_card_visa: visa,
  pm_card_visa_debit: { ...visa, last4: '5556', funding: 'debit' },
  pm_card_mastercard_prepaid: { ...visa, brand: 'mastercard', last4: '5100', funding: 'prepaid' },
  pm_card_threeDSecure2Required: { ...visa, last4: '3220', asks: true },
  pm_card_authenticationRequired: { ...visa, last4: '3184', asks: true },
  pm_card_authenticationRequiredChargeDeclinedInsufficientFunds: {
    ...refusing('8260', 'card_declined', 'insufficient_funds'),
    asks: true,
  },
  pm_card_visa_chargeDeclined: refusing('0002', 'card_declined', 'generic_decline'),
  pm_card_visa_chargeDeclinedInsufficientFunds: refusing('9995', 'card_declined', 'insufficient_funds'),
  pm_card_visa_chargeDeclinedLostCard: refusing('9987', 'card_declined', 'lost_card'),
  pm_card_visa_chargeDeclinedStolenCard: refusing('9979', 'card_declined', 'stolen_card'),
  pm_card_chargeDeclinedExpiredCard: refusing('0069', 'expired_card'),
  pm_card_chargeDeclinedIncorrectCvc: refusing('0127', 'incorrect_cvc'),
  pm_card_chargeDeclinedProcessingError: refusing('0119', 'processing_error'),
  pm_card_radarBlock: refusing('0019', 'card_declined', 'fraudulent'),
  pm_card_pendingRefund: { ...visa, last4: '7726', refunds: 'pending' },
  pm_card_refundFail: { ...visa, last4: '5126', refunds: 'failing' },
  pm_card_processing: { ...visa, last4: '1111', isSlow: true },
};

/** Cards that this customer has saved: to be charged without them, as `cus_saved/pm_…`. */
export const savedCustomer = 'cus_saved';
export const savedCards: Readonly<Record<string, string>> = {
  pm_saved_visa: 'pm_card_visa',
  pm_saved_authenticationRequired: 'pm_card_authenticationRequired',
  pm_saved_insufficientFunds: 'pm_card_visa_chargeDeclinedInsufficientFunds',
};
