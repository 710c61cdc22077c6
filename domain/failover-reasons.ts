import type { Failed, FailureReason, SoftRefusal } from './outcome.js';

/**
 * Which refusals let a payment go on to its next account: a whitelist. What is about the card, its holder, the amount or
 * the merchant's own wish (no money, stolen, wrong code, a funding that is not taken) would be refused elsewhere too, or
 * should be, and is told to the payer instead.
 */
const byReason: Readonly<Record<FailureReason, 'always' | 'if_soft' | 'never'>> = {
  config: 'always',
  declined: 'if_soft',
  invalid: 'if_soft',
  conflict: 'never',
  expired: 'never',
  insufficient_funds: 'never',
  not_refundable: 'never',
};

const soft: Readonly<Record<SoftRefusal, boolean>> = {
  declined_without_reason: true,
  issuer_unavailable: true,
  processing_error: true,
  unsupported_here: true,
};

export function mayFailOver({ reason, soft: kind }: Pick<Failed, 'reason' | 'soft'>): boolean {
  switch (byReason[reason]) {
    case 'always':
      return true;
    case 'if_soft':
      return kind !== undefined && soft[kind];
    case 'never':
      return false;
  }
}
