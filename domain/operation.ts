/**
 * The operation state machine: one for every kind of money-moving act (payment model, "Operation states").
 * `transition` is total: an event that a state does not know leaves it where it is, and says so.
 */
export const operationStatuses = [
  'planned',
  'sent',
  'action_required',
  'pending',
  'unknown',
  'review',
  'succeeded',
  'rejected',
  'closed',
  'canceled',
  'late_success',
] as const;
export type OperationStatus = (typeof operationStatuses)[number];

/** From these a collecting operation may still move money: at most one per payment is in one of them (rule 1). */
export const openOperationStatuses = [
  'planned',
  'sent',
  'action_required',
  'pending',
  'unknown',
  'review',
] as const satisfies readonly OperationStatus[];

export type OperationEvent =
  | 'send_taken'
  | 'send_forbidden'
  | 'not_delivered'
  | 'found_by_rerun'
  | 'offer_made'
  | 'advance_taken'
  | 'advance_not_delivered'
  | 'processing'
  | 'retry_same_key'
  | 'success_verified'
  | 'refused'
  | 'refused_still_payable'
  | 'unpayable_confirmed'
  | 'call_unclear'
  | 'deadline_passed'
  | 'mismatch_confirmed';

type Transitions = Readonly<Record<OperationStatus, Partial<Record<OperationEvent, OperationStatus>>>>;

/**
 * Two kinds of call go through `sent`: the one that asks the provider to collect, and, where the payer's approval alone
 * moves no money, the one that takes it. What neither answered clearly is `unknown`.
 *
 * Two entries go beyond the table of the payment model, both for calls that only make an offer under a key that
 * never ends: `planned` may become `action_required` without `sent` in between (rule 7), and therefore may
 * also turn out paid, refused or unclear, because a crashed worker may have sent from there.
 */
const transitions: Transitions = {
  planned: {
    send_taken: 'sent',
    send_forbidden: 'canceled',
    not_delivered: 'planned',
    offer_made: 'action_required',
    processing: 'pending',
    success_verified: 'succeeded',
    refused: 'rejected',
    refused_still_payable: 'action_required',
    call_unclear: 'unknown',
    mismatch_confirmed: 'review',
  },
  sent: {
    not_delivered: 'planned',
    advance_not_delivered: 'action_required',
    found_by_rerun: 'unknown',
    offer_made: 'action_required',
    processing: 'pending',
    retry_same_key: 'pending',
    success_verified: 'succeeded',
    refused: 'rejected',
    refused_still_payable: 'action_required',
    unpayable_confirmed: 'closed',
    call_unclear: 'unknown',
    mismatch_confirmed: 'review',
  },
  action_required: {
    advance_taken: 'sent',
    processing: 'pending',
    success_verified: 'succeeded',
    refused: 'rejected',
    refused_still_payable: 'action_required',
    unpayable_confirmed: 'closed',
    deadline_passed: 'review',
    mismatch_confirmed: 'review',
  },
  pending: {
    offer_made: 'action_required',
    retry_same_key: 'pending',
    success_verified: 'succeeded',
    refused: 'rejected',
    refused_still_payable: 'action_required',
    unpayable_confirmed: 'closed',
    deadline_passed: 'review',
    mismatch_confirmed: 'review',
  },
  unknown: {
    offer_made: 'action_required',
    processing: 'pending',
    retry_same_key: 'pending',
    success_verified: 'succeeded',
    refused: 'rejected',
    refused_still_payable: 'action_required',
    unpayable_confirmed: 'closed',
    deadline_passed: 'review',
    mismatch_confirmed: 'review',
  },
  review: {
    offer_made: 'action_required',
    processing: 'pending',
    success_verified: 'succeeded',
    refused: 'rejected',
    unpayable_confirmed: 'closed',
    // What came is posted at once (rule 11), also where a person is looking already.
    mismatch_confirmed: 'review',
  },
  succeeded: {},
  rejected: { success_verified: 'late_success', mismatch_confirmed: 'late_success' },
  closed: { success_verified: 'late_success', mismatch_confirmed: 'late_success' },
  canceled: { success_verified: 'late_success', mismatch_confirmed: 'late_success' },
  late_success: {},
};

/** The status after `event`, or undefined where that event means nothing in `from` (nothing is to be written then). */
export function transition(from: OperationStatus, event: OperationEvent): OperationStatus | undefined {
  return transitions[from][event];
}

export function isOpen(status: OperationStatus): boolean {
  return (openOperationStatuses as readonly OperationStatus[]).includes(status);
}
