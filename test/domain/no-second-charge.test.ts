import { describe, expect, test } from 'vitest';
import { maySend } from '../../activities/provider-follow-up.js';
import { failOver } from '../../domain/failover.js';
import { followUpPosition, nextFollowUpStep, planFollowUp } from '../../domain/follow-up.js';
import { decideCaptured } from '../../domain/payment-capture.js';
import { decideTakeAdvance } from '../../domain/payment-advance.js';
import { applyChange } from '../../domain/payment-change.js';
import type { OperationFacts, PaymentFacts } from '../../domain/payment-facts.js';
import { nextStep } from '../../domain/payment-position.js';
import { decideRefused } from '../../domain/payment-refusal.js';
import {
  decideEmptied,
  decideRefunded,
  decideRefundReversed,
  everRefundedByUs,
  refundableOf,
  refundedByUs,
} from '../../domain/payment-refunds.js';
import { decidePaid } from '../../domain/payment-success.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { paymentError } from '../../domain/problem-codes.js';
import { refundStatus } from '../../domain/refund-resource.js';
import {
  error,
  HOUR,
  MINUTE,
  offer,
  operationFacts,
  paidFor,
  paymentFacts,
  postedBy,
  PRICE,
  T0,
} from './facts.js';

const noFacts = { holdings: [], openReviews: [] };
const sale = operationFacts({ status: 'succeeded', posted: ['paid'] });

describe('a refund that was never sent', () => {
  const record = { status: 'succeeded', amountReceivedMinor: PRICE } as const;
  const recovery = { recovery: { refund: 'replay' }, keyLifetimeMs: null } as const;
  const plan = { kind: 'refund', of: sale, amountMinor: 40_000, recovery } as const;
  const planned = planFollowUp(paymentFacts([sale], { record }), plan, T0, new Uint8Array(10));
  if (!planned) throw new Error('it was not planned');
  const refund = operationFacts({ ...planned, offerEndsAtMs: planned.sendableUntilMs, status: 'planned' });
  const payment = paymentFacts([sale, refund], { record });
  const stepAt = (nowMs: number) => nextFollowUpStep(followUpPosition(payment, refund), nowMs).do;

  test('is sent within its day', () => {
    const nowMs = planned.sendableUntilMs - 1;
    expect(stepAt(nowMs)).toBe('start_follow_up');
    expect(maySend(payment, refund, nowMs)).toBe(true);
  });

  test.each([
    ['from the end of that day', planned.sendableUntilMs],
    ['when "not found" would be proof at once', planned.conclusiveAfterMs + MINUTE],
    ['after its deadline', planned.deadlineMs + 99 * HOUR],
  ])('is dropped, and not sent, %s', (_when, nowMs) => {
    expect(stepAt(nowMs)).toBe('drop_follow_up');
    expect(maySend(payment, refund, nowMs)).toBe(false);
  });
});

test('no third account is charged once money of the first has come after all', () => {
  const given = { flow: null, paymentToken: 'pm_3', replayForMs: null };
  const lengths = { offerLifetimeMs: 5 * MINUTE, conclusiveMarginMs: MINUTE, graceMs: HOUR };
  const terms = { provider: 'stripe', accountId: 'acct_3', ...given, ...lengths };
  const first = operationFacts({ number: 1, provider: 'stripe', status: 'rejected' });
  const fallbacks = [{ terms, credential: 'c', isUsable: true }];
  const second = operationFacts({ number: 2, provider: 'stripe', status: 'sent', fallbacks });
  const refusal = { kind: 'failed', reason: 'declined', soft: 'processing_error', error } as const;
  const goOn = (payment: ReturnType<typeof paymentFacts>) => {
    const refused = decideRefused(payment, second, refusal, T0);
    return refused && failOver(payment, refused, T0, new Uint8Array(10)).next;
  };
  const before = paymentFacts([first, second]);
  expect(goOn(before)?.accountId).toBe('acct_3');
  const late = decidePaid(before, first, paidFor(first), T0);
  if (!late) throw new Error('late money changed nothing');
  expect(goOn(applyChange(before, late))).toBeUndefined();
});

describe('while money of an earlier attempt waits for a person', () => {
  const first = operationFacts({ number: 1, status: 'closed' });
  const offered = { status: 'action_required', offer, sentAtMs: T0, nextPollMs: T0 + MINUTE } as const;
  const approved = operationFacts({ number: 2, ...offered, approvedAtMs: T0 });
  const taken = { advanceTakenAtMs: T0, advanceReplayUntilMs: T0 + HOUR, advanceCount: 1 };
  const stepOf = (payment: PaymentFacts) => nextStep(positionOf(payment), T0 + 1).do;
  const withLateMoney = (payment: PaymentFacts) => {
    const late = decidePaid(payment, first, paidFor(first), T0);
    if (!late) throw new Error('late money changed nothing');
    return applyChange(payment, late);
  };

  test('what the payer approves meanwhile is not taken', () => {
    const before = paymentFacts([first, approved], { record: { status: 'requires_action' } });
    expect(stepOf(before)).toBe('advance_operation');
    expect(decideTakeAdvance(before, approved, HOUR, T0 + 1)).toBeDefined();
    const after = withLateMoney(before);
    expect(stepOf(after)).toBe('wait');
    expect(decideTakeAdvance(after, approved, HOUR, T0 + 1)).toBeUndefined();
  });

  test.each<[string, OperationFacts, string]>([
    ['take the money', { ...approved, ...taken, status: 'unknown' }, 'advance_operation'],
    ['collect', operationFacts({ number: 2, status: 'unknown', nextPollMs: T0 + MINUTE }), 'start_operation'],
  ])('a call to %s that was not answered is asked about, and not made again', (_what, unanswered, again) => {
    const before = paymentFacts([first, unanswered]);
    expect(stepOf(before)).toBe(again);
    expect(stepOf(withLateMoney(before))).toBe('wait');
  });
});

