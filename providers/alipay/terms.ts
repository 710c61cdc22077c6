import { toMajorUnits } from '../../domain/money.js';
import type { StartOutcome } from '../../domain/outcome.js';
import type { StartRequest } from '../connector.js';
import { formatBeijingTime } from './beijing-time.js';
import type { AlipayCredential } from './credentials.js';

/** 100,000,000.00 yuan. */
export const MAX_FEN = 10_000_000_000;

/**
 * The terms Alipay compares a repetition with: made of the request and the credential alone, so that they are the
 * same for ever. time_expire and never timeout_express: the latter counts from the scan.
 */
export function codeTermsOf(request: StartRequest, { sellerId }: AlipayCredential): Record<string, string> {
  return { ...termsOf(request), seller_id: sellerId };
}

/** A page knows no seller_id: it sells for the account to which the app is bound. */
export function pageTermsOf(request: StartRequest): Record<string, string> {
  return { ...termsOf(request), product_code: 'FAST_INSTANT_TRADE_PAY' };
}

function termsOf(request: StartRequest): Record<string, string> {
  return {
    out_trade_no: request.reference,
    total_amount: toMajorUnits(request),
    subject: subjectOf(request),
    time_expire: formatBeijingTime(request.offerEndsAtMs),
  };
}

const MAX_SUBJECT_LENGTH = 128;

/**
 * Alipay does not allow `/`, `=` and `&` in a subject, and a notification repeats it in its signed text, where an
 * `&` could pass for a field's end. Their full-width forms read the same.
 */
function subjectOf({ subject, reference }: StartRequest): string {
  const text = subject
    .replace(/[/=&]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0))
    .replace(/[\p{Cc}\p{Cs}\s]+/gu, ' ')
    .trim();
  return Array.from(text).slice(0, MAX_SUBJECT_LENGTH).join('') || reference;
}

const MAX_RETURN_URL_LENGTH = 256;

/** Our own check: what Alipay can never take is not sent, today or on a repetition. */
export function refuseUnsendable(request: StartRequest): StartOutcome | undefined {
  const { amountMinor, currency, flow, returnUrl } = request;
  const isAmountSendable =
    currency === 'CNY' && Number.isSafeInteger(amountMinor) && amountMinor >= 1 && amountMinor <= MAX_FEN;
  if (!isAmountSendable) return unsendable(`Alipay takes 1 to ${MAX_FEN} fen in CNY; nothing was sent`);
  if (flow === 'redirect' && returnUrl.length > MAX_RETURN_URL_LENGTH) {
    return unsendable(
      `Alipay takes a return_url of ${MAX_RETURN_URL_LENGTH} characters at most; nothing was sent`,
    );
  }
  return undefined;
}

function unsendable(message: string): StartOutcome {
  return { kind: 'failed', reason: 'invalid', error: { code: 'unsendable', message } };
}
