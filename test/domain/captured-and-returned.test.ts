import { describe, expect, it } from 'vitest';
import type { MovedEvidence } from '../../domain/outcome.js';
import type { OperationFacts } from '../../domain/payment-facts.js';
import { decideCaptured } from '../../domain/payment-capture.js';
import { applyChange } from '../../domain/payment-change.js';
import { nextStep } from '../../domain/payment-position.js';
import { positionOf } from '../../domain/position-of-payment.js';
import { HOUR, operationFacts, paymentFacts, postedBy, PRICE, T0 } from './facts.js';

const hold = operationFacts({ kind: 'authorize', status: 'succeeded' });
const capture = (change: Partial<OperationFacts> = {}) =>
  operationFacts({ number: 2, kind: 'capture', ofOperationId: hold.id, status: 'unknown', ...change });
const captured = capture({ status: 'succeeded', posted: ['paid'] });

function told(
  operation: OperationFacts,
  refundedMinor: number,
  status: 'processing' | 'succeeded' | 'canceled',
) {
  const moved: MovedEvidence = {
    ...{ reference: operation.providerKey, amountMinor: PRICE, currency: 'CNY' },
    ...{ providerReference: 'ORDER', movedAtMs: T0, refundedMinor },
  };
  const amountReceivedMinor = operation.posted.length > 0 ? PRICE : 0;
  const facts = paymentFacts([hold, operation], { record: { status, amountReceivedMinor } });
  return decideCaptured(facts, operation, moved, T0);
}

describe('a capture of which money went back', () => {
  it('before we knew of either ends the payment unpaid, and both are posted', () => {
    const change = told(capture(), PRICE, 'processing');
    expect(change).toMatchObject({
      operation: { to: 'closed' },
      ...{ status: 'canceled', releasesClaims: true },
      ...{ amountReceivedMinor: PRICE, amountRefundedMinor: PRICE },
    });
    expect(change).not.toHaveProperty('grantsEntitlements');
    expect([...postedBy(change).values()].every((minor) => minor === 0)).toBe(true);
  });

  it('in part, before we knew of either, delivers nothing: the rest is for a person', () => {
    const change = told(capture(), 30_000, 'processing');
    expect(change).toMatchObject({
      operation: { to: 'review' },
      ...{ status: 'processing', outcome: 'review', amountRefundedMinor: 30_000 },
      review: { reason: 'amount_differs' },
    });
    expect(change).not.toHaveProperty('grantsEntitlements');
    expect(postedBy(change).get('merchant:merchant456:suspense CNY')).toBe(30_000 - PRICE);
  });

  it('of a payment that was over is posted, and opens no review where nothing is left', () => {
    const change = told(capture({ status: 'rejected' }), PRICE, 'canceled');
    expect(change).toMatchObject({ operation: { to: 'late_success' }, amountRefundedMinor: PRICE });
    expect(change).not.toHaveProperty('review');
    expect(change).not.toHaveProperty('status');
  });

  it('of a payment that had succeeded is reversed, and a person decides', () => {
    expect(told(captured, PRICE, 'succeeded')).toMatchObject({
      ...{ outcome: 'review', amountRefundedMinor: PRICE },
      postings: [{ fact: 'refunded_by_provider' }],
      review: { reason: 'unexpected_refund' },
    });
  });

  it('of another amount than was asked for, which a person looks at, ends the payment once all went back', () => {
    const differing = capture({ status: 'review', posted: ['paid'] });
    expect(told(differing, 30_000, 'processing')).toBeUndefined();
    expect(told(differing, PRICE, 'processing')).toMatchObject({
      operation: { to: 'closed' },
      ...{ status: 'canceled', outcome: 'known', releasesClaims: true },
      events: [{ type: 'operation.refunded_by_provider' }, { type: 'payment.canceled' }],
    });
  });

  it.each([
    ['in part', { amountMinor: PRICE, refundedMinor: 30_000 }],
    ['of another amount', { amountMinor: 90_000 }],
  ])(
    'found %s after it had been given up ends the payment unpaid: nothing is left to let go',
    (_what, found) => {
      const givenUp = capture({ status: 'rejected' });
      const moved: MovedEvidence = {
        ...{ reference: givenUp.providerKey, currency: 'CNY', providerReference: 'ORDER', movedAtMs: T0 },
        ...found,
      };
      const held = { ...hold, captureBeforeMs: T0 + HOUR };
      const facts = paymentFacts([held, givenUp], { record: { status: 'requires_capture' } });
      const change = decideCaptured(facts, givenUp, moved, T0);
      if (!change) throw new Error('it changed nothing');
      expect(change).toMatchObject({
        operation: { to: 'late_success' },
        ...{ status: 'canceled', outcome: 'review', releasesClaims: true },
        review: { reason: 'amount_differs' },
      });
      expect(nextStep(positionOf(applyChange(facts, change)), T0 + 2 * HOUR)).toEqual({ do: 'finish' });
    },
  );

  it('told a second time is no news', () => {
    const reversed = capture({ status: 'succeeded', posted: ['paid', 'refunded_by_provider'] });
    expect(told(reversed, PRICE, 'succeeded')).toBeUndefined();
    expect(told(captured, 0, 'succeeded')).toBeUndefined();
  });
});
