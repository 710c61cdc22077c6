import type { PaymentsApi } from '@adyen/api-library/lib/src/services/checkout/paymentsApi.js';
import type { StartOutcome } from '../../domain/outcome.js';
import type { AdvanceRequest, StartRequest } from '../connector.js';
import { toAdyenAmount } from './amounts.js';
import type { AdyenClient } from './client.js';
import { readPayment, fundingOf, refused } from './payment-result.js';
import { readToken, type PaymentToken } from './payment-token.js';
import { textOf, unknown } from './reply.js';

type PaymentTerms = Parameters<PaymentsApi['payments']>[0];

/** Looks at the card where some are not wanted, then asks for its money at once. */
export async function startPayment(client: AdyenClient, request: StartRequest): Promise<StartOutcome> {
  const token = readToken(request.paymentToken, client.credential.mode);
  if (!token) {
    const message = 'the token is neither stored:… nor what Adyen’s component made of a card';
    return refused('invalid', { code: 'token_invalid', message });
  }
  const amount = toAdyenAmount(request.amountMinor, request.currency);
  if (!amount) {
    const message = 'Adyen cannot be asked for this amount and currency';
    return refused('invalid', { code: 'unsendable', message });
  }
  const unwanted = await refuseUnwantedCard(client, request, token);
  // It says nothing of a call before this one.
  if (unwanted?.kind === 'failed' && request.mayHaveBeenSent)
    return { kind: 'not_executed', error: unwanted.error };
  if (unwanted) return unwanted;
  const terms = termsOf(client, request, token, amount);
  const answer = await client.move(({ payments }) =>
    payments.payments(terms, { idempotencyKey: `${request.reference}-pay` }),
  );
  // A refusal is made anew at each repetition: a stored card may be gone, or an encrypted one too old, by then.
  if (answer.kind === 'refused' && request.mayHaveBeenSent) return unknown(answer.error);
  return readPayment(answer, request, client.credential);
}

/** Made of the request alone, so that a repetition under the key is the same byte for byte. */
function termsOf(
  client: AdyenClient,
  request: StartRequest,
  token: PaymentToken,
  amount: { currency: string; value: number },
): PaymentTerms {
  const { reference, returnUrl, payer, kind } = request;
  const shared = {
    merchantAccount: client.credential.merchantAccount,
    reference,
    amount,
    returnUrl,
    ...(payer.ip === null ? {} : { shopperIP: payer.ip }),
    // Whatever the account's own setting is: a sale is captured at once, an authorization by us.
    ...(kind === 'authorize' ? { additionalData: { manualCapture: 'true' } } : { captureDelayHours: 0 }),
  };
  if (token.kind === 'stored') return { ...shared, ...storedTerms(token) } as PaymentTerms;
  const { card, browserInfo, origin } = token;
  return {
    ...shared,
    channel: 'Web',
    shopperInteraction: 'Ecommerce',
    // 3-D Secure on a page of its own, and not inside of a component that we do not show.
    authenticationData: { threeDSRequestData: { nativeThreeDS: 'disabled' } },
    paymentMethod: card,
    ...(browserInfo === undefined ? {} : { browserInfo }),
    ...(origin === undefined ? {} : { origin }),
  } as PaymentTerms;
}

/** A stored card is charged without its payer. */
function storedTerms({ id, shopperReference }: Extract<PaymentToken, { kind: 'stored' }>) {
  return {
    shopperInteraction: 'ContAuth',
    recurringProcessingModel: 'CardOnFile',
    shopperReference,
    paymentMethod: { type: 'scheme', storedPaymentMethodId: id },
  };
}

/**
 * Adyen tells how a card is funded before it is charged only by /cardDetails, and only of an encrypted number. Where
 * it does not tell, nothing is charged: a card that may be unwanted is never taken in silence.
 */
async function refuseUnwantedCard(
  client: AdyenClient,
  { refusedFunding }: StartRequest,
  token: PaymentToken,
): Promise<StartOutcome | undefined> {
  if (refusedFunding.length === 0) return undefined;
  if (token.kind === 'stored') return refused('declined', fundingNotTold);
  const { merchantAccount } = client.credential;
  const { encryptedCardNumber } = token.card;
  const answer = await client.ask(({ payments }) =>
    payments.cardDetails({ merchantAccount, encryptedCardNumber }),
  );
  switch (answer.kind) {
    case 'reply': {
      const word = textOf(answer.reply, 'fundingSource');
      if (word === undefined) return refused('declined', fundingNotTold);
      const funding = fundingOf(word);
      if (!refusedFunding.includes(funding)) return undefined;
      const message = `the merchant takes no ${funding} cards; nothing was charged`;
      return refused('declined', { code: 'card_funding_refused', message });
    }
    // No reason to charge a card that may be unwanted, and none to say anything of an earlier call under the key.
    case 'refused':
    case 'denied':
    case 'not_executed':
    case 'unclear':
      return { kind: 'not_executed', error: answer.error };
  }
}

const fundingNotTold = {
  code: 'card_funding_not_told',
  message: 'Adyen does not tell how this card is funded, and the merchant refuses some; nothing was charged',
};

/**
 * The payer is back from the issuer's page: only now is the issuer asked for the money. What the browser brought is a
 * claim; the answer is held against our reference like any other.
 */
export async function advancePayment(client: AdyenClient, request: AdvanceRequest): Promise<StartOutcome> {
  const { returnDetails: redirectResult, reference, number } = request;
  if (redirectResult === null) {
    return unknown({ code: 'no_redirect_result', message: 'the payer’s browser has brought nothing' });
  }
  const answer = await client.move(({ payments }) =>
    payments.paymentsDetails(
      { details: { redirectResult } },
      { idempotencyKey: `${reference}-advance-${number}` },
    ),
  );
  // What no issuer ever saw: a mangled address, say. The payer may still come back with the right one.
  if (answer.kind === 'refused' && answer.isValidation) return { kind: 'pending', why: 'user_action' };
  return readPayment(answer, request, client.credential);
}
