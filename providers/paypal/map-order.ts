import type {
  Closed,
  Failed,
  Offer,
  PaidEvidence,
  Pending,
  Succeeded,
  Unknown,
} from '../../domain/outcome.js';
import type { OperationReference } from '../connector.js';
import type { PaypalCredential } from './credentials.js';
import type { Order } from './order.js';
import { unknown, unreadable } from './reply.js';

/** What an order's state means for the sale or the authorization that made it. Its payments decide, not its status. */
export function mapOrder(
  order: Order,
  of: OperationReference,
  credential: PaypalCredential,
): Succeeded | Pending | Failed | Closed | Unknown {
  const { id: providerReference, state } = order;
  const money =
    of.kind === 'authorize' ? mapAuthorization(order, of, credential) : mapCaptures(order, of, credential);
  if (money) return money;
  switch (state) {
    case 'CREATED':
    case 'SAVED':
    case 'PAYER_ACTION_REQUIRED':
      return { kind: 'pending', why: 'user_action', providerReference, ...offerOf(order, of) };
    case 'APPROVED':
      return { kind: 'pending', why: 'approved', providerReference };
    case 'VOIDED':
      return { kind: 'closed' };
    case 'COMPLETED':
      return unknown(unreadable('what was paid'), 'query', providerReference);
  }
}

function offerOf({ approvalUrl }: Order, { offerEndsAtMs }: OperationReference): { offer?: Offer } {
  if (approvalUrl === undefined) return {};
  return { offer: { type: 'redirect', data: approvalUrl, endsAtMs: offerEndsAtMs } };
}

/** Undefined where nothing was ever tried. */
function mapCaptures(
  order: Order,
  of: OperationReference,
  credential: PaypalCredential,
): Succeeded | Pending | Failed | Unknown | undefined {
  const { id: providerReference, captures } = order;
  if (captures.length === 0) return undefined;
  const paid = captures.filter(({ state }) =>
    ['COMPLETED', 'PARTIALLY_REFUNDED', 'REFUNDED'].includes(state),
  );
  if (paid.length > 0) {
    const evidence = readPaid(order, paid, of, credential);
    return evidence
      ? { kind: 'succeeded', paid: evidence }
      : unknown(unreadable('how much of it is left'), 'query', providerReference);
  }
  if (captures.some(({ state }) => state === 'PENDING')) {
    return { kind: 'pending', why: 'processing', providerReference };
  }
  // One declined capture completes the order: it cannot be captured again.
  if (order.state === 'COMPLETED') return declined(captures[0]?.state ?? 'DECLINED', providerReference);
  return unknown(unreadable('what became of a declined capture'), 'query', providerReference);
}

function readPaid(
  order: Order,
  paid: Order['captures'],
  of: OperationReference,
  credential: PaypalCredential,
): PaidEvidence | undefined {
  const [first] = paid;
  if (!first || paid.some(({ currency }) => currency !== first.currency)) return undefined;
  const amountMinor = paid.reduce((sum, capture) => sum + capture.amountMinor, 0);
  const refundedMinor = readRefunded(order, paid);
  if (refundedMinor === undefined || refundedMinor > amountMinor) return undefined;
  return {
    reference: of.reference,
    merchant: credential.merchantId,
    amountMinor,
    currency: first.currency,
    refundedMinor,
    providerReference: order.id,
    paidAtMs: first.madeAtMs ?? null,
  };
}

/** A capture says that a part of it went back, and the refunds how much. */
export function readRefunded(order: Order, paid: Order['captures']): number | undefined {
  if (paid.every(({ state }) => state === 'COMPLETED')) return 0;
  if (paid.every(({ state }) => state === 'REFUNDED'))
    return paid.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const done = order.refunds.filter(({ state }) => state === 'COMPLETED');
  const currency = paid[0]?.currency;
  if (done.length === 0 || done.some((refund) => refund.currency !== currency)) return undefined;
  return done.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
}

function mapAuthorization(
  order: Order,
  of: OperationReference,
  credential: PaypalCredential,
): Succeeded | Pending | Failed | Closed | Unknown | undefined {
  const { id: providerReference } = order;
  const [authorization] = order.authorizations;
  if (!authorization) return undefined;
  if (order.authorizations.length > 1) {
    return unknown(
      { code: 'ambiguous', message: 'the order has several authorizations' },
      'query',
      providerReference,
    );
  }
  const { amountMinor, currency, madeAtMs, endsAtMs } = authorization;
  switch (authorization.state) {
    case 'CREATED':
    case 'CAPTURED':
    case 'PARTIALLY_CAPTURED': {
      const { reference } = of;
      const held = { reference, merchant: credential.merchantId, amountMinor, currency, providerReference };
      const paid = {
        ...held,
        refundedMinor: 0,
        paidAtMs: madeAtMs ?? null,
        captureBeforeMs: endsAtMs ?? null,
      };
      return { kind: 'succeeded', paid };
    }
    case 'PENDING':
      return { kind: 'pending', why: 'processing', providerReference };
    case 'DENIED':
      return declined('DENIED', providerReference);
    case 'VOIDED':
    case 'EXPIRED':
      return { kind: 'closed' };
  }
}

function declined(code: string, providerReference: string): Failed {
  const error = { code, message: 'the payer’s bank or PayPal did not let the money go' };
  return { kind: 'failed', reason: 'declined', error, providerReference };
}
