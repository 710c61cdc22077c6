import { missingOperations, whyLeftOut } from './left-out.js';
import { standInFaults } from './stand-in-faults.js';
import { ways, type FollowUp, type FollowUpCalls, type MatrixProvider } from './ways.js';

/** `refused`: nothing moved. `review`: a person has it, after the provider was asked to the last. */
export type FollowUpEnding = 'done' | 'refused' | 'review';

/** A fault in a refund, a capture or a void of money that was taken or is held before. */
export interface FollowUpCell {
  readonly provider: MatrixProvider;
  readonly operation: FollowUp;
  /** `look_up`: the answer to the call is lost as well. `nothing`: it is answered, and its end is told by nobody. */
  readonly in: 'call' | 'look_up' | 'every look_up' | 'nothing';
  readonly fault: string;
  readonly ends: FollowUpEnding;
  /** Nothing was moved, and in the end "not found" is proof of that. */
  readonly isNeverRun: boolean;
}

export const followUps = ['refund', 'capture', 'void'] as const;

/** One for each kind: whatever does not answer, does not know it yet, or lies, with a signature and without. */
const lookUpFaults = [
  'error_500_before',
  'garbage',
  'wrong_amount',
  'wrong_reference',
  'bad_signature',
  'query_not_yet',
];

const beforeItRan = ['timeout_before', 'error_500_before', 'error_502_html', 'reset_before'];

/** Stripe keeps its own failure under the key; UnionPay has no key under which the same could be asked for again. */
function isNeverRun(provider: MatrixProvider, fault: string): boolean {
  if (provider === 'stripe') return fault === 'error_500_before';
  return provider === 'union_pay' && beforeItRan.includes(fault);
}

function callsOf(provider: MatrixProvider, operation: FollowUp): FollowUpCalls[] {
  const calls = ways[provider].calls.followUps[operation];
  return calls === undefined ? [] : [calls];
}

function cellsOf(provider: MatrixProvider, operation: FollowUp, { lookUp }: FollowUpCalls): FollowUpCell[] {
  const { calls } = standInFaults[provider];
  const cell = { provider, operation };
  const never = { ends: 'review', isNeverRun: false } as const;
  const ofCall = calls
    .filter((fault) => whyLeftOut(provider, operation, fault) === undefined)
    .map((fault): FollowUpCell => {
      if (!isNeverRun(provider, fault))
        return { ...cell, in: 'call', fault, ends: 'done', isNeverRun: false };
      // Money that is held on, though it is to be let go, is a person's business.
      const ends = operation === 'void' ? 'review' : 'refused';
      return { ...cell, in: 'call', fault, ends, isNeverRun: true };
    });
  if (lookUp === null) return [...ofCall, { ...cell, ...never, in: 'nothing', fault: 'lost' }];
  const ofLookUp = calls
    .filter((fault) => lookUpFaults.includes(fault))
    .map((fault): FollowUpCell => ({ ...cell, in: 'look_up', fault, ends: 'done', isNeverRun: false }));
  return [...ofCall, ...ofLookUp, { ...cell, ...never, in: 'every look_up', fault: 'error_500_before' }];
}

export const followUpCells: readonly FollowUpCell[] = (Object.keys(ways) as MatrixProvider[]).flatMap(
  (provider) =>
    followUps
      .filter((operation) => missingOperations[provider][operation] === undefined)
      .flatMap((operation) =>
        callsOf(provider, operation).flatMap((calls) => cellsOf(provider, operation, calls)),
      ),
);

export function followUpName({ provider, operation, in: where, fault }: FollowUpCell): string {
  switch (where) {
    case 'call':
      return `${provider}: ${operation} under ${fault}`;
    case 'look_up':
      return `${provider}: the look-up of a ${operation} under ${fault}`;
    case 'every look_up':
      return `${provider}: a ${operation} of which no look-up tells`;
    case 'nothing':
      return `${provider}: a ${operation} whose end is never told`;
  }
}
