import { randomBytes } from 'node:crypto';
import { moneyOf, type Amount } from './amounts.js';
import { invalid } from './refusal.js';
import { answers, type TestCard } from './test-cards.js';
import { newPspReference, type Work } from './work.js';

export interface Payment {
  readonly id: string;
  readonly account: string;
  readonly reference: string;
  readonly amount: Amount;
  readonly card: TestCard;
  readonly holderName: string;
  readonly isManual: boolean;
  readonly returnUrl: string;
  readonly status: 'redirected' | 'authorised' | 'captured' | 'cancelled' | 'refused' | 'pending' | 'closed';
  readonly capturedValue: number;
  readonly refundedValue: number;
  readonly createdMs: number;
  /** What the browser brings back; set when the shopper has answered the issuer. */
  readonly redirectResult: string | null;
  readonly isAuthenticated: boolean;
}

export type NewPayment = Pick<
  Payment,
  'reference' | 'amount' | 'card' | 'holderName' | 'isManual' | 'returnUrl'
>;

type Body = Readonly<Record<string, unknown>>;

/** POST /payments: an issuer that asks for its card holder is answered by a redirect, any other at once. */
export function createPayment(work: Work, terms: NewPayment, isChargedAlone: boolean): Body {
  const payment: Payment = {
    ...terms,
    id: newPspReference(),
    account: work.account,
    status: 'pending',
    capturedValue: 0,
    refundedValue: 0,
    createdMs: work.nowMs,
    redirectResult: null,
    isAuthenticated: false,
  };
  if (!payment.card.asks || isChargedAlone) return authorise(work, payment);
  const url = `${work.baseUrl}/sandbox/3ds/${payment.id}`;
  put(work, { ...payment, status: 'redirected' });
  work.note('offer', payment.reference, { payment: payment.id, url });
  return {
    resultCode: 'RedirectShopper',
    action: { type: 'redirect', method: 'GET', paymentMethodType: 'scheme', url },
  };
}

/** What the shopper did on the issuer's page: nobody is asked for money yet. Tells where the browser goes. */
export function answerChallenge(work: Work, id: string, isAuthenticated: boolean): string {
  const payment = getPayment(work, id);
  const redirectResult = payment.redirectResult ?? `X${randomBytes(48).toString('base64url')}!`;
  if (payment.status === 'redirected') put(work, { ...payment, redirectResult, isAuthenticated });
  const url = new URL(payment.returnUrl);
  url.searchParams.set('redirectResult', redirectResult);
  return url.href;
}

/** POST /payments/details: with what the browser brought back, the issuer is asked for the money. */
export function submitDetails(work: Work, redirectResult: string): Body {
  const payment = allPayments(work).find((each) => each.redirectResult === redirectResult);
  if (payment?.status !== 'redirected') throw invalid('14_018', 'Invalid redirectResult');
  return payment.isAuthenticated ? authorise(work, payment) : notAuthenticated(work, payment);
}

export function authorise(work: Work, payment: Payment): Body {
  const answer = answers[payment.holderName];
  if (answer?.[0] === 'Pending') {
    return result(put(work, { ...payment, status: 'pending' }), 'Pending');
  }
  if (answer) return refuse(work, payment, answer);
  const { amount, isManual, reference, id } = payment;
  const authorised = put(work, {
    ...payment,
    status: isManual ? 'authorised' : 'captured',
    capturedValue: isManual ? 0 : amount.value,
  });
  work.note(isManual ? 'hold' : 'charge', reference, { payment: id, ...moneyOf(amount) });
  tell(work, authorised, 'AUTHORISATION', true, `${String(amount.value).padStart(6, '0')}:1111:03/2030`);
  return result(authorised, 'Authorised');
}

function notAuthenticated(work: Work, payment: Payment): Body {
  return refuse(work, payment, ['Refused', '11', '3D Not Authenticated']);
}

function refuse(
  work: Work,
  payment: Payment,
  [resultCode, refusalReasonCode, refusalReason]: readonly [string, string, string],
): Body {
  const refused = put(work, { ...payment, status: 'refused' });
  tell(work, refused, 'AUTHORISATION', false, refusalReason);
  return { ...result(refused, resultCode), refusalReason, refusalReasonCode };
}

/** Of a card, after twelve hours by default: nobody can pay it any more. */
export function closeOffer(work: Work, payment: Payment): void {
  if (payment.status !== 'redirected') return;
  put(work, { ...payment, status: 'closed' });
  work.note('close', payment.reference, { payment: payment.id });
  tell(work, payment, 'OFFER_CLOSED', true, '');
}

function tell(work: Work, payment: Payment, eventCode: string, isSuccess: boolean, reason: string): void {
  const { id: pspReference, reference: merchantReference, amount } = payment;
  work.tell({
    eventCode,
    isSuccess,
    pspReference,
    merchantReference,
    amount,
    reason,
    additionalData: dataOf(payment),
  });
}

function result(payment: Payment, resultCode: string): Body {
  const { id: pspReference, reference: merchantReference, amount, card } = payment;
  return {
    additionalData: dataOf(payment),
    pspReference,
    resultCode,
    amount,
    merchantReference,
    paymentMethod: { brand: card.brand, type: 'scheme' },
  };
}

/** Those that an account can have switched on in Adyen's Customer Area. */
function dataOf({ card }: Payment): Record<string, string> {
  return {
    cardSummary: card.number.slice(-4),
    cardIssuingCountry: card.country,
    fundingSource: card.funding,
    paymentMethodVariant: card.brand,
  };
}

export function getPayment(work: Work, id: string): Payment {
  const payment = work.store.get('payment', id) as Payment | undefined;
  if (payment?.account !== work.account)
    throw invalid('167', 'Original pspReference required for this operation');
  return payment;
}

export function allPayments({ store, account }: Work): Payment[] {
  return store
    .all('payment')
    .map((object) => object as unknown as Payment)
    .filter((payment) => payment.account === account);
}

export function put({ store }: Work, payment: Payment): Payment {
  store.put('payment', { ...payment });
  return payment;
}
