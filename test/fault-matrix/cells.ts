import type { MatrixProvider } from './ways.js';

/** `refused`: ended without money. `review`: ended with a person, after the provider was asked to the last. */
export type Ending = 'succeeded' | 'refused' | 'review';

export interface Cell {
  readonly provider: MatrixProvider;
  readonly operation: 'start' | 'query' | 'close' | 'notification' | 'every query';
  readonly fault: string;
  readonly ends: Ending;
  /** Beside the provider's usual request. */
  readonly change?: Readonly<Record<string, unknown>>;
}

const called: readonly MatrixProvider[] = ['alipay', 'wechat_pay', 'stripe', 'btcpay'];
const all: readonly MatrixProvider[] = [...called, 'union_pay'];

const startFaults = [
  'refused',
  'timeout_before',
  'timeout_after',
  'error_500_before',
  'error_500_after',
  'error_502_html',
  'reset_before',
  'reset_after',
  'slow_drip',
  'truncated',
  'oversized',
  'garbage',
  'rate_limited',
  'wrong_amount',
  'wrong_reference',
] as const;
const queryFaults = [
  'timeout_before',
  'error_500_before',
  'truncated',
  'garbage',
  'wrong_reference',
] as const;
const closeFaults = ['timeout_after', 'error_502_html', 'reset_after'] as const;
const notificationFaults = [
  'lost',
  'duplicated',
  'bad_signature',
  'wrong_amount',
  'wrong_reference',
] as const;

/** Ends soon, where only the end of the payment can tell. */
const short = { expires_in: 12 };

export const cells: readonly Cell[] = [
  ...called.flatMap((provider) => startFaults.map((fault) => startCell(provider, fault))),
  ...(['alipay', 'wechat_pay'] as const).map((provider) => startCell(provider, 'bad_signature')),
  // The first call runs, and its key is not kept: a second one under the same key would run again.
  { provider: 'stripe', operation: 'start', fault: 'key_ignored', ends: 'succeeded' },
  ...all.flatMap((provider) =>
    queryFaults.map((fault): Cell => ({ provider, operation: 'query', fault, ends: 'succeeded' })),
  ),
  ...(['alipay', 'wechat_pay', 'stripe'] as const).flatMap((provider) =>
    closeFaults.map((fault): Cell => ({ provider, operation: 'close', fault, ends: 'refused' })),
  ),
  ...all.flatMap((provider) =>
    notificationFaults.map((fault): Cell => ({
      provider,
      operation: 'notification',
      fault,
      ends: 'succeeded',
    })),
  ),
  // BTCPay counts in whole minutes: an invoice of twelve seconds it does not make.
  ...(['alipay', 'wechat_pay', 'stripe', 'union_pay'] as const).map((provider): Cell => ({
    provider,
    operation: 'every query',
    fault: 'error_500_before',
    ends: 'review',
    change: short,
  })),
];

function startCell(provider: MatrixProvider, fault: string): Cell {
  // Stripe keeps its own failure under the key: the charge never runs, and "not found" is proof only at the end.
  const isKept = provider === 'stripe' && fault === 'error_500_before';
  return {
    provider,
    operation: 'start',
    fault,
    ends: isKept ? 'refused' : 'succeeded',
    ...(isKept ? { change: short } : {}),
  };
}

const hanging: readonly string[] = ['timeout_before', 'timeout_after', 'slow_drip'];

/**
 * A fault of a start cannot name its payment, which has no reference yet. So nobody else of the provider starts until
 * the start has come through, also after a repetition; those that hang come last, within the time for which they hang,
 * and one that never comes through at the very end.
 */
export function turnOf({ operation, fault, ends }: Cell): 'waited_for' | 'hanging' | 'last' {
  if (operation !== 'start') return 'waited_for';
  if (ends === 'refused') return 'last';
  return hanging.includes(fault) ? 'hanging' : 'waited_for';
}

export function nameOf({ provider, operation, fault }: Cell): string {
  return `${provider}: ${operation} under ${fault}`;
}
