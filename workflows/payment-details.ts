import type { NextStep, WaitingFor } from '../domain/payment-position.js';

/** What operators read in the Temporal UI. Words only: setting them costs no event. */
const waiting: Readonly<Record<WaitingFor, string>> = {
  payer:
    'Waiting for the payer to pay the offer. The notification is expected; the provider is asked as well',
  provider: 'The provider is working on it. Its notification is expected; it is asked as well',
  close: 'Nobody wants this payment any more. Waiting until the provider confirms that it cannot be paid',
  other_method: 'The attempt is over. Waiting for the merchant to confirm another way to pay',
  capture: 'The provider holds the money. Waiting for the merchant to capture it or to cancel',
};

export function describeWaiting(step: Extract<NextStep, { do: 'wait' }>): string {
  return `${waiting[step.for]}. Next look: ${new Date(step.untilMs).toISOString()}.`;
}

/** Why it goes on is the last failure of the pending activity: no clean answer, or a call that was held back. */
export function describeGoingOn(provider: string, deed: string): string {
  return `No clean answer from ${provider} yet; the pending activity says why. Going on: ${deed}.`;
}

export function timerSummary(step: Extract<NextStep, { do: 'wait' }>): string {
  const summaries: Readonly<Record<WaitingFor, string>> = {
    payer: 'until the payer pays, or the provider is asked',
    provider: 'until the provider is asked again',
    close: 'until closing is tried again',
    other_method: 'until the payment expires',
    capture: 'until the money is let go',
  };
  return summaries[step.for];
}

type Deed = Exclude<NextStep, { do: 'finish' } | { do: 'wait' }>['do'];

/** The summary of the activity that carries out a step. */
export const deedSummaries: Readonly<Record<Deed, string>> = {
  start_operation: 'ask the provider to collect',
  advance_operation: 'take the money that the payer approved',
  apply_notifications: 'read the rows again and apply what came',
  conclude_operation: 'ask the provider how it ended',
  query_operation: 'ask the provider whether it was paid',
  close_operation: 'ask the provider to close it',
  cancel_payment: 'cancel the payment',
  open_review: 'hand the payment to a person',
  void_authorization: 'plan that the money is let go',
  start_follow_up: 'ask the provider to capture or to let go',
  query_follow_up: 'ask the provider what became of the capture or void',
  review_follow_up: 'hand the capture or void to a person',
  drop_follow_up: 'drop what was never sent',
};
