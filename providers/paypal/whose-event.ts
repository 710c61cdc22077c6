import type { PaidEvidence } from '../../domain/outcome.js';
import { fromPaypalAmount } from './amounts.js';
import type { PaypalClient } from './client.js';
import { recordOf, recordsOf, textOf, type Reply } from './reply.js';

export type About =
  | {
      readonly kind: 'operation';
      readonly reference: string;
      /** Whose money went back, as PayPal shows it now that it was asked. */
      readonly capture?: Reply;
    }
  | { readonly kind: 'nothing_of_ours' }
  /** PayPal did not say: the event is to come again. */
  | { readonly kind: 'not_told' };

/**
 * A refund that was made in PayPal's own pages bears no reference of ours, or that of the authorization whose capture
 * it gives back. Only its link says which capture that is, and the capture says whose it is, and of how much.
 */
export async function whatItIsAbout(type: string, resource: Reply, client: PaypalClient): Promise<About> {
  const named = referenceOf(type, resource);
  const isOfOurRefund = named !== undefined && kindOf(named) === 'r';
  const captureId = isOfOurRefund ? undefined : refundedCapture(resource);
  if (captureId !== undefined) return ownerOf(captureId, named, client);
  return named === undefined ? { kind: 'nothing_of_ours' } : { kind: 'operation', reference: named };
}

async function ownerOf(captureId: string, named: string | undefined, client: PaypalClient): Promise<About> {
  const answer = await client.ask((sdk) => sdk.payments.getCapturedPayment({ captureId }));
  if (answer.kind === 'reply' && textOf(answer.reply, 'id') === captureId) {
    const capture = answer.reply;
    const reference = ownReference(capture) ?? named;
    return reference === undefined ? { kind: 'nothing_of_ours' } : { kind: 'operation', reference, capture };
  }
  // What took the money is known; how much it was is not.
  if (named !== undefined && kindOf(named) !== 'a') return { kind: 'operation', reference: named };
  // Genuine, and of money that PayPal does not show us: kept for a person, as what fits no operation is.
  const isUnknown = answer.kind === 'refused' && answer.status === 404;
  return isUnknown ? { kind: 'operation', reference: named ?? captureId } : { kind: 'not_told' };
}

/** The letter of a reference of ours that tells what kind of operation it is (payment model, rule 6). */
export function kindOf(reference: string): string | undefined {
  return reference[25];
}

/** The id alone: whoever wrote the event does not choose whom we ask. */
function refundedCapture(resource: Reply): string | undefined {
  const links = recordsOf(resource, 'links') ?? [];
  const up = textOf(
    links.find(({ rel }) => rel === 'up'),
    'href',
  );
  return /\/v2\/payments\/captures\/([A-Z0-9]{8,36})$/.exec(up ?? '')?.[1];
}

/** The order's reference, or the capture's or refund's own, where it was ours to give. */
function referenceOf(type: string, resource: Reply): string | undefined {
  if (!type.startsWith('CHECKOUT.')) return ownReference(resource);
  const [unit] = recordsOf(resource, 'purchase_units') ?? [];
  return [textOf(unit, 'custom_id')].find(isOurs);
}

/** A capture of an authorization bears its own as `invoice_id`, and the authorization's as `custom_id`. */
function ownReference(payment: Reply): string | undefined {
  return [textOf(payment, 'invoice_id'), textOf(payment, 'custom_id')].find(isOurs);
}

function isOurs(reference: string | undefined): reference is string {
  return reference !== undefined && /^[0-9a-z]{28}$/.test(reference);
}

export function orderOf(payment: Reply): string | undefined {
  return textOf(recordOf(recordOf(payment, 'supplementary_data'), 'related_ids'), 'order_id');
}

/**
 * That money went back without our order, as PayPal has signed it: at least so much, whatever a look-up shows, which may
 * lag behind or leave reversals out. Null where it cannot be read exactly.
 */
export function claimOfReturn(
  type: string,
  resource: Reply,
  { reference, capture }: Extract<About, { kind: 'operation' }>,
  merchant: string,
): PaidEvidence | null {
  const isReversal = type === 'PAYMENT.CAPTURE.REVERSED';
  const isDone =
    isReversal || (type === 'PAYMENT.CAPTURE.REFUNDED' && textOf(resource, 'status') === 'COMPLETED');
  const isOfTaken = kindOf(reference) === 's' || kindOf(reference) === 'c';
  const returned = amountOf(resource);
  // A reversal may be told of as the capture itself.
  const taken = capture ? amountOf(capture) : isReversal ? returned : undefined;
  if (!isDone || !isOfTaken || !returned || !taken || returned.currency !== taken.currency) return null;
  if (returned.minor === 0 || returned.minor > taken.minor) return null;
  const money = { amountMinor: taken.minor, currency: taken.currency, refundedMinor: returned.minor };
  const providerReference = orderOf(capture ?? resource) ?? '';
  return { reference, merchant, ...money, providerReference, paidAtMs: null };
}

function amountOf(payment: Reply): { readonly minor: number; readonly currency: string } | undefined {
  const amount = recordOf(payment, 'amount');
  const currency = textOf(amount, 'currency_code') ?? '';
  const minor = fromPaypalAmount(amount?.['value'], currency);
  return minor === undefined ? undefined : { minor, currency };
}
