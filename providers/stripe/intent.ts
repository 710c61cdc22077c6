import type { CardFacts, CardFunding, PaidEvidence, ProviderError } from '../../domain/outcome.js';
import { cardFundings } from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import { fromStripeAmount } from './amounts.js';
import type { StripeCredential } from './credentials.js';
import { forPeople, isRecord, recordOf, textOf, timeOf, unreadable, type Reply } from './reply.js';

/** A PaymentIntent's states (https://docs.stripe.com/payments/paymentintents/lifecycle). Any other word is unknown. */
export const intentStatuses = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'canceled',
  'succeeded',
] as const;
export type IntentStatus = (typeof intentStatuses)[number];

/** The names in Stripe's metadata under which our references stand. */
export const REFERENCE_KEY = 'quittance_reference';
export const CAPTURE_KEY = 'quittance_capture';

/** What of a PaymentIntent is used, read exactly and known to be about the operation that was asked for. */
export interface Intent {
  readonly id: string;
  readonly status: IntentStatus;
  readonly currency: string;
  readonly amountMinor: number;
  readonly receivedMinor: number;
  readonly capturableMinor: number;
  /** The capture that took the money, where it was one of ours. */
  readonly captureReference: string | undefined;
  readonly redirectUrl: string | undefined;
  readonly lastError: Reply | undefined;
  /** Only where the call asked for it to be expanded. */
  readonly charge: Reply | undefined;
  readonly canceledAtMs: number | undefined;
}

export type ReadIntent =
  | { readonly kind: 'intent'; readonly intent: Intent }
  | { readonly kind: 'unusable'; readonly error: ProviderError };

/** Reads a PaymentIntent that has to be `of`'s: account, reference and currency are compared, amounts are not. */
export function readIntent(value: unknown, of: OperationReference, credential: StripeCredential): ReadIntent {
  if (!isRecord(value) || value['object'] !== 'payment_intent')
    return unusable(unreadable('a PaymentIntent'));
  const other = otherThan(value, of, credential);
  if (other) return unusable({ code: other, message: `the reply is about ${other.replace('_', ' ')}` });
  const id = textOf(value, 'id');
  const status = intentStatuses.find((known) => known === value['status']);
  if (!id || !isIntentId(id) || !status) return unusable(unreadable('id or status'));
  const amountMinor = fromStripeAmount(value['amount'], of.currency);
  const receivedMinor = fromStripeAmount(value['amount_received'], of.currency);
  const capturableMinor = fromStripeAmount(value['amount_capturable'], of.currency);
  if (amountMinor === undefined || receivedMinor === undefined || capturableMinor === undefined) {
    return unusable(unreadable('its amounts'));
  }
  const intent: Intent = {
    id,
    status,
    currency: of.currency,
    amountMinor,
    receivedMinor,
    capturableMinor,
    captureReference: textOf(recordOf(value, 'metadata') ?? {}, CAPTURE_KEY),
    redirectUrl: redirectUrlOf(value),
    lastError: recordOf(value, 'last_payment_error'),
    charge: recordOf(value, 'latest_charge'),
    canceledAtMs: timeOf(value, 'canceled_at'),
  };
  return { kind: 'intent', intent };
}

export function isIntentId(text: string): boolean {
  return /^pi_\w{1,250}$/.test(text);
}

function otherThan(value: Reply, of: OperationReference, credential: StripeCredential): string | undefined {
  if (value['livemode'] !== (credential.mode === 'live')) return 'other_mode';
  // Null for an account's own payments; a platform's payment for somebody else is not ours.
  const merchant = value['on_behalf_of'] ?? credential.merchant;
  if (merchant !== credential.merchant) return 'other_account';
  if (!isOf(recordOf(value, 'metadata') ?? {}, of)) return 'other_reference';
  if (value['currency'] !== of.currency.toLowerCase()) return 'other_currency';
  return undefined;
}

const PAYMENT_DIGITS = 25;

/** A capture by hand in Stripe's dashboard bears no reference of a capture, but its payment's. */
function isOf(metadata: Reply, of: OperationReference): boolean {
  const reference = textOf(metadata, REFERENCE_KEY);
  if (of.kind !== 'capture') return reference === of.reference;
  const captured = textOf(metadata, CAPTURE_KEY);
  if (captured !== undefined) return captured === of.reference;
  return reference?.slice(0, PAYMENT_DIGITS) === of.reference.slice(0, PAYMENT_DIGITS);
}

function redirectUrlOf(value: Reply): string | undefined {
  const url = textOf(recordOf(recordOf(value, 'next_action'), 'redirect_to_url') ?? {}, 'url');
  return url !== undefined && url.length <= 2048 && /^https?:\/\//.test(url) ? url : undefined;
}

/**
 * What a successful sale took, or an authorization holds; undefined where any of it cannot be read exactly. Of an
 * authorization it says what was held, also when that was captured meanwhile: what was taken, and given back, belongs
 * to its capture.
 */
export function readPaid(
  { id, status, charge, ...intent }: Intent,
  of: OperationReference,
  { merchant }: StripeCredential,
): PaidEvidence | undefined {
  if (!charge || charge['paid'] !== true || charge['payment_intent'] !== id) return undefined;
  const isSale = of.kind !== 'authorize';
  if (charge['captured'] !== (status === 'succeeded')) return undefined;
  const amountMinor = isSale
    ? intent.receivedMinor
    : status === 'requires_capture'
      ? intent.capturableMinor
      : intent.amountMinor;
  const refundedMinor = isSale ? fromStripeAmount(charge['amount_refunded'], of.currency) : 0;
  if (amountMinor === 0 || refundedMinor === undefined || refundedMinor > amountMinor) return undefined;
  const card = recordOf(recordOf(charge, 'payment_method_details'), 'card');
  const captureBeforeMs = timeOf(card, 'capture_before');
  return {
    reference: of.reference,
    merchant,
    amountMinor,
    currency: of.currency,
    refundedMinor,
    providerReference: id,
    paidAtMs: timeOf(charge, 'created') ?? null,
    ...(isSale ? {} : { captureBeforeMs: captureBeforeMs ?? null }),
    ...(card ? { card: readCard(card) } : {}),
  };
}

/** Of a charge's payment_method_details.card, or of a PaymentMethod's card. */
export function readCard(card: Reply): CardFacts {
  const funding: CardFunding = cardFundings.find((known) => known === card['funding']) ?? 'unknown';
  return {
    funding,
    brand: shortText(card, 'brand', /^.{1,32}$/),
    last4: shortText(card, 'last4', /^\d{4}$/),
    country: shortText(card, 'country', /^[A-Z]{2}$/),
  };
}

function shortText(card: Reply, member: string, form: RegExp): string | null {
  const text = forPeople(textOf(card, member) ?? '', 64);
  return form.test(text) ? text : null;
}

function unusable(error: ProviderError): ReadIntent {
  return { kind: 'unusable', error };
}
