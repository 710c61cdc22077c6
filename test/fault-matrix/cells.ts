import { missingOperations, whyLeftOut, type CollectingOperation } from './left-out.js';
import { standInFaults } from './stand-in-faults.js';
import { ways, type MatrixProvider } from './ways.js';

/** `refused`: ended without money. `review`: ended with a person, after the provider was asked to the last. */
export type Ending = 'succeeded' | 'refused' | 'review';

export interface Cell {
  readonly provider: MatrixProvider;
  readonly operation: CollectingOperation | 'every query';
  readonly fault: string;
  readonly ends: Ending;
  /** Beside the provider's usual request. */
  readonly change?: Readonly<Record<string, unknown>>;
}

export const providers = Object.keys(ways) as MatrixProvider[];
const operations = ['start', 'advance', 'query', 'close', 'notification'] as const;

/** Ends soon, where only the end of the payment can tell. */
const short = { expires_in: 20 };

/** What the sandbox can do to a call of a provider, or to what it tells. */
export function faultsOf(provider: MatrixProvider, operation: CollectingOperation): readonly string[] {
  const { calls, notifications } = standInFaults[provider];
  if (operation === 'notification') return notifications;
  return operation === 'start' ? [...new Set(['refused', ...calls])] : calls;
}

/** Those that end otherwise than paid, or canceled where that was asked for. */
const otherEnds: Readonly<Record<string, Ending>> = {
  // Stripe keeps its own failure under the key: the charge never runs, and "not found" is proof only at the end.
  'stripe start error_500_before': 'refused',
  // Nobody can be asked, and nobody tells: a person has to look.
  'adyen notification lost': 'review',
  'adyen notification wrong_reference': 'review',
};

function cellOf(provider: MatrixProvider, operation: CollectingOperation, fault: string): Cell {
  const other = otherEnds[`${provider} ${operation} ${fault}`];
  const ends = other ?? (operation === 'close' ? 'refused' : 'succeeded');
  return { provider, operation, fault, ends, ...(other ? { change: short } : {}) };
}

/** Whatever the sandbox can do, but for what left-out.ts gives a reason for. */
export const cells: readonly Cell[] = [
  ...providers.flatMap((provider) =>
    operations
      .filter((operation) => missingOperations[provider][operation] === undefined)
      .flatMap((operation) =>
        faultsOf(provider, operation)
          .filter((fault) => whyLeftOut(provider, operation, fault) === undefined)
          .map((fault) => cellOf(provider, operation, fault)),
      ),
  ),
  // BTCPay counts in whole minutes: an invoice of twelve seconds it does not make.
  ...(['alipay', 'wechat_pay', 'stripe', 'union_pay'] as const).map((provider): Cell => ({
    ...{ provider, operation: 'every query', fault: 'error_500_before', ends: 'review', change: short },
  })),
];

const hanging: readonly string[] = ['timeout_before', 'timeout_after', 'slow_drip'];

type Turn = 'alone' | 'side_by_side' | 'waited_for' | 'hanging' | 'last';

/**
 * A fault of a start cannot name its payment, which has no reference yet. So nobody else of the provider starts until
 * the start has come through, also after a repetition; those that hang come last, within the time for which they hang,
 * and one that never comes through at the very end. All others start before, side by side, and before these one during
 * which the provider is not there for anybody.
 */
export function turnOf({ operation, fault, ends }: Cell): Turn {
  if (operation !== 'start') return 'side_by_side';
  if (fault === 'refused') return 'alone';
  if (ends === 'refused') return 'last';
  return hanging.includes(fault) ? 'hanging' : 'waited_for';
}

export function nameOf({ provider, operation, fault }: Cell): string {
  return `${provider}: ${operation} under ${fault}`;
}