test('a capture of another amount, all of which was given back, ends its payment unpaid', () => {
  const held = operationFacts({ kind: 'authorize', status: 'succeeded', captureBeforeMs: T0 + 5 * HOUR });
  const capture = operationFacts({ number: 2, kind: 'capture', ofOperationId: held.id, status: 'sent' });
  const record = { status: 'processing', capture: 'manual' } as const;
  const asked = paymentFacts([held, capture], { record });
  const { providerKey: reference, currency } = capture;
  const moved = { reference, amountMinor: 90_000, currency, providerReference: 'x', movedAtMs: null };
  const captured = decideCaptured(asked, capture, moved, T0);
  if (!captured) throw new Error('the capture changed nothing');
  const inReview = applyChange(asked, captured);
  const taken = inReview.operations[1];
  if (taken?.status !== 'review') throw new Error('the capture is not in review');
  const holdings = [{ operationId: taken.id, payableMinor: 0, suspenseMinor: 0 }];
  const emptied = decideEmptied(inReview, taken, { ...noFacts, holdings });
  expect(emptied).toMatchObject({ status: 'canceled', outcome: 'known', releasesClaims: true });
});

describe('a refund of 400.00 of which the provider moved 300.00', () => {
  const refund = operationFacts({
    ...{ number: 2, kind: 'refund', ofOperationId: sale.id, status: 'sent', amountMinor: 40_000 },
  });
  const record = { status: 'succeeded', amountReceivedMinor: PRICE } as const;
  const asked = paymentFacts([sale, refund], { record });
  const { providerKey: reference, currency } = refund;
  const held = (payableMinor: number) => ({
    holdings: [{ operationId: sale.id, payableMinor, suspenseMinor: 0 }],
    openReviews: [],
  });
  const moved = { reference, amountMinor: 30_000, currency, providerReference: 'x', movedAtMs: null };
  const gone = decideRefunded(asked, refund, moved, held(PRICE), T0);
  if (!gone) throw new Error('the refund changed nothing');
  const after = applyChange(asked, gone);
  const [, given] = after.operations;
  if (!given) throw new Error('the refund is gone');

  test('counts as 300.00, and leaves the rest to be refunded', () => {
    expect(after.record).toMatchObject({ amountRefundedMinor: 30_000, outcome: 'review' });
    expect(refundedByUs(after, sale)).toBe(30_000);
    expect(refundableOf(after, held(70_000))).toEqual([{ of: sale, leftMinor: 70_000 }]);
  });

  test('stays a question to a person, whatever else is given back', () => {
    const next = operationFacts({
      ...{ number: 3, kind: 'refund', ofOperationId: sale.id, status: 'sent', amountMinor: 10_000 },
    });
    const openReviews = [{ operationId: given.id, reason: 'amount_differs' as const }];
    const more = decideRefunded(
      { ...after, operations: [...after.operations, next] },
      next,
      { ...moved, reference: next.providerKey, amountMinor: 10_000 },
      { ...held(70_000), openReviews },
      T0,
    );
    expect(more).toMatchObject({ operation: { to: 'succeeded' }, amountRefundedMinor: 40_000 });
    expect(more?.closesReviews ?? []).toEqual([]);
    expect(more).not.toHaveProperty('outcome');
  });

  test('and that came back, puts 300.00 into suspense, is over, and is told to a person', () => {
    const back = decideRefundReversed(
      after,
      given,
      paymentError('refund_refused', 'alipay', 'it came back', null),
    );
    if (!back) throw new Error('its coming back changed nothing');
    expect(back).toMatchObject({ outcome: 'review', review: { reason: 'refund_failed' } });
    expect(Object.fromEntries(postedBy(back))).toEqual({
      'provider:alipay:acct_1 CNY': 30_000,
      'merchant:merchant456:suspense CNY': -30_000,
    });
    const over = applyChange(after, back);
    expect(over.record.amountRefundedMinor).toBe(0);
    expect(over.operations[1]).toMatchObject({ status: 'closed' });
    expect([refundedByUs(over, sale), everRefundedByUs(over, sale)]).toEqual([0, 30_000]);
    expect(refundStatus({ operationStatus: 'closed', posted: ['refunded', 'refund_reversed'] })).toBe(
      'failed',
    );
  });
});
