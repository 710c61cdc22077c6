import type {
  CardFacts,
  CardFunding,
  Failed,
  Offer,
  PaidEvidence,
  Pending,
  ProviderError,
  StartOutcome,
  Unknown,
} from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import { fromAdyenAmount } from './amounts.js';
import type { Answer } from './client.js';
import { paymentCodes, refusalReason, softRefusal } from './codes.js';
import type { AdyenCredential } from './credentials.js';
import {
  errorOf,
  forPeople,
  pspReferenceOf,
  recordOf,
  textOf,
  unknown,
  unreadable,
  type Reply,
} from './reply.js';

/** What /payments and /payments/details answer, read for the operation that they are about. */
export function readPayment(
  answer: Answer,
  of: OperationReference,
  credential: AdyenCredential,
): StartOutcome {
  switch (answer.kind) {
    case 'reply':
      return readResult(answer.reply, of, credential);
    case 'refused': {
      const reason = paymentCodes.get(answer.code);
      return reason ? { kind: 'failed', reason, error: answer.error } : unknown(answer.error, 'replay');
    }
    case 'denied':
      // It says nothing of an earlier call under the same key.
      return { kind: 'not_executed', reason: 'config', error: answer.error };
    case 'not_executed':
      return answer;
    case 'unclear':
      return unknown(answer.error, 'replay');
  }
}

/**
 * `resultCode` (https://docs.adyen.com/online-payments/payment-result-codes, read 2026-11). Any word that is not here is
 * unknown; so is a part authorisation, which nobody asked for.
 */
function readResult(reply: Reply, of: OperationReference, credential: AdyenCredential): StartOutcome {
  const reference = textOf(reply, 'merchantReference');
  const resultCode = textOf(reply, 'resultCode');
  const pspReference = pspReferenceOf(reply);
  // An offer's reply may name neither; what money came of it names both, in a later answer or a webhook.
  if (resultCode === 'RedirectShopper' && (reference ?? of.reference) === of.reference) {
    return readRedirect(reply, of, pspReference);
  }
  if (reference !== of.reference) {
    return unknown({ code: 'other_reference', message: 'the reply is about another payment' });
  }
  if (resultCode === undefined || pspReference === undefined)
    return unknown(unreadable('result and reference'));
  switch (resultCode) {
    case 'Authorised':
      return readAuthorised(reply, of, credential, pspReference);
    case 'Refused':
    case 'Cancelled':
    case 'Error':
      return readRefusal(reply, resultCode, pspReference);
    case 'Pending':
    case 'Received':
    // These two ask for a component in the payer's browser, which was told to be a redirect. They end by a webhook.
    case 'IdentifyShopper':
    case 'ChallengeShopper':
      return processing(pspReference);
    default:
      return unknown(
        errorOf(`result_${resultCode}`, 'Adyen’s result is not known here'),
        'query',
        pspReference,
      );
  }
}

function processing(providerReference: string): Pending {
  return { kind: 'pending', why: 'processing', providerReference };
}

function readAuthorised(
  reply: Reply,
  of: OperationReference,
  { merchantAccount }: AdyenCredential,
  pspReference: string,
): StartOutcome {
  const amount = recordOf(reply, 'amount');
  const currency = textOf(amount, 'currency');
  const amountMinor = currency === undefined ? undefined : fromAdyenAmount(amount?.['value'], currency);
  if (currency === undefined || amountMinor === undefined || amountMinor === 0) {
    return unknown(unreadable('the amount'), 'query', pspReference);
  }
  const paid: PaidEvidence = {
    reference: of.reference,
    merchant: merchantAccount,
    amountMinor,
    currency,
    refundedMinor: 0,
    providerReference: pspReference,
    paidAtMs: null,
    ...(of.kind === 'authorize' ? { captureBeforeMs: null } : {}),
    card: readCard(reply),
  };
  return { kind: 'succeeded', paid };
}

function readRefusal(reply: Reply, resultCode: string, providerReference: string): Failed {
  const code = textOf(reply, 'refusalReasonCode');
  const words = textOf(reply, 'refusalReason') ?? 'Adyen does not say why';
  const error = errorOf(code === undefined ? resultCode : `${resultCode}_${code}`, words);
  return { kind: 'failed', reason: refusalReason(code), ...softRefusal(code), error, providerReference };
}

/** 3-D Secure on the issuer's page, reached by a link or by a form. */
function readRedirect(
  reply: Reply,
  of: OperationReference,
  providerReference: string | undefined,
): Pending | Unknown {
  const offer = offerOf(recordOf(reply, 'action'), of);
  if (!offer) return unknown(unreadable('where the payer has to go'), 'query', providerReference);
  return {
    kind: 'pending',
    why: 'user_action',
    offer,
    ...(providerReference === undefined ? {} : { providerReference }),
  };
}

const MAX_FIELD_LENGTH = 16_384;

function offerOf(action: Reply | undefined, { offerEndsAtMs }: OperationReference): Offer | undefined {
  const url = textOf(action, 'url');
  const method = textOf(action, 'method');
  const isPage = url !== undefined && url.length <= 2048 && /^https?:\/\//.test(url);
  if (textOf(action, 'type') !== 'redirect' || !isPage) return undefined;
  const offer: Offer = { type: 'redirect', data: url, endsAtMs: offerEndsAtMs };
  if (method === 'GET') return offer;
  const fields = Object.entries(recordOf(action, 'data') ?? {});
  const isForm = fields.every(
    (field): field is [string, string] =>
      typeof field[1] === 'string' && field[1].length <= MAX_FIELD_LENGTH && field[0].length <= 64,
  );
  return method === 'POST' && isForm && fields.length <= 20
    ? { ...offer, fields: Object.fromEntries(fields) }
    : undefined;
}

/** Adyen's words for how a card is funded; each is shown only where the account is set up to tell it. */
const fundings: Readonly<Record<string, CardFunding>> = {
  CREDIT: 'credit',
  CHARGE: 'credit',
  DEBIT: 'debit',
  DEFERRED_DEBIT: 'debit',
  // As Adyen's own reference spells it.
  DEFFERED_DEBIT: 'debit',
  PREPAID: 'prepaid',
  PREPAID_RELOADABLE: 'prepaid',
  PREPAID_NONRELOADABLE: 'prepaid',
};

export function fundingOf(word: string | undefined): CardFunding {
  return fundings[word ?? ''] ?? 'unknown';
}

function readCard(reply: Reply): CardFacts {
  const data = recordOf(reply, 'additionalData');
  const brand = textOf(recordOf(reply, 'paymentMethod'), 'brand') ?? textOf(data, 'paymentMethodVariant');
  return {
    funding: fundingOf(textOf(data, 'fundingSource')),
    brand: brand === undefined ? null : forPeople(brand, 32),
    last4: formed(textOf(data, 'cardSummary'), /^\d{4}$/),
    country: formed(textOf(data, 'cardIssuingCountry') ?? textOf(data, 'issuerCountry'), /^[A-Z]{2}$/),
  };
}

function formed(text: string | undefined, form: RegExp): string | null {
  return text !== undefined && form.test(text) ? text : null;
}

export function refused(reason: Failed['reason'], error: ProviderError): Failed {
  return { kind: 'failed', reason, error };
}
