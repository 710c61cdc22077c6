import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { failOver, failOverUnsent } from '../../domain/failover.js';
import { mayFailOver } from '../../domain/failover-reasons.js';
import { softRefusals, type FailureReason, type StartOutcome } from '../../domain/outcome.js';
import { isOpen } from '../../domain/operation.js';
import { applyChange } from '../../domain/payment-change.js';
import { decideLookup, decideStart, decideStopped } from '../../domain/payment-decisions.js';
import type { FallbackFacts } from '../../domain/payment-facts.js';
import { anyOutcome, anyPosition, error, HOUR, MINUTE, operationFacts, paymentFacts, T0 } from './facts.js';

const bytes = new Uint8Array(10).fill(9);
const fallback = (accountId: string, isUsable = true): FallbackFacts => ({
  terms: {
    provider: 'adyen',
    accountId,
    flow: 'redirect',
    paymentToken: `token of ${accountId}`,
    offerLifetimeMs: 15 * MINUTE,
    conclusiveMarginMs: 2 * MINUTE,
    graceMs: HOUR,
    replayForMs: 60_000,
  },
  credential: `credential of ${accountId}`,
  isUsable,
});
const sent = operationFacts({
  status: 'sent',
  sentAtMs: T0,
  paymentToken: 'token of acct_1',
  refusedFunding: ['prepaid'],
  fallbacks: [fallback('acct_2', false), fallback('acct_3'), fallback('acct_4')],
});
const payment = paymentFacts([sent]);
const refused = (reason: FailureReason, more: object = {}): StartOutcome => ({
  kind: 'failed',
  reason,
  error,
  ...more,
});
const answer = (outcome: StartOutcome, of = payment, nowMs = T0 + 1_000) => {
  const change = decideStart(of, of.operations.at(-1)!, outcome, nowMs);
  return change && failOver(of, change, nowMs, bytes);
};

test('what the provider refuses of the request itself is nothing that the payer could better', () => {
  expect(answer(refused('declined'))?.lastError).toMatchObject({ code: 'declined', retryable: true });
  expect(answer(refused('invalid'))?.lastError).toMatchObject({ code: 'declined', retryable: false });
});

describe('which refusals go on to the next account', () => {
  const reasons: FailureReason[] = ['declined', 'invalid', 'conflict', 'expired', 'insufficient_funds'];

  it('a wrong configuration does, a soft refusal does, and nothing else', () => {
    expect(mayFailOver({ reason: 'config' })).toBe(true);
    for (const soft of softRefusals) expect(mayFailOver({ reason: 'declined', soft })).toBe(true);
    for (const reason of [...reasons, 'not_refundable'] as const) expect(mayFailOver({ reason })).toBe(false);
    for (const reason of ['conflict', 'expired', 'insufficient_funds', 'not_refundable'] as const) {
      expect(mayFailOver({ reason, soft: 'processing_error' })).toBe(false);
    }
  });

  it.each(reasons)('%s alone leaves the payer another way', (reason) => {
    expect(answer(refused(reason))).toMatchObject({ status: 'requires_payment_method' });
    expect(answer(refused(reason))?.next).toBeUndefined();
  });
});

