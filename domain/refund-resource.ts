import type { RefundTerms } from './payment-facts.js';
import type { OperationStatus } from './operation.js';
import type { LedgerFact } from './ledger.js';
import type { PaymentOutcome } from './payment.js';
import { toInstant } from './payment-resource.js';
import type { PaymentError } from './problem-codes.js';

export const refundStatuses = ['pending', 'succeeded', 'failed'] as const;
export type RefundStatus = (typeof refundStatuses)[number];

/** A refund as its rows hold it: the merchant's request, and the operation that carries it out. */
export interface RefundRecord {
  readonly terms: RefundTerms;
  readonly paymentId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly operationStatus: OperationStatus;
  readonly posted: readonly LedgerFact[];
  readonly lastError: PaymentError | null;
}

/** The refund as the API answers it and as webhooks carry it (`data.object`). */
export function toRefundResource(refund: RefundRecord) {
  const { terms } = refund;
  return {
    id: terms.id,
    object: 'refund' as const,
    payment: refund.paymentId,
    amount: refund.amountMinor,
    currency: refund.currency,
    status: refundStatus(refund),
    outcome: refundOutcome(refund.operationStatus),
    reason: terms.reason,
    metadata: terms.metadata,
    last_error: refund.lastError,
    created_at: toInstant(terms.createdAtMs),
  };
}

export function refundStatus({
  operationStatus: status,
  posted,
}: Pick<RefundRecord, 'operationStatus' | 'posted'>): RefundStatus {
  // A fact is never taken back: that it came back from the bank is a fact of its own.
  if (posted.includes('refund_reversed')) return 'failed';
  switch (status) {
    case 'planned':
    case 'sent':
    case 'action_required':
    case 'pending':
    case 'unknown':
    case 'review':
      return 'pending';
    case 'succeeded':
    case 'late_success':
      return 'succeeded';
    case 'rejected':
    case 'closed':
    case 'canceled':
      return 'failed';
  }
}

function refundOutcome(status: OperationStatus): PaymentOutcome {
  return status === 'unknown' || status === 'review' ? status : 'known';
}
