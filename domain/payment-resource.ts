import type { CardFacts, CryptoTerms, Offer } from './outcome.js';
import type { OperationKind } from './ids.js';
import type { OperationStatus } from './operation.js';
import { isEnded, type CaptureMode, type PaymentOutcome, type PaymentStatus } from './payment.js';
import type { PaymentError } from './problem-codes.js';

/** A payment as its rows hold it; instants are milliseconds since the epoch. */
export interface PaymentRecord {
  readonly id: string;
  readonly status: PaymentStatus;
  readonly outcome: PaymentOutcome;
  readonly amountMinor: number;
  readonly amountReceivedMinor: number;
  readonly amountRefundedMinor: number;
  readonly currency: string;
  readonly method: string;
  readonly payerId: string;
  readonly orderReference: string;
  readonly lines: readonly OrderLineRecord[];
  readonly lastError: PaymentError | null;
  /** What the provider said of the card that paid. */
  readonly card: CardFacts | null;
  readonly capture: CaptureMode;
  /** Null where its accounts were chosen by their priority alone. */
  readonly routing: RoutingChoice | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly sequence: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly operations: readonly OperationRecord[];
}

/** By which version of the merchant's rules, and which of them, a payment's accounts were chosen; null: none matched. */
export interface RoutingChoice {
  readonly version: number;
  readonly rule: string | null;
}

export interface OrderLineRecord {
  readonly product: string;
  readonly quantity: number;
  readonly amountMinor: number;
}

export interface OperationRecord {
  readonly id: string;
  readonly provider: string;
  readonly accountId: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  readonly amountMinor: number;
  readonly offer: Offer | null;
  readonly captureBeforeMs: number | null;
  readonly lastError: PaymentError | null;
}

/** The payment as the API answers it and as webhooks carry it (`data.object`). */
export type PaymentResource = ReturnType<typeof toPaymentResource>;

export function toPaymentResource(payment: PaymentRecord) {
  return {
    id: payment.id,
    object: 'payment' as const,
    status: payment.status,
    outcome: payment.outcome,
    amount: payment.amountMinor,
    amount_received: payment.amountReceivedMinor,
    amount_refunded: payment.amountRefundedMinor,
    currency: payment.currency,
    method: payment.method,
    payer: { id: payment.payerId },
    order: {
      reference: payment.orderReference,
      lines: payment.lines.map((line) => ({
        product: line.product,
        quantity: line.quantity,
        amount: line.amountMinor,
      })),
    },
    next_action: nextAction(payment),
    last_error: payment.lastError,
    attempts: payment.operations.map((operation) => ({
      id: operation.id,
      provider: operation.provider,
      account: operation.accountId,
      kind: operation.kind,
      status: operation.status,
      amount: operation.amountMinor,
      last_error: operation.lastError,
    })),
    card: payment.card,
    capture: payment.capture,
    capture_before: captureBefore(payment),
    routing: payment.routing,
    metadata: payment.metadata,
    sequence: payment.sequence,
    created_at: toInstant(payment.createdAtMs),
    expires_at: toInstant(payment.expiresAtMs),
  };
}

/** Of money that is held: the last instant at which it can be captured. */
function captureBefore({ status, operations }: PaymentRecord): string | null {
  const held = operations.find(
    ({ kind, captureBeforeMs }) => kind === 'authorize' && captureBeforeMs !== null,
  );
  return held && !isEnded(status) ? toInstant(held.captureBeforeMs!) : null;
}

function nextAction(payment: PaymentRecord) {
  // Money of an earlier attempt may be on its way back meanwhile.
  const newest = payment.operations.filter(({ kind }) => kind !== 'refund').at(-1);
  if (payment.status !== 'requires_action' || !newest?.offer || newest.status !== 'action_required') {
    return { type: 'none' as const };
  }
  const { type, data, endsAtMs, fields, crypto } = newest.offer;
  const expires_at = toInstant(endsAtMs);
  switch (type) {
    case 'qr_code':
      return { type, qr_code: { data, expires_at } };
    case 'redirect':
      // With fields, the page wants them as a form sent by POST.
      return {
        type,
        redirect: { url: data, ...(fields ? { method: 'POST' as const, fields } : {}), expires_at },
      };
    case 'crypto_address':
      return { type, crypto_address: { uri: data, ...cryptoTerms(crypto), expires_at } };
  }
}

function cryptoTerms(terms: CryptoTerms | undefined) {
  if (!terms) return {};
  const { currency, network, address, amount, rate, pageUrl } = terms;
  return { currency, network, address, amount, rate, page_url: pageUrl };
}

/** RFC 3339 in UTC. Written by hand because domain/ has no `Date` (civil-from-days, Howard Hinnant, 2013). */
export function toInstant(epochMs: number): string {
  const days = Math.floor(epochMs / 86_400_000);
  const msOfDay = epochMs - days * 86_400_000;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  const time = [3_600_000, 60_000, 1000].map((unit) =>
    pad(Math.floor(msOfDay / unit) % (unit === 3_600_000 ? 24 : 60)),
  );
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${time.join(':')}.${pad(msOfDay % 1000, 3)}Z`;
}