describe('going on', () => {
  const change = answer(refused('declined', { soft: 'processing_error' }))!;

  it('plans the first account that can be used, as it was chosen and with its own token', () => {
    expect(change.next).toMatchObject({
      number: 2,
      status: 'planned',
      provider: 'adyen',
      accountId: 'acct_3',
      credential: 'credential of acct_3',
      paymentToken: 'token of acct_3',
      refusedFunding: ['prepaid'],
      replayForMs: 60_000,
      sentAtMs: null,
    });
    expect(change.next!.providerKey).not.toBe(sent.providerKey);
    expect(change.next!.fallbacks.map(({ terms }) => terms.accountId)).toEqual(['acct_4']);
    const after = applyChange(payment, change);
    expect(after.operations.map(({ status }) => status)).toEqual(['rejected', 'planned']);
    expect(after.operations[0]!.fallbacks).toEqual([]);
  });

  it('is no failure of the payment, and stands in its timeline', () => {
    expect(change).toMatchObject({ status: 'processing', outcome: 'known', lastError: null });
    expect(change.events.map(({ type }) => type)).toEqual(['operation.refused', 'operation.failed_over']);
  });

  it.each([
    ['is canceled', { cancelRequested: true }],
    ['has expired', { record: { expiresAtMs: T0 + 500 } }],
    ['has no time for an offer', { record: { expiresAtMs: T0 + 1_900 } }],
    ['has ended', { record: { status: 'canceled' as const } }],
  ])('does not happen where the payment %s', (_, of) => {
    const outcome = refused('declined', { soft: 'processing_error' });
    expect(answer(outcome, paymentFacts([sent], of))?.next).toBeUndefined();
  });

  it('does not happen where no account can be used', () => {
    const operation = { ...sent, fallbacks: [fallback('acct_2', false)] };
    const outcome = refused('config');
    expect(answer(outcome, paymentFacts([operation]))).toMatchObject({ status: 'requires_payment_method' });
  });

  it('comes after the close where the refused object could still be paid', () => {
    const open = answer(refused('declined', { soft: 'processing_error', stillPayable: true }))!;
    expect([open.operation?.to, open.next]).toEqual(['action_required', undefined]);
    const waiting = applyChange(payment, open);
    const closed = decideLookup(waiting, waiting.operations[0]!, { kind: 'closed' }, T0 + 2_000)!;
    expect(failOver(waiting, closed, T0 + 2_000, bytes).next?.accountId).toBe('acct_3');
  });

  it('keeps no tokens while an object is closed after which it will not go on', () => {
    const open = answer(refused('insufficient_funds', { stillPayable: true }))!;
    const waiting = applyChange(payment, open);
    expect(waiting.operations[0]!.fallbacks).toEqual([]);
    const closed = decideLookup(waiting, waiting.operations[0]!, { kind: 'closed' }, T0 + 2_000)!;
    expect(failOver(waiting, closed, T0 + 2_000, bytes)).toMatchObject({
      status: 'requires_payment_method',
    });
  });

  it('follows a kill switch of the first account', () => {
    const planned = { ...sent, status: 'planned' as const, sentAtMs: null, isStopped: true };
    const stopped = paymentFacts([planned]);
    const change = failOver(stopped, decideStopped(stopped, planned)!, T0, bytes);
    expect([change.operation?.to, change.next?.accountId]).toEqual(['canceled', 'acct_3']);
  });

  it('does not follow an offer that nobody paid', () => {
    const offered = { ...sent, status: 'action_required' as const };
    const of = paymentFacts([offered]);
    const closed = decideLookup(of, offered, { kind: 'closed' }, T0 + HOUR / 2)!;
    expect(failOver(of, closed, T0 + HOUR / 2, bytes).next).toBeUndefined();
  });
});

describe('what was never delivered', () => {
  it('goes on at once, and stays planned where there is nowhere to go', () => {
    const change = failOverUnsent(payment, sent, { error }, T0, bytes)!;
    expect([change.operation, change.next?.accountId]).toMatchObject([
      { from: 'sent', to: 'canceled' },
      'acct_3',
    ]);
    const alone = { ...sent, fallbacks: [] };
    expect(failOverUnsent(paymentFacts([alone]), alone, { error }, T0, bytes)).toBeUndefined();
  });

  it('is over where only a person could mend it', () => {
    const alone = { ...sent, fallbacks: [] };
    const change = failOverUnsent(paymentFacts([alone]), alone, { error, reason: 'config' }, T0, bytes);
    expect(change).toMatchObject({
      operation: { to: 'canceled' },
      status: 'requires_payment_method',
      lastError: { code: 'provider_misconfigured' },
    });
  });

  it.each(['unknown', 'pending', 'action_required', 'review', 'succeeded', 'rejected'] as const)(
    'cannot be said of an operation that is %s',
    (status) => {
      const operation = { ...sent, status };
      expect(failOverUnsent(paymentFacts([operation]), operation, { error }, T0, bytes)).toBeUndefined();
    },
  );
});

it('whatever is answered in whatever position, there is one open attempt at most, and the next begins where one ended by evidence', () => {
  const positionAndAnswer = anyPosition.chain(({ payment: of, newest, nowMs }) =>
    anyOutcome(newest).map((outcome) => ({ of, newest, nowMs, outcome })),
  );
  fc.assert(
    fc.property(positionAndAnswer, fc.boolean(), ({ of, newest, nowMs, outcome }, soft) => {
      const operation = { ...newest, fallbacks: [fallback('acct_2'), fallback('acct_3')] };
      const operations = of.operations.map((known) => (known.id === operation.id ? operation : known));
      const before = { ...of, operations, record: { ...of.record, operations } };
      const told =
        outcome.kind === 'failed' && soft ? { ...outcome, soft: 'processing_error' as const } : outcome;
      const change = decideLookup(before, operation, told, nowMs);
      if (!change) return;
      const decided = failOver(before, change, nowMs, bytes);
      const after = applyChange(before, decided);
      expect(after.operations.filter(({ status }) => isOpen(status)).length).toBeLessThanOrEqual(1);
      if (!decided.next) return;
      expect(isOpen(decided.operation!.to)).toBe(false);
      expect(['failed', 'closed']).toContain(outcome.kind);
      expect(before.cancelRequested).toBe(false);
    }),
    { numRuns: 1000 },
  );
});
